internal import Containers
internal import Core
internal import Engines
internal import Logging
internal import OCI

/// One version of an app that has been evaluated, or why it could not be.
struct LiveVersion: Sendable {
    var version: AppVersion
    var approvedLoads: [String]
    var approvedPermissions: [Grant]
    let outcome: Result<LoadedApp, AppError>

    /// What calls of this app are checked against.
    func check(_ world: AppWorld) -> CallCheck { CallCheck(approved: approvedPermissions, policy: world.policy) }
}

/// The running container of an app.
struct RunningService: Sendable, Hashable {
    let container: ContainerID
    let port: UInt16
    var endpoint: Endpoint
    /// The image it was made from; nil when it was found running.
    var image: String?

    /// Names it for the gateway: a new address is a new backend.
    var backendID: String { "\(container)@\(endpoint)" }
}

/// Serves one app: its routes, and its container, which is started by the first request.
///
/// ```
///     absent ──request──▶ starting ──healthy──▶ running ──ends, stopped, idle──▶ absent
///                            └──fails──▶ failed ──pause over, change──▶ absent
/// ```
/// Concurrent requests wait for one start. A new version's container is started beside the running one and takes over
/// when it is healthy.
actor AppRuntime {
    enum Service {
        case absent
        case starting(Task<RunningService, any Error>)
        case running(RunningService)
        case failed(StartFailure)
    }

    let id: String
    let address: AppAddress
    let world: AppWorld
    let resolver: ImageResolver
    private(set) var live: LiveVersion
    private(set) var service = Service.absent
    private(set) var progress = AppState.absent
    /// Counts live versions, so that a start that was overtaken by one notices.
    private var generation = 0
    /// Whether the live version has served and nobody has stopped it.
    private var hasServed = false
    private var retirements: [ContainerID: Task<Void, Never>] = [:]
    private var isClosed = false
    /// When the service was last seen to be used; for idle stops.
    var lastUse: (activity: PublishedActivity, at: Duration)?
    /// Ends in a row of a container that had been healthy for less than ``shortRun``.
    private var crashes = 0
    private var healthySince = Duration.zero
    private static let shortRun = Duration.seconds(10)
    private static let crashLimit = 10
    /// Whether the container was stopped for lack of requests.
    private var isIdle = false
    /// Told when an image has been pinned, so that it is stored.
    private let onPinned: @Sendable (AppVersion) async throws -> Void

    init(
        live: LiveVersion, world: AppWorld, onPinned: @escaping @Sendable (AppVersion) async throws -> Void
    ) {
        self.id = live.version.appID
        self.address = live.version.address
        self.live = live
        self.world = world
        self.resolver = ImageResolver(world: world)
        self.onPinned = onPinned
    }

    // MARK: State

    /// How the app is now.
    var state: AppState {
        guard case .success(let loaded) = live.outcome else { return .failed }
        guard let config = loaded.declaration.container, !config.isCommand else { return .ready }
        switch service {
        case .absent: return isIdle ? .idle : progress == .stopped ? .stopped : .absent
        case .starting: return progress
        case .running: return .running
        case .failed: return .failed
        }
    }

    /// Why it does not serve.
    var failure: AppError? {
        if case .failure(let error) = live.outcome { return error }
        if case .failed(let failure) = service { return failure.error }
        return nil
    }

    /// The container it serves from.
    var running: RunningService? {
        if case .running(let service) = service { return service }
        return nil
    }

    /// Whether a container serves, or would if it had not been idle or ended by itself.
    var isActive: Bool {
        switch service {
        case .running, .starting: true
        case .absent, .failed: hasServed
        }
    }

    // MARK: Starting

    /// The running service, started if need be; concurrent callers share one start.
    /// - Throws: ``AppError``; after a failure the same one until its pause is over.
    func ensure() async throws -> RunningService {
        while true {
            guard !isClosed else { throw AppError.unknownApp(address.description) }
            switch service {
            case .starting(let task):
                if let running = try await outcome(of: task) { return running }
            case .running(let known):
                if let current = await refreshed(known) { return current }
                if case .running(let latest) = service, latest.container == known.container { await lost(known) }
            case .failed(let failure):
                if let remembered = failure.remembered(at: world.time.uptime) { throw remembered }
                if let running = try await outcome(of: start(after: failure)) { return running }
            case .absent:
                if let running = try await outcome(of: start(after: nil)) { return running }
            }
        }
    }

    /// What a start led to; nil when another version has become the live one meanwhile.
    private func outcome(of task: Task<RunningService, any Error>) async throws -> RunningService? {
        do { return try await task.value } catch is Superseded { return nil }
    }

    /// A start that was overtaken by another version.
    private struct Superseded: Error {}

    /// Forgets a failure, so that the next request tries again.
    func forgetFailure() {
        if case .failed = service { service = .absent }
    }

    private func start(after earlier: StartFailure?) -> Task<RunningService, any Error> {
        progress = .starting
        // Owned by this actor: awaited by everybody who needs the service, cancelled by `close()`.
        let task = Task { try await self.attempt(after: earlier) }
        service = .starting(task)
        return task
    }

    private func attempt(after earlier: StartFailure?) async throws -> RunningService {
        let started = generation
        do {
            let plan = try await plan(for: live)
            let running = try await bringUp(plan)
            guard started == generation else {
                if self.running?.container != running.container { retire(running) }
                throw Superseded()
            }
            progress = .running
            hasServed = true
            isIdle = false
            lastUse = nil
            healthySince = world.time.uptime
            service = .running(running)
            publishRoutes()
            return running
        } catch {
            guard started == generation else { throw Superseded() }
            let failure = AppError(starting: error).naming(app: address.description)
            progress = .failed
            service =
                failure.isWorthRemembering
                ? .failed(StartFailure(failure, after: earlier, now: world.time.uptime)) : .absent
            world.logger.warning(
                "app could not be started", metadata: ["app.id": "\(id)", "error": "\(failure.message)"])
            throw failure
        }
    }

    /// The service as it is now; nil when it does not run any more.
    private func refreshed(_ known: RunningService) async -> RunningService? {
        do {
            guard try await world.containers.container(known.container.rawValue).phase == .running else { return nil }
            var current = known
            current.endpoint = try await world.containers.address(of: known.container, port: known.port)
            guard case .running(let latest) = service, latest.container == known.container else { return nil }
            if latest.endpoint != current.endpoint {
                service = .running(current)
                publishRoutes()
            }
            return current
        } catch {
            return nil  // it is gone: the next start says why
        }
    }

    /// Decides how a version's container is to be; an image app's image is pinned first.
    func plan(for live: LiveVersion) async throws -> ServicePlan {
        let loaded = try live.outcome.get()
        guard let config = loaded.declaration.container else {
            throw AppError(.appStar, "the app has no container")
        }
        let plan = try await ServicePlanner(world: world, version: live.version, loaded: loaded).plan(config)
        guard case .unpinned(let name) = plan.image else { return plan }
        progress = .building
        let image = try await resolver.resolve(name, policy: .missing)
        var pinned = live.version
        pinned.details.imageDigest = image.digest.rawValue
        try await onPinned(pinned)
        if self.live.version.number == pinned.number { self.live.version = pinned }
        return try await ServicePlanner(world: world, version: pinned, loaded: loaded).plan(config)
    }

    /// Makes the container of a plan run and waits until it is healthy. What does not become healthy is stopped and
    /// kept for inspection.
    func bringUp(_ plan: ServicePlan) async throws -> RunningService {
        let id = plan.containerID
        do {
            if let existing = try await existing(id) {
                switch existing.phase {
                case .running:
                    // It may have ended a moment ago, and nobody has noticed yet.
                    guard try await world.engine.container(id)?.state.isAlive != true else { break }
                    try await world.containers.restart(id)
                    try await world.containers.waitUntilReady(id)
                case .starting: try await world.containers.waitUntilReady(id)
                case .unhealthy, .paused:
                    try await world.containers.restart(id)
                    try await world.containers.waitUntilReady(id)
                case .created, .stopping, .exited, .restarting, .failed, .deleted:
                    do {
                        // Rendered files do not survive a reboot; they are made again before they are needed.
                        if let image = try await world.engine.image(existing.spec.image) {
                            _ = try await mounts(plan, image)
                        }
                        try await world.containers.start(id)
                    } catch let error as ContainerError where error.code == .secretsWithheld || error.code == .notFound
                    {
                        try await create(plan)
                    }
                    progress = .starting
                    try await world.containers.waitUntilReady(id)
                }
            } else {
                try await create(plan)
                progress = .starting
                JobProgress.sink?(.step("wait until \(id) is healthy"))
                try await world.containers.waitUntilReady(id)
            }
            return try await running(plan)
        } catch {
            await stopFailed(id)
            throw error
        }
    }

    /// The service behind a plan whose container runs.
    private func running(_ plan: ServicePlan) async throws -> RunningService {
        let id = plan.containerID
        let image = try await world.engine.image(try await world.containers.container(id.rawValue).spec.image)
        let port = try plan.port ?? image.map(plan.port(of:)) ?? 0
        return RunningService(
            container: id, port: port, endpoint: try await world.containers.address(of: id, port: port),
            image: plan.image.name)
    }

    private func existing(_ id: ContainerID) async throws -> ContainerStatus? {
        do {
            let status = try await world.containers.container(id.rawValue)
            return status.id == id ? status : nil
        } catch let error as ContainerError where error.code == .notFound {
            return nil
        }
    }

    private func create(_ plan: ServicePlan) async throws {
        progress = .building
        let image = try await resolver.image(of: plan)
        var spec = try plan.serviceSpec(
            image: image, configuration: world.configuration, capabilities: world.engine.capabilities)
        spec.mounts = try await mounts(plan, image)
        let id = plan.containerID
        do {
            _ = try await world.containers.create(spec, id: id, owner: .app(self.id))
        } catch let error as ContainerError where error.code == .exists || error.code == .secretsWithheld {
            try await world.containers.delete(id, force: true)
            _ = try await world.containers.create(spec, id: id, owner: .app(self.id))
        }
        try await world.containers.start(id)
    }

    /// The mounts of a plan; the volumes of an image that was not built here count, too.
    func mounts(_ plan: ServicePlan, _ image: ImageRecord) async throws -> [BindMount] {
        var declared = image.configuration.volumes
        if case .build = plan.image { declared = [] }
        return try await VolumeBinder(world: world).mounts(plan, imageVolumes: declared)
    }

    private func stopFailed(_ id: ContainerID) async {
        do {
            if try await existing(id) != nil { try await world.containers.stop(id, grace: .seconds(1)) }
        } catch {
            world.logger.warning(
                "failed container could not be stopped", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    // MARK: Following the container

    /// Takes note of a change of one of the app's containers.
    func containerChanged(_ status: ContainerStatus) async {
        guard case .running(let known) = service, known.container == status.id else { return }
        switch status.phase {
        case .running: _ = await refreshed(known)
        case .starting: break  // right after adoption, or after an end that has been seen
        case .created, .unhealthy, .paused, .stopping, .exited, .restarting, .failed, .deleted:
            progress = status.phase == .unhealthy ? .unhealthy : .stopped
            await lost(known)
        }
    }

    /// The container has ended by itself, or fails its checks: requests wake it, unless it crashes again and again.
    private func lost(_ known: RunningService) async {
        crashes = world.time.uptime - healthySince < Self.shortRun ? crashes + 1 : 1
        guard crashes >= Self.crashLimit else {
            service = .absent
            return publishRoutes()
        }
        crashes = 0
        var error = AppError(.runBackoff, "its container ended \(Self.crashLimit) times in a row right after its start")
        error.app = address.description
        var failure = StartFailure(error, after: nil, now: world.time.uptime)
        failure.retryAt = world.time.uptime + .seconds(60)
        service = .failed(failure)
        progress = .failed
        publishRoutes()
        await stopFailed(known.container)
    }

    /// At the start of the daemon: takes over the container if it runs; says whether it does.
    func adopt() async -> Bool {
        do {
            let loaded = try live.outcome.get()
            guard let config = loaded.declaration.container, !config.isCommand else { return false }
            let plan = try await ServicePlanner(world: world, version: live.version, loaded: loaded).plan(config)
            if case .unpinned = plan.image { return false }
            // Whether an adopted container is healthy is asked again; it serves meanwhile, as it did before.
            guard let status = try await existing(plan.containerID), status.processID != nil,
                status.phase == .running || status.phase == .starting
            else { return false }
            service = .running(try await running(plan))
            progress = .running
            healthySince = world.time.uptime - Self.shortRun
            hasServed = true
            return true
        } catch {
            return false  // whatever it is, the first request meets it again and shows it
        }
    }

    // MARK: Versions

    /// Starts the container of another version beside the running one and waits until it is healthy.
    func prepare(_ next: LiveVersion) async throws -> RunningService {
        do {
            let plan = try await plan(for: next)
            return try await bringUp(plan)
        } catch {
            throw AppError(starting: error).naming(app: address.description)
        }
    }

    /// Makes another version the live one; with its service running, requests go there from now on.
    func switchOver(to next: LiveVersion, running: RunningService?) {
        let old: RunningService?
        if case .running(let service) = service { old = service } else { old = nil }
        if case .starting(let task) = service, running == nil { task.cancel() }
        live = next
        generation += 1
        isIdle = false
        lastUse = nil
        hasServed = running != nil
        if let running {
            service = .running(running)
            progress = .running
            healthySince = world.time.uptime
        } else {
            service = .absent
            progress = .absent
        }
        publishRoutes()
        if let old, old.container != running?.container { retire(old) }
    }

    /// Replaces what is approved or pinned without touching the container.
    func update(_ next: LiveVersion) {
        live = next
        forgetFailure()
        publishRoutes()
    }

    /// Lets the last requests of a replaced container end, then stops and deletes it.
    private func retire(_ old: RunningService) {
        let world = world
        // Owned by this actor: awaited and cancelled by `close()`; a restart of the daemon finds leftovers by owner.
        retirements[old.container] = Task {
            _ = await world.board.drain(old.backendID, deadline: .seconds(world.configuration.drainSeconds))
            do {
                try await world.containers.stop(old.container)
                try await world.containers.delete(old.container, force: true)
            } catch {
                world.logger.warning(
                    "replaced container could not be removed",
                    metadata: ["container.id": "\(old.container)", "error": "\(error)"])
            }
            self.retired(old.container)
        }
    }

    private func retired(_ id: ContainerID) { retirements[id] = nil }

    /// Waits until replaced containers are gone.
    func finishRetirements() async {
        for task in retirements.values { await task.value }
    }

    // MARK: Stopping

    /// Stops the container; the next request starts it again.
    /// - Parameter idle: whether it is for lack of requests.
    func stop(idle: Bool) async throws {
        if case .starting(let task) = service { _ = await task.result }
        guard case .running(let known) = service else { return }
        service = .absent
        isIdle = idle
        hasServed = idle
        progress = .stopped
        publishRoutes()  // from now on requests wake it, also while it stops
        _ = await world.board.drain(known.backendID, deadline: .seconds(idle ? 1 : world.configuration.drainSeconds))
        if case .absent = service {
            try await world.containers.stop(known.container, grace: idle ? .seconds(1) : nil)
        }
    }

    /// Ends everything that runs for the app inside this process; containers go on.
    func close() async {
        isClosed = true
        if case .starting(let task) = service {
            task.cancel()
            _ = await task.result
        }
        for task in retirements.values {
            task.cancel()
            await task.value
        }
    }
}
