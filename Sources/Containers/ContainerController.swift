package import Core
package import Engines
package import Logging
package import State
internal import Synchronization

/// Keeps containers as they are wanted: one supervisor per container, fed by requests and by the engine's events.
///
/// ```
///     create, start, stop, …  ──▶ supervisor ──▶ record what is wanted ──▶ engine
///     engine's events         ──▶ supervisor ──▶ look ──▶ restart, probe, remove, or nothing
///                                      └──▶ status board ──▶ lists, updates
/// ```
/// Changes of one container are serial, those of different ones parallel; lists never wait.
package final class ContainerController: Sendable {
    let world: ControllerWorld
    let instance: String
    private let supervisors: SupervisorTable

    /// A controller over `engine` and `store`; it supervises nothing before ``run()``.
    /// - Parameters:
    ///   - instance: the short name of this instance, stamped on every container.
    ///   - prober: what asks containers whether they are healthy; over the network by default.
    package init(
        engine: any Engine, store: ContainerStore, instance: String, time: any TimeSource = SystemTimeSource(),
        logger: Logger, prober: any HealthProber = HTTPHealthProber()
    ) {
        let supervisors = SupervisorTable()
        self.supervisors = supervisors
        self.instance = instance
        self.world = ControllerWorld(
            engine: engine, store: store, board: StatusBoard(), time: time, prober: prober, logger: logger,
            background: BackgroundWork(), onForgotten: { supervisors.remove($0) })
    }

    // MARK: Supervision

    /// Adopts what exists, then supervises until the task is cancelled. To be called once; restarts after a pause and
    /// health checks happen only while it runs.
    package func run() async throws {
        let events = world.engine.events()  // before the first look, so that nothing falls between
        try await adopt()
        world.background.add { await self.follow(events) }
        await world.background.run()
        await world.prober.shutdown()
        try Task.checkCancellation()
    }

    private func follow(_ events: AsyncStream<EngineEvent>) async {
        for await event in events {
            switch event {
            case .created(let id), .removed(let id), .paused(let id), .resumed(let id), .started(let id, _),
                .exited(let id, _):
                guard let supervisor = supervisors[id] else { continue }
                world.background.add { await supervisor.refresh() }
            case .overflow:
                world.logger.warning("engine events were lost; looking at every container")
                for supervisor in supervisors.all { world.background.add { await supervisor.refresh() } }
            }
        }
    }

    /// Brings records and engine together: takes over what runs, starts what shall run, finishes interrupted stops and
    /// deletions, records what the database has lost. Part of ``run()``; idempotent.
    ///
    /// It returns when every container is known and those that run are supervised. What has to wait for processes, to
    /// start or to end, is done in the background of ``run()``.
    package func adopt() async throws {
        let (records, unreadable) = try await world.store.containers()
        for record in unreadable {
            world.logger.error(
                "container record cannot be read; it is left alone",
                metadata: ["container.id": "\(record.key)", "error": "\(record.reason)"])
        }
        let observed = try await world.engine.containers()
        let keys = Set(unreadable.map(\.key))
        let steps = AdoptionPlanner.steps(
            records: records, observed: observed.filter { !keys.contains($0.id.rawValue) }, instance: instance)
        let adoption = Adoption(
            records: Dictionary(uniqueKeysWithValues: records.map { ($0.id, $0) }),
            observed: Dictionary(observed.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first }))
        // Whoever has a record keeps its name; only then come those the database has lost.
        var due: [AdoptionStep] = []
        for step in steps { due.append(await adoption.enter(step, world: world, supervisors)) }
        for step in due { await adoption.take(step, world: world, supervisors) }
        let starts = due.filter(\.isStart)
        guard !starts.isEmpty else { return }
        world.background.add { await adoption.start(starts, world: self.world, self.supervisors) }
    }

    // MARK: Changes

    /// Creates a container without starting it. Its labels say whose it is. The same identifier with an equal
    /// specification and owner returns the container as it is.
    /// - Throws: ``ContainerError`` `.nameTaken`, `.exists`; what the engine throws, with nothing left.
    package func create(
        _ spec: ContainerSpec, id: ContainerID? = nil, owner: ContainerOwner
    ) async throws -> ContainerStatus {
        var spec = spec
        spec.labels[ContainerLabel.instance] = instance
        spec.labels[ContainerLabel.owner] = owner.description
        let id = id ?? .random()
        let record = ContainerRecord(id: id, owner: owner, spec: spec, createdAt: world.time.milliseconds)
        let (supervisor, isNew) = supervisors.insert(id) { ContainerSupervisor(record, world: world) }
        guard isNew else {
            do { return try await supervisor.matching(spec, owner: owner) } catch let error as ContainerError
                where error.code == .notFound
            {
                try Task.checkCancellation()
                return try await create(spec, id: id, owner: owner)  // it was deleted meanwhile
            }
        }
        do {
            try world.board.reserve(spec.name, for: id)
            return try await supervisor.create()
        } catch {
            await supervisor.abandonCreation()
            world.board.release(spec.name, of: id)
            supervisors.remove(id, supervisor)
            throw error
        }
    }

    /// Starts it; returns when its process runs, not when it is ready: see ``waitUntilReady(_:)``.
    @discardableResult
    package func start(_ id: ContainerID) async throws -> ContainerStatus {
        try await supervisor(id).start()
    }

    /// Stops it; it stays stopped. `grace` replaces the specification's.
    @discardableResult
    package func stop(_ id: ContainerID, grace: Duration? = nil) async throws -> ContainerStatus {
        try await supervisor(id).stop(grace: grace)
    }

    /// Stops and starts it.
    @discardableResult
    package func restart(_ id: ContainerID, grace: Duration? = nil) async throws -> ContainerStatus {
        try await supervisor(id).restart(grace: grace)
    }

    /// Sends a signal to its first process, at once. SIGKILL and SIGTERM also mean that it shall stay stopped.
    package func kill(_ id: ContainerID, signal: Int32) async throws {
        try await supervisor(id).kill(signal: signal)
    }

    /// Freezes it.
    package func pause(_ id: ContainerID) async throws { try await supervisor(id).pause() }

    /// Thaws it.
    package func resume(_ id: ContainerID) async throws { try await supervisor(id).resume() }

    /// Deletes it with everything it has; a running one only with `force`. A missing one is fine.
    package func delete(_ id: ContainerID, force: Bool = false) async throws {
        guard let supervisor = supervisors[id] else { return }
        do {
            try await supervisor.delete(force: force)
        } catch let error as ContainerError where error.code == .notFound {
            return  // somebody else deleted it meanwhile
        }
    }

    // MARK: Questions

    /// All containers, or those of one owner, oldest first. Never waits behind changes.
    package func containers(owner: ContainerOwner? = nil) async -> [ContainerStatus] {
        world.board.statuses(owner: owner)
    }

    /// Two equal numbers mean that ``containers(owner:)`` has not changed between them.
    package var listVersion: UInt64 { world.board.version }

    /// The container with this identifier, name, or unique beginning of an identifier.
    /// - Throws: ``ContainerError`` `.notFound` with the nearest name, `.ambiguous` with the candidates.
    package func container(_ idOrName: String) async throws -> ContainerStatus {
        try world.board.find(idOrName)
    }

    /// Waits until it is ready: running and, where a health check is set, healthy.
    /// - Throws: ``ContainerError`` `.exitedEarly`, `.unhealthy`, `.startFailed` with what is known of the reason;
    ///   `.notRunning` when nobody has started it.
    @discardableResult
    package func waitUntilReady(_ id: ContainerID) async throws -> ContainerStatus {
        try await supervisor(id).waitUntilReady()
    }

    /// Every change from now on, ending with the phase `deleted`. A slow reader misses phases in between, never the
    /// last one of a container.
    package func updates() -> AsyncStream<ContainerStatus> { world.board.updates() }

    /// Where the daemon reaches `port` of a running container.
    package func address(of id: ContainerID, port: UInt16) async throws -> Endpoint {
        _ = try supervisor(id)
        return try await world.engine.address(of: id, port: port)
    }

    private func supervisor(_ id: ContainerID) throws -> ContainerSupervisor {
        guard let supervisor = supervisors[id] else {
            _ = try world.board.find(id.rawValue)
            throw ContainerError.notFound(id.rawValue, nearest: nil)
        }
        return supervisor
    }
}

/// The supervisors by identifier.
final class SupervisorTable: Sendable {
    private let table = Mutex<[ContainerID: ContainerSupervisor]>([:])

    subscript(id: ContainerID) -> ContainerSupervisor? { table.withLock { $0[id] } }

    var all: [ContainerSupervisor] { table.withLock { Array($0.values) } }

    /// The supervisor of `id`, made when there is none; the flag says whether it was.
    func insert(_ id: ContainerID, _ make: () -> ContainerSupervisor) -> (ContainerSupervisor, isNew: Bool) {
        table.withLock { table in
            if let existing = table[id] { return (existing, false) }
            let made = make()
            table[id] = made
            return (made, true)
        }
    }

    func remove(_ id: ContainerID) { table.withLock { _ = $0.removeValue(forKey: id) } }

    /// Removes `supervisor`, not a successor of it.
    func remove(_ id: ContainerID, _ supervisor: ContainerSupervisor) {
        table.withLock { table in
            if table[id] === supervisor { table[id] = nil }
        }
    }
}
