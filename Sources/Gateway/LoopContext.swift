internal import Logging
internal import NIOCore

/// Something with a deadline, known to its event loop.
class TimedConnection {
    /// When ``deadlinePassed()`` is called; far in the future for never.
    @exclusivity(unchecked) fileprivate(set) var deadline = NIODeadline.distantFuture
    fileprivate var slot = -1

    /// The deadline has passed; it has been cleared.
    func deadlinePassed() {}
}

/// What belongs to one event loop: its route table, its connections and their deadlines.
///
/// Unchecked: every property but the immutable ones is used on `eventLoop` only; `Gateway` reaches it by `execute`.
final class LoopContext: @unchecked Sendable {
    let eventLoop: any EventLoop
    let position: Int
    let shared: GatewayShared
    let configuration: GatewayConfiguration
    let timeouts: LoopTimeouts
    let log: AccessLogWriter?
    @exclusivity(unchecked) private var index: RouteIndex
    @exclusivity(unchecked) private var indexVersion = -1
    private var timed = ContiguousArray<TimedConnection>()
    private var clientCount = 0
    private var tick: Scheduled<Void>?
    @exclusivity(unchecked) private var nextTick = NIODeadline.distantFuture
    private var lastTick = NIODeadline.uptimeNanoseconds(0)
    /// Held requests by route.
    var held: [String: Int] = [:]
    /// Set once: no connection is kept any more.
    @exclusivity(unchecked) private(set) var isShuttingDown = false
    private var emptied: EventLoopPromise<Void>?

    init(eventLoop: any EventLoop, position: Int, shared: GatewayShared) {
        self.eventLoop = eventLoop
        self.position = position
        self.shared = shared
        configuration = shared.configuration
        timeouts = LoopTimeouts(shared.configuration.timeouts)
        log = shared.accessLog.map { AccessLogWriter($0, eventLoop: eventLoop) }
        index = RouteIndex(routes: [], fallback: nil)
    }

    /// The table as last published.
    @inline(__always)
    func routes() -> RouteIndex {
        let version = shared.tableVersion
        if version != indexVersion {
            indexVersion = version
            index = shared.index(for: position)
        }
        return index
    }

    // MARK: Deadlines

    /// Makes a connection known, so that it can have deadlines.
    func add(_ connection: TimedConnection) {
        connection.slot = timed.count
        timed.append(connection)
    }

    /// Forgets a connection.
    func remove(_ connection: TimedConnection) {
        let slot = connection.slot
        guard slot >= 0 else { return }
        connection.slot = -1
        let last = timed.removeLast()
        if last !== connection {
            timed[slot] = last
            last.slot = slot
        }
        if timed.isEmpty {
            tick?.cancel()
            tick = nil
            nextTick = .distantFuture
        }
    }

    /// Sets when `connection` is told that time is up. Costs nothing but a comparison in the usual case.
    @inline(__always)
    func setDeadline(_ connection: TimedConnection, _ deadline: NIODeadline) {
        connection.deadline = deadline
        if deadline < nextTick { scheduleTick(at: deadline) }
    }

    @inline(__always)
    func clearDeadline(_ connection: TimedConnection) {
        connection.deadline = .distantFuture
    }

    private func scheduleTick(at deadline: NIODeadline) {
        // Not more than ten ticks a second, however many deadlines there are.
        let time = max(deadline, lastTick + .milliseconds(100))
        guard time < nextTick else { return }
        tick?.cancel()
        nextTick = time
        tick = eventLoop.assumeIsolated().scheduleTask(deadline: time) { self.runTick() }
    }

    private func runTick() {
        let now = NIODeadline.now()
        tick = nil
        lastTick = now
        nextTick = .distantFuture
        var passed: [TimedConnection] = []
        var earliest = NIODeadline.distantFuture
        for connection in timed {
            if connection.deadline <= now {
                connection.deadline = .distantFuture
                passed.append(connection)
            } else if connection.deadline < earliest {
                earliest = connection.deadline
            }
        }
        for connection in passed where connection.slot >= 0 { connection.deadlinePassed() }
        if earliest < nextTick { scheduleTick(at: earliest) }
    }

    // MARK: Clients

    func clientOpened(_ client: ClientConnection) {
        clientCount += 1
        add(client)
    }

    func clientClosed(_ client: ClientConnection) {
        clientCount -= 1
        remove(client)
        shared.connectionClosed()
        if clientCount == 0 {
            emptied?.succeed()
            emptied = nil
        }
    }

    /// Closes idle clients and lets the others finish.
    func shutDown() -> EventLoopFuture<Void> {
        isShuttingDown = true
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        for connection in timed { (connection as? ClientConnection)?.shutDown() }
        if clientCount == 0 {
            promise.succeed()
            emptied = nil
        }
        return promise.futureResult
    }

    /// Closes everything at once.
    func closeAll() {
        for connection in timed {
            if let client = connection as? ClientConnection {
                client.abort()
            } else if let upstream = connection as? UpstreamConnection {
                upstream.close()
            }
        }
    }
}

/// The configured time-outs as NIO amounts.
struct LoopTimeouts {
    let requestHead, clientIdle, clientStall, connect, firstByte, upstreamIdle, held: TimeAmount
    let tunnelIdle: TimeAmount?
    /// How long a client is listened to after the last response, so that it can read that.
    let linger = TimeAmount.seconds(5)

    init(_ timeouts: GatewayConfiguration.Timeouts) {
        requestHead = TimeAmount(timeouts.requestHead)
        clientIdle = TimeAmount(timeouts.clientIdle)
        clientStall = TimeAmount(timeouts.clientStall)
        connect = TimeAmount(timeouts.connect)
        firstByte = TimeAmount(timeouts.firstByte)
        upstreamIdle = TimeAmount(timeouts.upstreamIdle)
        held = TimeAmount(timeouts.held)
        tunnelIdle = timeouts.tunnelIdle.map { TimeAmount($0) }
    }
}
