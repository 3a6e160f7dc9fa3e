internal import LinuxKernel
internal import ServiceLifecycle
internal import Synchronization

/// Gives memory back once nothing has been asked for a while. Nothing wakes while nothing is asked.
final class IdleMemory: Service {
    private let requests: AsyncStream<Void>
    private let request: AsyncStream<Void>.Continuation
    private let count = Atomic<Int>(0)
    private let quiet: Duration
    private let release: @Sendable () async -> Void

    /// - Parameters:
    ///   - quiet: how long nothing must have been asked.
    ///   - release: what gives memory back.
    init(
        quiet: Duration = .seconds(3), release: @escaping @Sendable () async -> Void = { ResidentMemory.release() }
    ) {
        (requests, request) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        self.quiet = quiet
        self.release = release
    }

    /// Something was done that may have needed memory.
    func used() {
        count.wrappingAdd(1, ordering: .relaxed)
        request.yield()
    }

    func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            for await _ in requests {
                var seen: Int
                repeat {
                    seen = count.load(ordering: .relaxed)
                    // Cancelled at the end of the daemon.
                    do { try await Task.sleep(for: quiet) } catch { return }
                } while seen != count.load(ordering: .relaxed)
                await release()
            }
        }
    }
}
