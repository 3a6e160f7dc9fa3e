internal import Core
internal import Logging
internal import State

// Development apps: the source is read from where it is edited, there is one version, and every change reloads it.
extension AppService {
    /// Checks the source of a development app, and stores the files of its spec beside it: nothing is written into it.
    /// - Throws: ``AppError`` `.appSource`.
    func developmentSource(_ request: AppCreateRequest, _ spec: AppSpec?, _ id: String) async throws -> StoredSource {
        var path = request.source
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard path != "-" else {
            throw AppError(
                .appSource, "a development app needs a source directory, not `-`", hint: "leave out --dev")
        }
        try await world.sources.check(path)
        let beside = try await world.sources.store("-", spec: spec, app: id, version: 1)
        return StoredSource(directory: path, hash: "live", specFiles: beside.specFiles, skipped: [])
    }

    /// Where the spec's files of a development app are.
    func specDirectory(of id: String) -> String { "\(world.sources.root)/\(id)/1" }

    /// Follows the source of a development app from now on.
    /// - Returns: why its changes are not seen; nil when they are.
    func watchSource(of runtime: AppRuntime) async -> String? {
        let id = runtime.id
        let directory = await runtime.live.version.directory
        await endWatch(of: id)
        let watch = SourceWatch(app: id, directory: directory, world: world) { [weak self] in
            await self?.sourceChanged(id)
        }
        watches[id] = watch
        return await watch.start()
    }

    /// Ends what follows a source.
    func endWatch(of id: String) async { await watches.removeValue(forKey: id)?.close() }

    private func sourceChanged(_ id: String) async {
        reloads += 1
        do {
            _ = try await job(.appReload, "app/\(id)", "change \(reloads)", nil, "watcher") {
                try await self.performDevelopmentReload(id, AppReloadRequest(), isAutomatic: true)
            }
        } catch {
            world.logger.info(
                "development app does not work with its changed source",
                metadata: ["app.id": "\(id)", "error": "\(AppError(any: error).message)"])
        }
    }

    /// Takes the source of a development app as it is now. What is wrong with it answers requests until it is put right.
    /// - Parameter isAutomatic: whether the change of a file asks, not a person.
    func performDevelopmentReload(
        _ id: String, _ request: AppReloadRequest, isAutomatic: Bool
    ) async throws -> AppChange {
        let context = try await context(id)
        defer { if !request.dryRun { context.runtime.browsers?.reloaded() } }
        // Before the source is read, so that nothing falls between.
        let problem = isAutomatic || request.dryRun ? nil : await watchSource(of: context.runtime)
        var record = context.record
        var settings = context.settings
        let old = await context.runtime.live
        var version = old.version
        version.details = try Self.changed(version.details, by: request)
        var live: LiveVersion
        do {
            try await inspect(&version)
            if request.approve { try approve(&record, &settings, version.details) }
            let report = try audit(record, settings, version.details)
            if report.needsApproval, !isAutomatic { throw AppError.needsApproval(report.address) }
            live = await load(version, settings, record)
        } catch {
            live = LiveVersion(
                version: version, approvedLoads: old.approvedLoads, approvedPermissions: old.approvedPermissions,
                outcome: .failure(AppError(any: error).naming(app: version.address.description)))
        }
        // A pinned image stays until a person asks, or the app names another one.
        if !isAutomatic || Self.imageName(live) != Self.imageName(old) { live.version.details.imageDigest = nil }
        var change = AppChange(
            id: id, address: version.address.description, version: version.number, changed: !request.dryRun,
            audit: try audit(record, settings, version.details), notices: problem.map { [$0] } ?? [])
        guard !request.dryRun else {
            _ = try live.outcome.get()
            return change
        }
        record.name = version.details.name
        record.paramsJSON = try Stored.text(version.details.params)
        record.settingsJSON = try Stored.text(settings)
        record.updatedAt = world.time.milliseconds
        try await world.apps.save(live.version.record(.live), updating: record)
        let wasActive = await context.runtime.develop(live)
        let loaded = try live.outcome.get()
        guard let config = loaded.declaration.container, !config.isCommand else {
            await context.runtime.removeService()
            if let config = loaded.declaration.container { change.notices += await planProblems(live, config) }
            return change
        }
        if wasActive || request.verify {
            _ = try await context.runtime.ensure()
            change.verified = true
        }
        change.notices += await planProblems(live, config)
        return change
    }

    private static func imageName(_ live: LiveVersion) -> String? {
        // An app that could not be evaluated names none.
        guard case .image(let name)? = (try? live.outcome.get())?.declaration.container?.source else { return nil }
        return name
    }
}
