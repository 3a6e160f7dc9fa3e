package import Core
internal import Containers
internal import Engines
internal import FoundationEssentials
internal import Jobs
internal import Logging
internal import OCI
internal import State

extension AppService {
    // MARK: Create

    /// Creates an app as a job; nothing is built or started.
    /// - Parameter jobID: supplied by the client; a repeat joins or returns the recorded result.
    /// - Throws: ``AppError`` for a refused address, source, param or permission.
    package func create(
        _ request: AppCreateRequest, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppChange {
        let address = try AppAddress(parsing: request.address, defaultDomain: configuration.defaultDomain)
        if request.dryRun { return try await performCreate(request, address, isDryRun: true) }
        return try await job(.appCreate, "app/\(address)", request, jobID, initiator) {
            try await self.performCreate(request, address, isDryRun: false)
        }
    }

    private func performCreate(
        _ request: AppCreateRequest, _ address: AppAddress, isDryRun: Bool
    ) async throws -> AppChange {
        try await reserve(address)
        defer { reserved.remove(address) }
        let stage = try await reserveStage(request, address)
        defer { if let stage { reserved.remove(stage) } }
        let id = AppNames.newIdentifier(now: world.time.milliseconds, development: request.development)
        do {
            let options = try ContainerOptions(request.containerOptions)
            let spec = try request.spec.map(AppSpec.named)
            if !request.development { JobProgress.sink?(.step("copy the source")) }
            let source =
                request.development
                ? try await developmentSource(request, spec, id)
                : try await world.sources.store(request.source, spec: spec, app: id, version: 1)
            JobProgress.sink?(.step("check app.star and its permissions"))
            var details = VersionDetails()
            details.params = request.params
            details.containerOptions = request.containerOptions
            details.buildArguments = request.buildArguments
            details.containerVolumes = request.containerVolumes
            details.specFiles = request.development ? [] : source.specFiles
            if request.development { details.specDirectory = specDirectory(of: id) }
            var version = AppVersion(
                appID: id, address: address, number: 1, directory: source.directory, sourceHash: source.hash,
                details: details, createdAt: world.time.milliseconds)
            try await inspect(&version)
            var record = AppRecord(
                id: id, host: address.domain, path: address.path, name: version.details.name, source: request.source,
                state: AppRecordState.active.rawValue, createdAt: world.time.milliseconds)
            record.currentVersion = 1
            record.paramsJSON = try Stored.text(request.params)
            var settings = AppSettings(spec: request.spec)
            if request.approve { try approve(&record, &settings, version.details) }
            record.settingsJSON = try Stored.text(settings)
            let live = await load(version, settings, record)
            var change = AppChange(
                id: id, address: address.description, version: 1, changed: !isDryRun,
                audit: try audit(record, settings, version.details),
                notices: notices(options, source, live))
            if case .success(let loaded) = live.outcome, let config = loaded.declaration.container {
                change.notices += await planProblems(live, config)
            }
            guard !isDryRun else {
                try await world.sources.remove(app: id)
                return change
            }
            if let stage {
                settings.staging = try await createTwin(of: record, settings, version, at: stage)
                record.settingsJSON = try Stored.text(settings)
                change.notices.append("staging answers at \(stage)")
            }
            try await world.apps.insert(record, version: version.record(.live))
            let runtime = makeRuntime(live)
            runtimes[id] = runtime
            await runtime.publishRoutes()
            if request.development, let problem = await watchSource(of: runtime) { change.notices.append(problem) }
            change.changed = true
            return change
        } catch {
            if stage != nil { await discardTwin(of: id) }
            try? await world.sources.remove(app: id)  // found again as unknown at the next start
            throw AppError(any: error).naming(app: address.description)
        }
    }

    /// The address of the staging twin that is asked for.
    private func reserveStage(_ request: AppCreateRequest, _ address: AppAddress) async throws -> AppAddress? {
        guard request.staging ?? configuration.stagesApps, !request.development else { return nil }
        let place = request.stageAt.map(StagingPlace.init(parsing:)) ?? configuration.stagePlace
        let stage = try address.staging(place, configuration)
        // At a path of its own it lies below an app at the root, and nowhere else.
        try await reserve(stage, below: place == .path ? address : nil)
        return stage
    }

    private func reserve(_ address: AppAddress, below own: AppAddress? = nil) async throws {
        let existing = try await world.apps.apps().map { try $0.address(defaultDomain: configuration.defaultDomain) }
        for other in existing + Array(reserved) where address.overlaps(other) && other != own {
            throw AppError.exists(address, other: other)
        }
        reserved.insert(address)
    }

    private func notices(_ options: ContainerOptions, _ source: StoredSource, _ live: LiveVersion) -> [String] {
        var notices = options.ignored.map { "container option `\($0)` has no meaning here and is ignored" }
        notices += source.skipped.prefix(10).map { "`\($0)` is no part of the copy: it is no file or leads outside" }
        if case .failure(let error) = live.outcome { notices.append("the app cannot answer yet: \(error.message)") }
        return notices
    }

    /// What would be refused at the first request.
    func planProblems(_ live: LiveVersion, _ config: ContainerConfig) async -> [String] {
        guard case .success(let loaded) = live.outcome else { return [] }
        do {
            let plan = try await ServicePlanner(world: world, version: live.version, loaded: loaded).plan(config)
            try await VolumeBinder(world: world).check(plan)
            return plan.development?.notices ?? []
        } catch {
            return ["the app cannot serve yet: \(AppError(any: error).message)"]
        }
    }

    // MARK: Approve

    /// Approves what the app's live version asks for; with a staging twin, what the staged version does.
    /// - Parameters:
    ///   - promote: whether production follows at once.
    ///   - dryRun: only report.
    package func approve(
        _ app: String, promote: Bool = false, dryRun: Bool = false, jobID: JobID? = nil, initiator: String = "local"
    ) async throws -> AppChange {
        let record = try await record(app)
        try await requireNoTwin(record)
        let staging = try Stored.value(AppSettings.self, record.settingsJSON).staging
        if dryRun { return try await performApprove(staging ?? record.id, isDryRun: true) }
        return try await job(.appApprove, "app/\(record.id)", promote ? "promote" : "approve", jobID, initiator) {
            let change = try await self.performApprove(staging ?? record.id, isDryRun: false)
            guard promote, staging != nil else { return change }
            return try await self.performPromote(record.id)
        }
    }

    func performApprove(_ id: String, isDryRun: Bool) async throws -> AppChange {
        let context = try await context(id)
        var record = context.record
        var settings = context.settings
        let version = await context.runtime.live.version
        let before = try audit(record, settings, version.details)
        let change = AppChange(
            id: id, address: before.address, version: version.number,
            changed: before.approvedLoads != before.newLoads || before.approvedPermissions != before.newPermissions,
            audit: before)
        guard !isDryRun, change.changed else { return change }
        try approve(&record, &settings, version.details)
        record.settingsJSON = try Stored.text(settings)
        record.updatedAt = world.time.milliseconds
        try await world.apps.update(record)
        let live = await load(version, settings, record)
        if AppNames.isDevelopment(id) {
            // What is wrong shows on the next request.
            if await context.runtime.develop(live) { _ = try? await context.runtime.ensure() }
            var done = change
            done.audit = try audit(record, settings, version.details)
            return done
        }
        // What is wrong with the plan shows on the next request.
        if let running = await context.runtime.running, case .success = live.outcome,
            let plan = try? await context.runtime.plan(for: live), plan.containerID != running.container
        {
            await context.runtime.switchOver(to: live, running: try await context.runtime.prepare(live))
        } else {
            await context.runtime.update(live)
        }
        var done = change
        done.audit = try audit(record, settings, version.details)
        return done
    }

    func approve(_ record: inout AppRecord, _ settings: inout AppSettings, _ details: VersionDetails) throws {
        settings.approvedLoads = details.loads
        record.approvedPermissionsJSON = try Stored.text(details.permissions)
    }

    // MARK: Delete, start, stop

    /// Deletes an app with its containers, images, sources and routes.
    /// - Parameter volumes: whether its volumes are deleted, too.
    package func delete(
        _ app: String, volumes: Bool = false, jobID: JobID? = nil, initiator: String = "local"
    ) async throws {
        let record = try await record(app)
        try await requireNoTwin(record)
        let staging = try Stored.value(AppSettings.self, record.settingsJSON).staging
        _ = try await job(.appDelete, "app/\(record.id)", volumes ? "all" : "delete", jobID, initiator) {
            try await self.performDelete(record.id)
            for id in [record.id, staging].compactMap({ $0 }) where volumes {
                try await VolumeBinder(world: self.world).removeVolumes(of: id)
            }
            return true
        }
    }

    /// Stops the app's container; the next request starts it again.
    package func stop(_ app: String, jobID: JobID? = nil, initiator: String = "local") async throws {
        let record = try await record(app)
        let runtime = try runtime(record.id)
        _ = try await job(.appStop, "app/\(record.id)", "stop", jobID, initiator) {
            try await runtime.stop(idle: false)
            return true
        }
    }

    /// Starts the app's container without waiting for a request, and waits until it is healthy.
    package func start(_ app: String, jobID: JobID? = nil, initiator: String = "local") async throws -> AppSummary {
        let record = try await record(app)
        let runtime = try runtime(record.id)
        return try await job(.appStart, "app/\(record.id)", "start", jobID, initiator) {
            await runtime.forgetFailure()
            _ = try await runtime.ensure()
            return try await self.summary(record)
        }
    }

    func performDelete(_ id: String) async throws {
        guard var record = try await world.apps.app(id) else { return }
        record.state = AppRecordState.deleting.rawValue
        try await world.apps.update(record)
        if let twin = try Stored.value(AppSettings.self, record.settingsJSON).staging { try await performDelete(twin) }
        world.board.remove(id)
        await endWatch(of: id)
        if let runtime = runtimes.removeValue(forKey: id) { await runtime.close() }
        for container in await world.containers.containers(owner: .app(id)) {
            try await world.containers.delete(container.id, force: true)
        }
        await removeImages(of: id, shared: !AppNames.isStaging(id), except: [])
        try await world.sources.remove(app: id)
        try await VolumeBinder(world: world).removeFiles(of: id)
        try await world.apps.remove(id)
    }

    // MARK: Jobs

    /// Runs a change as a job and hands its own result or error back.
    func job<T: Codable & Sendable>(
        _ kind: JobKind, _ target: String, _ fingerprint: some Encodable, _ id: JobID?, _ initiator: String,
        _ work: @escaping @Sendable () async throws -> T
    ) async throws -> T {
        let failure = Box<AppError>(nil)
        let request = JobRequest(
            id: id, kind: kind, target: target, fingerprint: try Stored.text(fingerprint), initiator: initiator)
        do {
            let text = try await world.jobs.run(request) { context in
                do {
                    return try await JobProgress.reporting(to: context.progress) { try Stored.text(try await work()) }
                } catch {
                    if let error = error as? AppError { failure.value = error }
                    throw error
                }
            }
            return try Stored.value(T.self, text)
        } catch {
            throw failure.value ?? error
        }
    }
}
