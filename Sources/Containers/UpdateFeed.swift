internal import Core
internal import Synchronization

/// The updates one follower has not read yet.
///
/// Bounded: beyond ``limit`` only the newest status of each container is kept, so a slow follower misses phases in
/// between, never the last one.
final class UpdateFeed: Sendable {
    private struct State {
        var pending: [ContainerStatus] = []
        var waiter: CheckedContinuation<ContainerStatus?, Never>?
        var isOver = false
    }

    static let limit = 1024
    private let state = Mutex(State())

    /// Adds an update; never waits.
    func push(_ status: ContainerStatus) {
        let waiter = state.withLock { state -> CheckedContinuation<ContainerStatus?, Never>? in
            guard !state.isOver else { return nil }
            if let waiter = state.waiter {
                state.waiter = nil
                return waiter
            }
            state.pending.append(status)
            if state.pending.count > Self.limit { Self.compact(&state.pending) }
            return nil
        }
        waiter?.resume(returning: status)
    }

    /// The updates, for one reader. `onEnd` is called when it stops reading.
    func stream(onEnd: @escaping @Sendable () -> Void) -> AsyncStream<ContainerStatus> {
        let ending = Ending(onEnd)
        return AsyncStream {
            await self.next(ending)
        } onCancel: {
            self.end()
        }
    }

    private func next(_ ending: Ending) async -> ContainerStatus? {
        await withCheckedContinuation { continuation in
            enum Answer { case now(ContainerStatus?), later }
            let answer: Answer = state.withLock { state in
                if state.isOver || Task.isCancelled { return .now(nil) }
                if !state.pending.isEmpty { return .now(state.pending.removeFirst()) }
                state.waiter = continuation
                return .later
            }
            if case .now(let status) = answer { continuation.resume(returning: status) }
        }
    }

    private func end() {
        let waiter = state.withLock { state in
            state.isOver = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: nil)
    }

    private static func compact(_ pending: inout [ContainerStatus]) {
        var seen: Set<ContainerID> = []
        pending = pending.reversed().filter { seen.insert($0.id).inserted }.reversed()
    }
}

/// Calls back when the last stream that holds it is gone.
private final class Ending: Sendable {
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    deinit { body() }
}
