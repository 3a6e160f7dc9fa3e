internal import Synchronization

/// Runs what a client has begun and does not wait for; a part of the server, so it ends with it.
package final class BackgroundWork: Sendable {
    private let works: AsyncStream<@Sendable () async -> Void>
    private let queue: AsyncStream<@Sendable () async -> Void>.Continuation

    /// Nothing runs before ``run()``.
    package init() { (works, queue) = AsyncStream.makeStream() }

    /// Runs works side by side until cancelled.
    package func run() async {
        await withDiscardingTaskGroup { group in
            for await work in works { group.addTask { await work() } }
            group.cancelAll()
        }
    }

    /// How far a work is.
    final class Outcome<Value: Sendable>: Sendable {
        enum State: Sendable {
            case running
            case succeeded(Value)
            case failed(any Error)
        }
        private let value = Mutex(State.running)
        var state: State { value.withLock { $0 } }
        fileprivate func set(_ state: State) { value.withLock { $0 = state } }
    }

    /// Begins a work.
    func start<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value) -> Outcome<Value> {
        let outcome = Outcome<Value>()
        queue.yield {
            do { outcome.set(.succeeded(try await work())) } catch { outcome.set(.failed(error)) }
        }
        return outcome
    }
}
