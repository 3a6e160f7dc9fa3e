import Core
import Logging
import State
import Synchronization

@testable import Jobs

/// A coordinator over a private database and a time that stands still.
struct Bench {
    let database: Database
    let store: JobStore
    let time = ManualTimeSource()
    let jobs: JobCoordinator

    init(width: Int = 4, _ change: (inout JobLimits) -> Void = { _ in }) throws {
        database = try Database(path: ":memory:")
        store = JobStore(database)
        var limits = JobLimits()
        limits.width = width
        change(&limits)
        jobs = JobCoordinator(store: store, limits: limits, time: time, logger: Self.logger)
    }

    static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// A further coordinator over the same database, as after a restart of the daemon.
    func restarted() -> JobCoordinator { JobCoordinator(store: store, time: time, logger: Self.logger) }
}

func request(
    _ target: String = "container/a", kind: JobKind = .imagePull, id: JobID? = nil, fingerprint: String? = nil
) -> JobRequest {
    JobRequest(id: id, kind: kind, target: target, fingerprint: fingerprint, initiator: "tester")
}

/// Something work waits for, and the news that it waits.
final class Latch: Sendable {
    private struct State {
        var isOpen = false
        var arrived = 0
        var waiters: [CheckedContinuation<Void, Never>] = []
        var watchers: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state = Mutex(State())

    var arrived: Int { state.withLock { $0.arrived } }

    /// Waits until the latch is open; not cancellable.
    func wait() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state in
                state.arrived += 1
                if !state.isOpen { state.waiters.append(continuation) }
                let reached = state.watchers.filter { $0.count <= state.arrived }
                state.watchers.removeAll { $0.count <= state.arrived }
                return (state.isOpen, reached)
            }
            for watcher in watchers { watcher.continuation.resume() }
            if isOpen { continuation.resume() }
        }
    }

    func open() {
        let waiters = state.withLock { state in
            state.isOpen = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Waits until `count` have arrived.
    func arrivals(_ count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.arrived >= count { return true }
                state.watchers.append((count, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

/// Waits until the task is cancelled.
func untilCancelled() async throws -> String {
    let (stream, _) = AsyncStream.makeStream(of: Void.self)
    for await _ in stream {}
    try Task.checkCancellation()
    return "null"
}
