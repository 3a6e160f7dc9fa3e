internal import Synchronization

/// A time that moves only when a test moves it.
///
/// Sleepers are resumed in the order of their deadlines by ``advance(by:)``. A test that must know that somebody
/// sleeps before it moves the time waits with ``sleepers(atLeast:)``.
package final class ManualTimeSource: TimeSource {
    private struct Sleeper {
        let id: UInt64
        let deadline: Duration
        let continuation: CheckedContinuation<Void, any Error>
    }

    private struct Watcher {
        let count: Int
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var now = Duration.zero
        var nextID: UInt64 = 0
        var sleepers: [Sleeper] = []
        var watchers: [Watcher] = []
    }

    private let start: Int64
    private let state = Mutex(State())

    /// A time standing at `milliseconds` since 1970.
    package init(milliseconds: Int64 = 1_700_000_000_000) { start = milliseconds }

    /// The start plus what was advanced.
    package var milliseconds: Int64 {
        let (seconds, attoseconds) = uptime.components
        return start + seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }

    /// What was advanced so far.
    package var uptime: Duration { state.withLock { $0.now } }

    /// Waits until the test has advanced the time by `duration`.
    package func sleep(for duration: Duration) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enter(id, duration, continuation)
            }
        } onCancel: {
            cancel(id)
        }
    }

    /// Moves the time and resumes every sleeper whose deadline has come.
    package func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now += duration
            let due = state.sleepers.filter { $0.deadline <= state.now }.sorted { $0.deadline < $1.deadline }
            state.sleepers.removeAll { $0.deadline <= state.now }
            return due
        }
        for sleeper in due { sleeper.continuation.resume() }
    }

    /// Returns once at least `count` tasks sleep.
    package func sleepers(atLeast count: Int) async {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watchers.append(Watcher(count: count, continuation: continuation))
                return false
            }
            if ready { continuation.resume() }
        }
    }

    /// The time until the next sleeper is due; nil while nobody sleeps.
    package var untilNextSleeper: Duration? {
        state.withLock { state in state.sleepers.map(\.deadline).min().map { $0 - state.now } }
    }

    private func enter(_ id: UInt64, _ duration: Duration, _ continuation: CheckedContinuation<Void, any Error>) {
        enum Outcome { case cancelled, due, asleep([Watcher]) }
        let outcome: Outcome = state.withLock { state in
            if Task.isCancelled { return .cancelled }  // the handler below ran before, or finds the entry
            if duration <= .zero { return .due }
            state.sleepers.append(Sleeper(id: id, deadline: state.now + duration, continuation: continuation))
            let count = state.sleepers.count
            let satisfied = state.watchers.filter { $0.count <= count }
            state.watchers.removeAll { $0.count <= count }
            return .asleep(satisfied)
        }
        switch outcome {
        case .cancelled: continuation.resume(throwing: CancellationError())
        case .due: continuation.resume()
        case .asleep(let watchers): for watcher in watchers { watcher.continuation.resume() }
        }
    }

    private func cancel(_ id: UInt64) {
        let sleeper: Sleeper? = state.withLock { state in
            state.sleepers.firstIndex { $0.id == id }.map { state.sleepers.remove(at: $0) }
        }
        sleeper?.continuation.resume(throwing: CancellationError())
    }
}
