internal import Core
internal import Dispatch
internal import Synchronization

/// Lets a number of tasks through at a time, the others in the order in which they came.
final class Permits: Sendable {
    private struct State {
        var free: Int
        var queue: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    func with<Result>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Result
    ) async rethrows -> Result {
        await take()
        defer { giveBack() }
        return try await body()
    }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.queue.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        state.withLock { state in
            if state.queue.isEmpty { state.free += 1 } else { state.queue.removeFirst().resume() }
        }
    }
}

/// Runs calls that block on threads of their own.
enum Blocking {
    private static let queue = DispatchQueue(label: "martlet.native.blocking", attributes: .concurrent)
    private static let permits = Permits(8)

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await permits.with {
            try await withCheckedThrowingContinuation { continuation in
                queue.async { continuation.resume(with: Swift.Result { try body() }) }
            }
        }
    }
}
