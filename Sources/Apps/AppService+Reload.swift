package import Core
internal import Containers
internal import Engines
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import OCI
internal import State

extension AppService {
    // MARK: Reload

    /// Reads the source again (or keeps it, for an app without one), as a job; see ``AppReloadRequest``. When the app
    /// runs, the new version's container is started beside the old one and must become healthy; if anything fails, the
    /// old one keeps serving and nothing has changed.
    package func reload(
        _ app: String, _ request: AppReloadRequest = AppReloadRequest(), jobID: JobID? = nil,
        initiator: String = "local"
    ) async throws -> AppChange {
        let record = try await record(app)
        try await requireNoTwin(record)
        if request.dryRun { return try await performReload(record.id, request) }
        return try await job(.appReload, "app/\(record.id)", request, jobID, initiator) {
            try await self.performReload(record.id, request)
        }
    }

    func performReload(_ id: String, _ request: AppReloadRequest) async throws -> AppChange {
        if AppNames.isDevelopment(id) {
            return try await performDevelopmentReload(id, request, isAutomatic: false)
        }
        let context = try await context(id)
        if let twin = context.settings.staging { return try await performStagedReload(id, twin: twin, request) }
        let old = await context.runtime.live.version
        let spec = try context.settings.spec.map(AppSpec.named)
        let name = old.address.description
        var details: VersionDetails
        do { details = try Self.changed(old.details, by: request) } catch {
            throw AppError(any: error).naming(app: name)
        }
        let hash = try await world.sources.hash(of: context.record.source, spec: spec)
        let isSameSource = hash == old.sourceHash
        if request.force { await context.runtime.forgetFailure() }
        let digest = isSameSource ? try await freshDigest(context) : nil
        details.imageDigest = digest
        if isSameSource, details == old.details, !request.force {
            return try await unchanged(context, old, request)
        }
        let number = (try await world.apps.versions(of: id).map(\.number).max() ?? 0) + 1
        JobProgress.sink?(.step("copy the source as version \(number)"))
        let source = try await world.sources.store(context.record.source, spec: spec, app: id, version: number)
        do {
            details.specFiles = source.specFiles
            var version = AppVersion(
                appID: id, address: old.address, number: number, directory: source.directory, sourceHash: source.hash,
                details: details, createdAt: world.time.milliseconds)
            try await inspect(&version)
            return try await deploy(version, context, request)
        } catch {
            try? await world.sources.remove(app: id, version: number)  // found again as unknown at the next start
            throw AppError(starting: error).naming(app: name)
        }
    }

    /// What is stored of a version with what a request changes.
    static func changed(_ old: VersionDetails, by request: AppReloadRequest) throws -> VersionDetails {
        var details = old
        for (name, value) in request.params { details.params[name] = value.map(unquoted) }
        for (name, value) in request.buildArguments { details.buildArguments[name] = value }
        for (name, value) in request.containerOptions { details.containerOptions[name] = value }
        if let volumes = request.containerVolumes { details.containerVolumes = volumes }
        _ = try ContainerOptions(details.containerOptions)
        return details
    }

    /// Checks, starts where needed, records and switches to a version whose source is stored and inspected.
    func deploy(
        _ version: AppVersion, _ context: AppContext, _ request: AppReloadRequest
    ) async throws -> AppChange {
        var record = context.record
        var settings = context.settings
        if request.approve { try approve(&record, &settings, version.details) }
        let audit = try audit(record, settings, version.details)
        if audit.needsApproval { throw AppError.needsApproval(audit.address) }
        var live = await load(version, settings, record)
        let loaded = try live.outcome.get()
        live = try await repinned(live, loaded)
        var change = AppChange(
            id: record.id, address: audit.address, version: version.number, changed: !request.dryRun, audit: audit)
        guard !request.dryRun else {
            try await world.sources.remove(app: record.id, version: version.number)
            return change
        }
        let isService = loaded.declaration.container.map { !$0.isCommand } ?? false
        let isActive = await context.runtime.isActive
        var running: RunningService?
        if isService, request.verify || isActive {
            do {
                running = try await context.runtime.prepare(live)
            } catch {
                await context.runtime.discardPrepared()
                throw error
            }
            change.verified = true
        }
        record.name = version.details.name
        record.currentVersion = version.number
        record.paramsJSON = try Stored.text(version.details.params)
        record.settingsJSON = try Stored.text(settings)
        record.updatedAt = world.time.milliseconds
        try await world.apps.save(live.version.record(.live), updating: record)
        let previous = await context.runtime.live
        await context.runtime.switchOver(to: live, running: running)
        await collectVersions(record)
        await collectImages(live: live, previous: previous)
        return change
    }

    /// For an image app whose digest is not known yet: asks the registry, keeps what is known when that fails.
    private func repinned(_ live: LiveVersion, _ loaded: LoadedApp) async throws -> LiveVersion {
        guard case .image(let name)? = loaded.declaration.container?.source, live.version.details.imageDigest == nil
        else { return live }
        var copy = live
        let image = try await ImageResolver(world: world).resolve(name, policy: .always)
        copy.version.details.imageDigest = image.digest.rawValue
        return copy
    }

    /// The digest an image app's tag has now; for other apps, and for those never started, what is recorded.
    private func freshDigest(_ context: AppContext) async throws -> String? {
        let live = await context.runtime.live
        guard case .success(let loaded) = live.outcome, let pinned = live.version.details.imageDigest,
            case .image(let name)? = loaded.declaration.container?.source
        else { return live.version.details.imageDigest }
        do {
            return try await ImageResolver(world: world).resolve(name, policy: .always).digest.rawValue
        } catch let error as AppError {
            world.logger.warning(
                "image could not be looked up; the pinned one stays",
                metadata: ["app.id": "\(live.version.appID)", "error": "\(error.message)"])
            return pinned
        }
    }

    private func unchanged(
        _ context: AppContext, _ version: AppVersion, _ request: AppReloadRequest
    ) async throws -> AppChange {
        var record = context.record
        var settings = context.settings
        var audit = try audit(record, settings, version.details)
        var change = AppChange(
            id: record.id, address: audit.address, version: version.number, changed: false, audit: audit)
        if audit.needsApproval {
            guard request.approve else { throw AppError.needsApproval(audit.address) }
            if !request.dryRun { change = try await performApprove(record.id, isDryRun: false) }
        } else if request.approve, audit.approvedPermissions != audit.newPermissions, !request.dryRun {
            try approve(&record, &settings, version.details)
            audit = try self.audit(record, settings, version.details)
        }
        if request.verify, !request.dryRun {
            _ = try await context.runtime.ensure()
            change.verified = true
        }
        return change
    }

    private static func unquoted(_ text: String) -> String {
        guard text.count >= 2, let first = text.first, first == text.last, first == "\"" || first == "'" else {
            return text
        }
        return String(text.dropFirst().dropLast())
    }
}
