package import Core
internal import Containers
internal import Jobs
internal import Logging
internal import State

// A production app that was created with staging has a twin: an app of its own with its own address, containers and
// volumes, and the same images. All changes land there; promoting copies what is staged to production.
extension AppService {
    // MARK: The twin

    /// Makes the staging twin of an app that is being created; it is recorded before the app, so that one without the
    /// other is known to be a leftover.
    /// - Returns: its identifier.
    func createTwin(
        of record: AppRecord, _ settings: AppSettings, _ version: AppVersion, at address: AppAddress
    ) async throws -> String {
        let id = AppNames.twin(of: record.id)
        let source = try await world.sources.store(version.directory, spec: nil, app: id, version: 1)
        let copy = AppVersion(
            appID: id, address: address, number: 1, directory: source.directory, sourceHash: source.hash,
            details: version.details, createdAt: version.createdAt)
        var twin = AppRecord(
            id: id, host: address.domain, path: address.path, name: record.name, source: record.source,
            state: record.state, createdAt: record.createdAt)
        twin.currentVersion = 1
        twin.paramsJSON = record.paramsJSON
        twin.approvedPermissionsJSON = record.approvedPermissionsJSON
        var own = settings
        own.production = record.id
        twin.settingsJSON = try Stored.text(own)
        let live = await load(copy, own, twin)
        try await world.apps.insert(twin, version: copy.record(.live))
        let runtime = makeRuntime(live)
        runtimes[id] = runtime
        await runtime.publishRoutes()
        return id
    }

    /// Removes a twin whose app was not created after all.
    func discardTwin(of id: String) async {
        do { try await performDelete(AppNames.twin(of: id)) } catch {
            world.logger.warning(
                "staging twin could not be removed; the next start tries again",
                metadata: ["app.id": "\(id)", "error": "\(error)"])
        }
    }

    /// The address of an app's staging twin.
    func stagingAddress(of settings: AppSettings) async throws -> AppAddress? {
        guard let id = settings.staging, let twin = try await world.apps.app(id) else { return nil }
        return try twin.address(defaultDomain: configuration.defaultDomain)
    }

    /// Refuses changes of a twin itself.
    /// - Throws: ``AppError`` `.appAddress`.
    func requireNoTwin(_ record: AppRecord) async throws {
        guard AppNames.isStaging(record.id) else { return }
        let settings = try Stored.value(AppSettings.self, record.settingsJSON)
        let address = try record.address(defaultDomain: configuration.defaultDomain)
        var main: AppRecord?
        if let id = settings.production { main = try await world.apps.app(id) }
        let name = try main?.address(defaultDomain: configuration.defaultDomain).description ?? "the production app"
        throw AppError(
            .appAddress, "`\(address)` is the staging twin of `\(name)`", hint: "changes of `\(name)` land on it first")
    }

    // MARK: Changes

    /// Reloads the twin; with `promote` production follows, and if that fails the twin goes back, too.
    func performStagedReload(
        _ id: String, twin: String, _ request: AppReloadRequest
    ) async throws -> AppChange {
        let context = try await context(twin)
        let before = (record: context.record, version: await context.runtime.live.version)
        let change = try await performReload(twin, request)
        guard request.promote, !request.dryRun else { return change }
        do {
            var promoted = try await performPromote(id, verify: request.verify)
            promoted.changed = promoted.changed || change.changed
            return promoted
        } catch {
            if change.changed { await goBack(twin, to: before.version, before.record) }
            throw error
        }
    }

    /// Copies what is staged to production.
    /// - Parameter dryRun: only report.
    package func promote(
        _ app: String, dryRun: Bool = false, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppChange {
        let record = try await record(app)
        try await requireNoTwin(record)
        if dryRun { return try await performPromote(record.id, isDryRun: true) }
        return try await job(.appReload, "app/\(record.id)", "promote", jobID, initiator) {
            try await self.performPromote(record.id)
        }
    }

    func performPromote(_ id: String, verify: Bool = false, isDryRun: Bool = false) async throws -> AppChange {
        let main = try await context(id)
        let old = await main.runtime.live.version
        guard let twinID = main.settings.staging else {
            throw AppError(
                .appAddress, "app `\(old.address)` has no staging twin, so there is nothing to promote",
                hint: "it was created without --staging: a reload changes it at once")
        }
        let twin = try await context(twinID)
        let staged = await twin.runtime.live.version
        var record = main.record
        var settings = main.settings
        record.approvedPermissionsJSON = twin.record.approvedPermissionsJSON
        settings.approvedLoads = twin.settings.approvedLoads
        let isSame =
            staged.sourceHash == old.sourceHash && staged.details == old.details
            && record.approvedPermissionsJSON == main.record.approvedPermissionsJSON
            && settings.approvedLoads == main.settings.approvedLoads
        var change = AppChange(
            id: id, address: old.address.description, version: old.number, changed: !isSame,
            audit: try audit(record, settings, staged.details))
        if isSame, verify, !isDryRun {
            _ = try await main.runtime.ensure()
            change.verified = true
        }
        if isSame || isDryRun { return change }
        let number = (try await world.apps.versions(of: id).map(\.number).max() ?? 0) + 1
        JobProgress.sink?(.step("promote version \(staged.number) of staging to version \(number)"))
        let source = try await world.sources.store(staged.directory, spec: nil, app: id, version: number)
        do {
            let version = AppVersion(
                appID: id, address: old.address, number: number, directory: source.directory, sourceHash: source.hash,
                details: staged.details, createdAt: world.time.milliseconds)
            return try await deploy(
                version, AppContext(record: record, settings: settings, runtime: main.runtime),
                AppReloadRequest(verify: verify))
        } catch {
            try? await world.sources.remove(app: id, version: number)  // found again as unknown at the next start
            throw AppError(starting: error).naming(app: old.address.description)
        }
    }

    /// Makes an earlier version of an app the live one again, as well as it can be done.
    private func goBack(_ id: String, to version: AppVersion, _ earlier: AppRecord) async {
        do {
            let runtime = try runtime(id)
            let settings = try Stored.value(AppSettings.self, earlier.settingsJSON)
            let live = await load(version, settings, earlier)
            var running: RunningService?
            if await runtime.isActive, case .success(let loaded) = live.outcome,
                loaded.declaration.container?.isCommand == false
            {
                running = try await runtime.prepare(live)
            }
            var record = earlier
            record.updatedAt = world.time.milliseconds
            try await world.apps.save(version.record(.live), updating: record)
            await runtime.switchOver(to: live, running: running)
        } catch {
            world.logger.error(
                "staging keeps a version that could not be promoted",
                metadata: ["app.id": "\(id)", "error": "\(AppError(any: error).message)"])
        }
    }

    // MARK: Settings

    /// Decides whether the staging twin may write; at once, for all versions.
    package func setStagingWrites(
        _ app: String, allowed: Bool, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppSummary {
        let record = try await record(app)
        try await requireNoTwin(record)
        return try await job(.appReload, "app/\(record.id)", "writes \(allowed)", jobID, initiator) {
            guard let twinID = try await self.context(record.id).settings.staging else {
                throw AppError(
                    .appAddress, "app `\(app)` has no staging twin", hint: "`app create --staging` makes one")
            }
            let twin = try await self.context(twinID)
            var settings = twin.settings
            settings.refusesWrites = allowed ? nil : true
            var changed = twin.record
            changed.settingsJSON = try Stored.text(settings)
            changed.updatedAt = self.world.time.milliseconds
            try await self.world.apps.update(changed)
            await twin.runtime.update(await self.load(await twin.runtime.live.version, settings, changed))
            return try await self.summary(record)
        }
    }

    // MARK: Leftovers

    /// Twins whose app does not exist: their creation or their app's deletion was interrupted.
    func orphans(_ records: [AppRecord]) -> [String] {
        let active = Set(records.filter { $0.state == AppRecordState.active.rawValue }.map(\.id))
        return records.map(\.id).filter { AppNames.isStaging($0) && !active.contains(AppNames.production(of: $0)) }
    }
}
