internal import Core
internal import Engines
internal import Synchronization

/// A connection asked for before the container's first start. It is made between the monitor's beginning and the
/// program's, so that no output is missed.
///
///     waiting ──connect──▶ connected        waiting ──end──▶ ended (the start failed, or nobody wants it any more)
final class EarlyAttachSession: ProcessSession {
    private enum State {
        case waiting([CheckedContinuation<AttachSession, any Error>])
        case connected(AttachSession)
        case ended(any Error)
    }

    private let shared: Shared
    let output: AsyncThrowingStream<ProcessOutput, any Error>

    /// What the session and its stream of output have in common.
    private final class Shared: Sendable {
        private let state = Mutex(State.waiting([]))

        func settle(_ result: Result<AttachSession, any Error>) {
            let waiters: [CheckedContinuation<AttachSession, any Error>] = state.withLock { state in
                guard case .waiting(let waiters) = state else { return [] }
                switch result {
                case .success(let session): state = .connected(session)
                case .failure(let error): state = .ended(error)
                }
                return waiters
            }
            for waiter in waiters { waiter.resume(with: result) }
        }

        /// The connection, waiting for the start if need be. The wait ends with the start, or with the session.
        func session() async throws -> AttachSession {
            try await withCheckedThrowingContinuation { continuation in
                let settled: Result<AttachSession, any Error>? = state.withLock { state in
                    switch state {
                    case .waiting(let waiters):
                        state = .waiting(waiters + [continuation])
                        return nil
                    case .connected(let session): return .success(session)
                    case .ended(let error): return .failure(error)
                    }
                }
                if let settled { continuation.resume(with: settled) }
            }
        }

        var connected: AttachSession? {
            state.withLock { state in
                guard case .connected(let session) = state else { return nil }
                return session
            }
        }
    }

    /// A session that waits for the start.
    init() {
        let shared = Shared()
        self.shared = shared
        output = AsyncThrowingStream {
            for try await piece in try await shared.session().output { return piece }
            return nil
        }
    }

    /// The monitor is there; the program has not begun.
    func connect(_ session: AttachSession) { shared.settle(.success(session)) }

    /// There will be no start to wait for.
    func end(_ error: any Error) { shared.settle(.failure(error)) }

    func write(_ bytes: [UInt8]) async throws { try await shared.session().write(bytes) }
    func closeInput() async throws { try await shared.session().closeInput() }
    func resize(to size: TerminalSize) async throws { try await shared.session().resize(to: size) }
    func signal(_ signal: Int32) async throws { try await shared.session().signal(signal) }
    func waitForExit() async throws -> ContainerExit { try await shared.session().waitForExit() }

    func detach() async {
        end(CancellationError())
        await shared.connected?.detach()
    }
}
