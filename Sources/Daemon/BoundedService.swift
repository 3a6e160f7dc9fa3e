internal import Logging
internal import ServiceLifecycle

/// A part of the daemon that may take only so long to end: what it still waits for then, such as a request that hangs in
/// a system call, does not keep the daemon from ending. Containers, and whatever is recorded, do not depend on it.
struct BoundedService: Service {
    let name: String
    let service: any Service
    /// From the moment the daemon is asked to end; cancellation follows, and a second later it is left behind.
    let grace: Duration
    let logger: Logger

    func run() async throws {
        // Left behind only when it does not even react to cancellation; then it ends with the process.
        let work = Task { try await service.run() }
        let (outcomes, outcome) = AsyncStream<Bool>.makeStream()
        // Ends with the work.
        Task {
            _ = await work.result
            outcome.yield(true)
        }
        let hurry: @Sendable (Duration) -> Void = { grace in
            // A clock for the rest of the daemon's life, which is about to end.
            Task {
                try await Task.sleep(for: grace)
                work.cancel()
                try await Task.sleep(for: .seconds(1))
                outcome.yield(false)
            }
        }
        let inTime = await withGracefulShutdownHandler {
            await withTaskCancellationHandler {
                // Awaited right here; cancellation reaches the work and not the wait for its end.
                await Task { await outcomes.first { _ in true } ?? false }.value
            } onCancel: {
                hurry(.zero)
            }
        } onGracefulShutdown: {
            hurry(grace)
        }
        guard inTime else {
            logger.warning("a part of the daemon did not end in time", metadata: ["part": "\(name)"])
            return
        }
        do { try await work.value } catch is CancellationError {
            // As asked for.
        }
    }
}

/// Services that begin and end side by side.
struct ServicesSideBySide: Service {
    let services: [any Service]

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for service in services { group.addTask { try await service.run() } }
            // The first one that fails takes the others with it; ends are regular only at the shutdown.
            try await group.waitForAll()
        }
    }
}
