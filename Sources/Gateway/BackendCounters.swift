internal import Synchronization

/// The counters of one backend on one event loop. Written by that loop alone, read by anybody.
final class BackendCounters: Sendable {
    let inFlight = Atomic<Int>(0)
    let tunnels = Atomic<Int>(0)
    let requests = Atomic<Int>(0)
    let bytesSent = Atomic<Int>(0)
    let bytesReceived = Atomic<Int>(0)
    /// Milliseconds since 1970, 0 for never.
    let lastActivity = Atomic<Int64>(0)

    /// Somebody waits for ``inFlight`` to become 0.
    let isWatched = Atomic<Bool>(false)

    /// Adds without the cost of a locked instruction: there is only one writer.
    @inline(__always)
    static func add(_ counter: borrowing Atomic<Int>, _ amount: Int) {
        counter.store(counter.load(ordering: .relaxed) &+ amount, ordering: .releasing)
    }

    /// Notes that something happened now.
    func touch() { lastActivity.store(CoarseClock.milliseconds(), ordering: .relaxed) }

    /// Whether the end of a request has to be told.
    var isBeingDrained: Bool { isWatched.load(ordering: .relaxed) }

    func add(to activity: inout BackendActivity) {
        activity.inFlight += inFlight.load(ordering: .acquiring)
        activity.tunnels += tunnels.load(ordering: .acquiring)
        activity.requests += requests.load(ordering: .relaxed)
        activity.bytesSent += bytesSent.load(ordering: .relaxed)
        activity.bytesReceived += bytesReceived.load(ordering: .relaxed)
        let last = lastActivity.load(ordering: .relaxed)
        if last > 0 { activity.lastActivity = max(activity.lastActivity ?? 0, last) }
    }
}
