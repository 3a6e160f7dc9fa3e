internal import Containers
internal import Core
internal import Engines
internal import Logging

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
    var live: LiveVersion
    var service = Service.absent
    var progress = AppState.absent
    /// The image of the version before the live one, as far as it is known since the daemon's start.
    private(set) var replacedImage: String?
    /// Counts live versions, so that a start that was overtaken by one notices.
    var generation = 0
    /// The container of a version that is about to become the live one.
    var preparing: ContainerID?
    /// Whether the live version has served and nobody has stopped it.
    var hasServed = false
    var retirements: [ContainerID: Task<Void, Never>] = [:]
    /// Commands whose output is being sent; each ends with its reader.
    var streams: [ContainerID: Task<Void, Never>] = [:]
    var isClosed = false
    /// When the service was last seen to be used; for idle stops.
    var lastUse: (activity: PublishedActivity, at: Duration)?
    /// Ends in a row of a container that had been healthy for less than ``shortRun``.
    var crashes = 0
    var healthySince = Duration.zero
    /// When the latest start began.
    var startedAt = Duration.zero
    static let shortRun = Duration.seconds(10)
    static let crashLimit = 10
    /// Whether the container was stopped for lack of requests.
    var isIdle = false
    /// A start that was overtaken by a change and works on the same container; the next one waits for its end.
    var predecessor: Task<RunningService, any Error>?
    /// Whether the source of a development app has changed since the container took it.
    var hasNewSource = false
    /// The browsers of a development app.
    let browsers: BrowserEvents?
    /// Told when an image has been pinned, so that it is stored.
    let onPinned: @Sendable (AppVersion) async throws -> Void

    init(
        live: LiveVersion, world: AppWorld, onPinned: @escaping @Sendable (AppVersion) async throws -> Void
    ) {
        self.id = live.version.appID
        self.address = live.version.address
        self.live = live
        self.world = world
        self.resolver = ImageResolver(world: world)
        self.onPinned = onPinned
        self.browsers = live.version.isDevelopment ? BrowserEvents() : nil
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

    /// Remembers the image of the version that was replaced.
    func noteReplaced(image: String?) { replacedImage = image }

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
        let before = predecessor
        predecessor = nil
        startedAt = world.time.uptime
        // Owned by this actor: awaited by everybody who needs the service, cancelled by `close()`.
        let task = Task {
            _ = await before?.result
            return try await self.attempt(after: earlier)
        }
        service = .starting(task)
        return task
    }

    private func attempt(after earlier: StartFailure?) async throws -> RunningService {
        let started = generation
        do {
            let plan = try await plan(for: live)
            let running = try await bringUp(plan)
            guard started == generation else {
                // The container of a development app is the same for all starts.
                if plan.development == nil, self.running?.container != running.container {
                    retire(running.container, backend: nil)
                }
                throw Superseded()
            }
            progress = .running
            hasServed = true
            isIdle = false
            lastUse = nil
            healthySince = world.time.uptime
            service = .running(running)
            publishRoutes()
            await retireStrays()
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
    func refreshed(_ known: RunningService) async -> RunningService? {
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
}
