internal import Core
internal import Engines
internal import Logging
internal import State

/// What all supervisors of one controller share.
struct ControllerWorld: Sendable {
    let engine: any Engine
    let store: ContainerStore
    let board: StatusBoard
    let time: any TimeSource
    let prober: any HealthProber
    let logger: Logger
    let background: BackgroundWork
    /// Called when the record of a container is gone.
    let onForgotten: @Sendable (ContainerID) -> Void
    let rule = RestartRule()
}

/// Work that outlives the call which caused it: pauses before restarts, health checks, looking after events. It runs
/// as children of ``ContainerController/run()``, ends with it, and waits in order until that begins.
final class BackgroundWork: Sendable {
    typealias Body = @Sendable () async -> Void

    private let stream: AsyncStream<Body>
    private let continuation: AsyncStream<Body>.Continuation

    init() {
        // Unbounded, but each container has at most a few pieces of work here.
        (stream, continuation) = AsyncStream.makeStream(of: Body.self)
    }

    /// Runs `body` in the background; dropped when the controller has ended.
    func add(_ body: @escaping Body) { continuation.yield(body) }

    /// Runs what is added, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await body in stream { group.addTask(operation: body) }
            group.cancelAll()
        }
    }
}
