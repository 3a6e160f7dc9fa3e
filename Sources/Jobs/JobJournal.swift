internal import Core
internal import Synchronization

/// The events of one job in memory: appended to from any thread, read by followers at their own pace.
///
/// A follower is a cursor, not a buffer: it costs a continuation while it waits and nothing else. What is kept is
/// bounded; see ``EventRetention``.
final class JobJournal: Sendable {
    private struct State {
        var events: [JobEvent] = []
        var nextSequence = 1
        /// Nothing is appended any more.
        var isClosed = false
        /// Followers end once they have read everything.
        var isFinished = false
        /// Sequence numbers not yet handed to ``takeBatch()``.
        var firstPending = 1
        var dropped: [Int] = []
        var waiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var nextWaiter: UInt64 = 0

        mutating func takeWaiters() -> [CheckedContinuation<Void, Never>] {
            defer { waiters = [:] }
            return Array(waiters.values)
        }

        /// The first event after `sequence`, by binary search.
        func first(after sequence: Int) -> JobEvent? {
            var low = 0
            var high = events.count
            while low < high {
                let middle = (low + high) / 2
                if events[middle].sequence > sequence { high = middle } else { low = middle + 1 }
            }
            return low < events.count ? events[low] : nil
        }
    }

    /// What is to be written next.
    struct Batch {
        var events: [JobEvent]
        var dropped: [Int]
        var isEmpty: Bool { events.isEmpty && dropped.isEmpty }
    }

    private let time: any TimeSource
    private let retention: EventRetention
    private let state = Mutex(State())

    init(time: any TimeSource, retention: EventRetention) {
        self.time = time
        self.retention = retention
    }

    var lastSequence: Int { state.withLock { $0.nextSequence - 1 } }

    /// Adds an event; ignored once the journal is closed.
    func append(_ event: ProgressEvent) {
        let event = EventRetention.shortened(event)
        let now = time.milliseconds
        let waiters = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard !state.isClosed else { return [] }
            state.events.append(JobEvent(sequence: state.nextSequence, time: now, event: event))
            state.nextSequence += 1
            if state.events.count > retention.limit + retention.slack {
                let pending = state.firstPending
                let dropped = retention.compact(&state.events)
                state.dropped += dropped.filter { $0 < pending }
            }
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// Takes no further events.
    func close() { state.withLock { $0.isClosed = true } }

    /// Lets followers end once they have read everything.
    func finish() {
        let waiters = state.withLock { state in
            state.isClosed = true
            state.isFinished = true
            return state.takeWaiters()
        }
        for waiter in waiters { waiter.resume() }
    }

    /// What has not been written yet, without byte counts that newer ones of the same item have overtaken.
    func takeBatch() -> Batch {
        state.withLock { state in
            let pending = state.events.drop { $0.sequence < state.firstPending }
            let batch = Batch(events: EventRetention.withoutOvertaken(pending), dropped: state.dropped)
            state.firstPending = state.nextSequence
            state.dropped = []
            return batch
        }
    }

    /// The events after `sequence`, in order, then those still to come; ends with the job.
    func follow(after sequence: Int) -> AsyncStream<JobEvent> {
        let cursor = Cursor(sequence)
        return AsyncStream { await self.next(cursor) }
    }

    /// Waits until there is something to write, the journal is finished or the task is cancelled.
    func waitForPending() async {
        await wait { $0.firstPending < $0.nextSequence }
    }

    private func next(_ cursor: Cursor) async -> JobEvent? {
        while !Task.isCancelled {
            let position = cursor.value.withLock { $0 }
            let (event, isFinished) = state.withLock { ($0.first(after: position), $0.isFinished) }
            if let event {
                cursor.value.withLock { $0 = event.sequence }
                return event
            }
            guard !isFinished else { return nil }
            await wait { $0.nextSequence - 1 > position }
        }
        return nil
    }

    /// Returns once `isReady`, the journal is finished or the task is cancelled.
    private func wait(until isReady: @Sendable (State) -> Bool) async {
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    // Cancelled before: seen here. Cancelled later: the handler finds the entry.
                    guard !state.isFinished, !isReady(state), !Task.isCancelled else { return false }
                    state.waiters[id] = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: id) }?.resume()
        }
    }
}

/// Where a follower stands.
private final class Cursor: Sendable {
    let value: Mutex<Int>
    init(_ sequence: Int) { value = Mutex(sequence) }
}
