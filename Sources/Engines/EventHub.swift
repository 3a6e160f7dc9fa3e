internal import Core
internal import Synchronization

/// Hands the events of one engine to any number of readers, each behind a bounded buffer.
package final class EventHub: Sendable {
    private struct State {
        var readers: [Int: AsyncStream<EngineEvent>.Continuation] = [:]
        var nextReader = 0
        var isFinished = false
    }

    private let state = Mutex(State())
    private let capacity: Int

    /// A hub whose readers may lag `capacity` events behind before they lose the oldest.
    package init(capacity: Int = 1024) { self.capacity = capacity }

    /// Everything from now on; a reader that lagged too far finds `.overflow`.
    package func events() -> AsyncStream<EngineEvent> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: EngineEvent.self, bufferingPolicy: .bufferingNewest(capacity))
        let reader: Int? = state.withLock { state in
            guard !state.isFinished else { return nil }
            state.nextReader += 1
            state.readers[state.nextReader] = continuation
            return state.nextReader
        }
        guard let reader else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.readers.removeValue(forKey: reader) }
        }
        return stream
    }

    /// Tells every reader.
    package func publish(_ event: EngineEvent) {
        let readers = state.withLock { Array($0.readers.values) }
        for reader in readers {
            if case .dropped = reader.yield(event) { reader.yield(.overflow) }
        }
    }

    /// Ends every reader's stream, now and later.
    package func finish() {
        let readers = state.withLock { state in
            state.isFinished = true
            defer { state.readers = [:] }
            return Array(state.readers.values)
        }
        readers.forEach { $0.finish() }
    }
}
