internal import Logging
internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// What all event loops share. Nothing here is touched by the fast path but two atomics.
final class GatewayShared: Sendable {
    let configuration: GatewayConfiguration
    let logger: Logger
    let accessLog: AccessLogSink?
    let trustedProxies: TrustedProxies
    private let version = Atomic<Int>(0)
    private let connections = Atomic<Int>(0)
    private let registry = Mutex(BackendRegistry())
    private let indexes = Mutex<[RouteIndex]>([])
    private let loops = Mutex<[LoopContext]>([])
    private let drains = Mutex<[Int: Drain]>([:])
    private let drainNumbers = Atomic<Int>(0)

    private struct Drain {
        var counters: [BackendCounters]
        var continuation: CheckedContinuation<Bool, Never>
        var isDone: Bool { counters.allSatisfy { $0.inFlight.load(ordering: .acquiring) == 0 } }
    }

    init(configuration: GatewayConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        accessLog = try AccessLogSink.make(configuration.accessLog, logger: logger)
        trustedProxies = try TrustedProxies(configuration.trustedProxies)
    }

    /// Grows with each published table.
    @inline(__always)
    var tableVersion: Int { version.load(ordering: .acquiring) }

    func index(for position: Int) -> RouteIndex { indexes.withLock { $0[position] } }

    /// False when there are as many connections as allowed.
    func connectionOpened() -> Bool {
        connections.wrappingAdd(1, ordering: .relaxed).newValue <= configuration.limits.connections
    }

    func connectionClosed() { connections.wrappingSubtract(1, ordering: .relaxed) }

    /// Makes `table` current on `loops`; see ``Gateway/publish(_:)``.
    func publish(_ table: RouteTable, on loops: [LoopContext]) {
        self.loops.withLock { $0 = loops }
        let retired = registry.withLock { registry -> [UpstreamPool] in
            let retired = registry.keepOnly(table.backends, loops: loops)
            let compiled = loops.map { loop in
                RouteIndex(
                    routes: table.routes.map { route in
                        CompiledRoute(route, target: compile(route.target, loop, loops, &registry))
                    },
                    fallback: table.fallback)
            }
            indexes.withLock { $0 = compiled }
            version.wrappingAdd(1, ordering: .releasing)
            return retired
        }
        for pool in retired { pool.retireFromAnywhere() }
    }

    private func compile(
        _ target: RouteTarget, _ loop: LoopContext, _ loops: [LoopContext], _ registry: inout BackendRegistry
    ) -> CompiledRoute.Target {
        switch target {
        case .backend(let backend):
            .backend(
                ForwardingPlan(backend, pool: registry.pools(for: backend, loops: loops, isWoken: false)[loop.position])
            )
        case .wake(let callback): .wake(callback)
        case .respond(let responder): .respond(responder)
        }
    }

    /// The plan for a backend a wake callback has named.
    func plan(for backend: Backend, on loop: LoopContext) -> ForwardingPlan {
        let loops = loops.withLock { $0 }
        let pools = registry.withLock { $0.pools(for: backend, loops: loops, isWoken: true) }
        return ForwardingPlan(backend, pool: pools[loop.position])
    }

    func counters(of backend: BackendID) -> [BackendCounters] {
        registry.withLock { $0.counters(of: backend) }
    }

    func pools(of backend: BackendID) -> [UpstreamPool] {
        registry.withLock { $0.pools(of: backend) }
    }

    /// A backend could not be reached.
    func noteFailure(_ backend: Backend, _ error: any Error) {
        logger.warning(
            "backend cannot be reached",
            metadata: ["backend.id": "\(backend.id)", "address": "\(backend.address)", "error": "\(error)"])
    }

    /// Lets go of everything that refers back here.
    func stopped() {
        loops.withLock { $0 = [] }
        indexes.withLock { $0 = [] }
        registry.withLock { $0 = BackendRegistry() }
    }

    // MARK: Draining

    /// See ``Gateway/drain(_:deadline:)``.
    func drain(_ id: BackendID, on eventLoops: [any EventLoop], deadline: Duration) async -> Bool {
        let counters = counters(of: id)
        guard !counters.isEmpty else { return true }
        for each in counters { each.isWatched.store(true, ordering: .relaxed) }
        // Once each loop has passed here, none is still routing by an older table, and all see that they are watched.
        for eventLoop in eventLoops {
            // Fails only when the loop is shut down: then nothing is in flight.
            try? await eventLoop.submit {}.get()
        }
        let number = drainNumbers.wrappingAdd(1, ordering: .relaxed).newValue
        return await withTaskGroup(of: Void.self, returning: Bool.self) { group in
            group.addTask {
                // Cancelled when the drain is done: not a failure.
                try? await Task.sleep(for: deadline)
                self.endDrain(number, false)
            }
            let isDrained = await withCheckedContinuation { continuation in
                drains.withLock { $0[number] = Drain(counters: counters, continuation: continuation) }
                drainProgressed()
                if Task.isCancelled { self.endDrain(number, false) }
            }
            group.cancelAll()
            return isDrained
        }
    }

    /// A request at a watched backend has ended.
    func drainProgressed() {
        let done = drains.withLock { drains in drains.filter { $0.value.isDone }.map(\.key) }
        for number in done { endDrain(number, true) }
    }

    private func endDrain(_ number: Int, _ isDrained: Bool) {
        drains.withLock { $0.removeValue(forKey: number) }?.continuation.resume(returning: isDrained)
    }
}

extension RouteTable {
    /// The backends named by the table, with their addresses.
    fileprivate var backends: [BackendID: UpstreamEndpoint] {
        var result: [BackendID: UpstreamEndpoint] = [:]
        for case .backend(let backend) in routes.map(\.target) { result[backend.id] = UpstreamEndpoint(backend) }
        return result
    }
}

/// What connections to a backend have in common.
struct UpstreamEndpoint: Hashable, Sendable {
    let address: BackendAddress
    let scheme: Backend.Scheme

    init(_ backend: Backend) {
        address = backend.address
        scheme = backend.scheme
    }
}

/// Which pools and counters belong to which backend.
struct BackendRegistry {
    private struct Entry {
        var endpoint: UpstreamEndpoint
        var counters: [BackendCounters]
        var pools: [UpstreamPool]
        /// Named by a wake callback, not by a table.
        var isWoken: Bool
        /// Gone from the table but still busy.
        var isRetired = false
    }
    private var entries: [BackendID: Entry] = [:]

    /// One pool for each loop. A backend with a new address gets new pools and keeps its counters.
    mutating func pools(for backend: Backend, loops: [LoopContext], isWoken: Bool) -> [UpstreamPool] {
        let endpoint = UpstreamEndpoint(backend)
        let known = entries[backend.id]
        if let known, known.endpoint == endpoint, !known.isRetired {
            if known.isWoken, !isWoken { entries[backend.id]?.isWoken = false }
            return known.pools
        }
        known?.pools.forEach { $0.retireFromAnywhere() }
        let counters = known?.counters ?? loops.map { _ in BackendCounters() }
        let pools = loops.map { UpstreamPool(endpoint, loop: $0, counters: counters[$0.position]) }
        entries[backend.id] = Entry(endpoint: endpoint, counters: counters, pools: pools, isWoken: isWoken)
        return pools
    }

    /// Forgets what neither the table names nor a wake callback has named since; answers the pools to close.
    mutating func keepOnly(_ backends: [BackendID: UpstreamEndpoint], loops: [LoopContext]) -> [UpstreamPool] {
        var retired: [UpstreamPool] = []
        for (id, entry) in entries where backends[id] != entry.endpoint && !entry.isWoken {
            retired += entry.pools
            let isBusy = entry.counters.contains {
                $0.inFlight.load(ordering: .acquiring) > 0 || $0.tunnels.load(ordering: .acquiring) > 0
            }
            // A busy one is kept for its counters; a later table forgets it. Its pools keep nothing from now on.
            if !isBusy, backends[id] == nil { entries[id] = nil } else { entries[id]?.isRetired = true }
        }
        return retired
    }

    func counters(of id: BackendID) -> [BackendCounters] { entries[id]?.counters ?? [] }
    func pools(of id: BackendID) -> [UpstreamPool] { entries[id]?.pools ?? [] }
}
