internal import Core
internal import Synchronization

/// Work that several callers wait for together: it runs once, and is cancelled when the last caller has gone away.
///
/// ```
///     first join ──▶ running ──(ends)──▶ done        join: waits for the end, or returns it at once
///                       └──(last caller cancelled)──▶ the work's task is cancelled, then done
/// ```
final class JoinedWork<Value: Sendable>: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var result: Result<Value, any Error>?
        var waiters: [Int: CheckedContinuation<Value, any Error>] = [:]
        var sinks: [Int: ProgressSink] = [:]
        var next = 0
        var cancelled: Set<Int> = []
    }

    private let state = Mutex(State())
    private let body: @Sendable (@escaping ProgressSink) async throws -> Value

    /// Work that begins with the first caller; `body` reports to every caller that has joined.
    init(_ body: @escaping @Sendable (@escaping ProgressSink) async throws -> Value) { self.body = body }

    /// Waits for the end of the work, and begins it if nobody has; a cancelled caller leaves at once.
    func join(_ progress: @escaping ProgressSink) async throws -> Value {
        let number = state.withLock { state in
            state.next += 1
            state.sinks[state.next] = progress
            // Owned by the callers: cancelled when the last of them leaves.
            if state.task == nil { state.task = Task { await run() } }
            return state.next
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready: Result<Value, any Error>? = state.withLock {
                    if let result = $0.result { return result }
                    if $0.cancelled.remove(number) != nil { return .failure(CancellationError()) }
                    $0.waiters[number] = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            leave(number)
        }
    }

    private func run() async {
        finish(await Result { try await body { [weak self] event in self?.report(event) } })
    }

    private func leave(_ number: Int) {
        let (waiter, abandoned) = state.withLock {
            state -> (CheckedContinuation<Value, any Error>?, Task<Void, Never>?) in
            state.sinks[number] = nil
            let waiter = state.waiters.removeValue(forKey: number)
            if waiter == nil { state.cancelled.insert(number) }
            return (waiter, state.sinks.isEmpty ? state.task : nil)
        }
        abandoned?.cancel()
        waiter?.resume(throwing: CancellationError())
    }

    private func report(_ event: ProgressEvent) {
        let sinks = state.withLock { Array($0.sinks.values) }
        for sink in sinks { sink(event) }
    }

    private func finish(_ result: Result<Value, any Error>) {
        let waiters = state.withLock { state -> [CheckedContinuation<Value, any Error>] in
            state.result = result
            state.sinks = [:]
            defer { state.waiters = [:] }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.resume(with: result) }
    }
}

extension Result where Failure == any Error {
    /// The outcome of asynchronous work.
    init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}

/// Lets a bounded number of callers work at once, the others wait in order.
actor WorkLimiter {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async throws -> Value {
        if free > 0 { free -= 1 } else { await withCheckedContinuation { waiting.append($0) } }
        defer { if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() } }
        try Task.checkCancellation()
        return try await body()
    }
}
