internal import Dispatch
internal import Synchronization

/// A few threads for calls that block; the thread pool of Swift's concurrency has none to spare.
final class Workers: Sendable {
    private let queues: [DispatchQueue]
    private let turn = Atomic(0)

    init(count: Int) {
        queues = (0..<max(1, count)).map { DispatchQueue(label: "martlet.network.worker-\($0)") }
    }

    /// Runs `body` on one of the threads, to its end, whatever happens to the calling task.
    func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        let index = turn.wrappingAdd(1, ordering: .relaxed).oldValue
        let queue = queues[abs(index) % queues.count]
        // Resumed exactly once, by the block itself.
        return try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}

/// Lets one caller at a time work on what bears a name; the others wait in the order they came.
struct Turns {
    private var waiting: [String: [CheckedContinuation<Void, Never>]] = [:]

    /// The names somebody works on.
    var busy: Set<String> { Set(waiting.keys) }

    /// Takes the turn when it is free.
    mutating func tryEnter(_ name: String) -> Bool {
        guard waiting[name] == nil else { return false }
        waiting[name] = []
        return true
    }

    /// Queues for the turn; resumed when it is the caller's.
    mutating func enqueue(_ name: String, _ continuation: CheckedContinuation<Void, Never>) {
        guard waiting[name] != nil else {
            waiting[name] = []
            return continuation.resume()
        }
        waiting[name]?.append(continuation)
    }

    /// Gives the turn to the next.
    mutating func leave(_ name: String) {
        guard var queue = waiting[name] else { return }
        guard !queue.isEmpty else {
            waiting[name] = nil
            return
        }
        let next = queue.removeFirst()
        waiting[name] = queue
        next.resume()
    }
}
