package import Core
internal import Synchronization

/// Those who wait for the end of one run of a container.
package final class ExitWaiters: Sendable {
    private let waiters = Mutex<[Int: CheckedContinuation<ContainerExit, any Error>]>([:])
    private let lastKey = Mutex(0)

    /// Nobody waits.
    package init() {}

    /// Waits for the next ``resume(_:)``; registered before the calling actor does anything else.
    /// - Throws: what it is resumed with; `CancellationError` when the task is cancelled meanwhile.
    package func wait(isolation: isolated (any Actor)? = #isolation) async throws -> ContainerExit {
        let key = lastKey.withLock { key in
            key += 1
            return key
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                waiters.withLock { $0[key] = continuation }
                if Task.isCancelled { cancel(key) }
            }
        } onCancel: {
            cancel(key)
        }
    }

    /// Wakes everybody who waits now.
    package func resume(_ result: Result<ContainerExit, any Error>) {
        let all = waiters.withLock { waiters in
            defer { waiters = [:] }
            return Array(waiters.values)
        }
        all.forEach { $0.resume(with: result) }
    }

    private func cancel(_ key: Int) {
        waiters.withLock { $0.removeValue(forKey: key) }?.resume(throwing: CancellationError())
    }
}
