internal import Dispatch
internal import Glibc
internal import Starlark
internal import Synchronization

/// Runs evaluations on threads of their own, a bounded number at a time: they block while plugins work.
package actor EvaluationThreads {
    private let width: Int
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// At most `width` evaluations at a time; more wait for their turn.
    package init(width: Int) { self.width = max(1, width) }

    /// Runs `body` on a thread of its own. Cancelling the task cancels what `body` waits for and evaluates.
    func run<T: Sendable>(_ body: @escaping @Sendable (BlockingBridge) throws -> T) async throws -> T {
        await enter()
        defer { leave() }
        let bridge = BlockingBridge()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                DetachedThread.start { continuation.resume(with: Result { try body(bridge) }) }
            }
        } onCancel: {
            bridge.cancel()
        }
    }

    private func enter() async {
        if running < width {
            running += 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }
}

/// What a blocked evaluation can wait for, and how it is cancelled.
final class BlockingBridge: Sendable {
    private struct State {
        var isCancelled = false
        var onCancel: [@Sendable () -> Void] = []
    }

    private let state = Mutex(State())

    /// Cancels what is waited for now and everything later.
    func cancel() {
        let actions = state.withLock { state in
            state.isCancelled = true
            defer { state.onCancel = [] }
            return state.onCancel
        }
        for action in actions { action() }
    }

    /// Cancels an evaluation together with this.
    func cancels(_ cancellation: Cancellation) { add { cancellation.cancel("the request was cancelled") } }

    /// Waits, on the calling thread, for asynchronous work.
    func wait<T: Sendable>(for work: @escaping @Sendable () async throws -> T) throws -> T {
        let box = ResultBox<T>()
        let done = DispatchSemaphore(value: 0)
        // Joined by the semaphore below, cancelled through `cancel()`.
        let task = Task {
            do { box.fill(.success(try await work())) } catch { box.fill(.failure(error)) }
            done.signal()
        }
        add { task.cancel() }
        done.wait()
        return try box.take().get()
    }

    private func add(_ action: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            if !state.isCancelled { state.onCancel.append(action) }
            return state.isCancelled
        }
        if isLate { action() }
    }
}

/// A result handed from a task to a thread.
private final class ResultBox<T: Sendable>: Sendable {
    private let content = Mutex<Result<T, any Error>?>(nil)

    func fill(_ result: Result<T, any Error>) { content.withLock { $0 = result } }

    func take() -> Result<T, any Error> {
        content.withLock { $0 } ?? .failure(CancellationError())
    }
}

/// A thread that runs one closure and ends.
private enum DetachedThread {
    private final class Work {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    static func start(_ body: @escaping @Sendable () -> Void) {
        let attributes = UnsafeMutablePointer<pthread_attr_t>.allocate(capacity: 1)
        pthread_attr_init(attributes)
        defer {
            pthread_attr_destroy(attributes)
            attributes.deallocate()
        }
        pthread_attr_setdetachstate(attributes, CInt(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(attributes, 8 << 20)
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let status = pthread_create(
            &thread, attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, work.toOpaque())
        if status != 0 {
            // No thread to be had: a queue's thread does it.
            work.release()
            DispatchQueue.global().async(execute: body)
        }
    }
}
