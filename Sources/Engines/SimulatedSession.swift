internal import Core
internal import Synchronization

/// A connection to a simulated process.
final class SimulatedSession: ProcessSession {
    private struct State {
        var exit: ContainerExit?
        var waiters: [CheckedContinuation<ContainerExit, Never>] = []
        var size: TerminalSize?
    }

    let output: AsyncThrowingStream<ProcessOutput, any Error>
    private let continuation: AsyncThrowingStream<ProcessOutput, any Error>.Continuation
    private let process: SimulatedProcess
    private let terminal: Bool
    private let onSignal: @Sendable (Int32) async throws -> Void
    private let state = Mutex(State())

    /// - Parameter onSignal: where signals go; nil when the session owns its process.
    init(
        process: SimulatedProcess, terminal: Bool, onSignal: (@Sendable (Int32) async throws -> Void)? = nil
    ) {
        (output, continuation) = AsyncThrowingStream.makeStream()
        self.process = process
        self.terminal = terminal
        self.onSignal = onSignal ?? { _ in }
        guard onSignal == nil else { return }
        process.output.forEach { deliver($0) }
        if let code = process.exit { end(ContainerExit(code: code)) }
    }

    func deliver(_ piece: ProcessOutput) {
        guard terminal else {
            continuation.yield(piece)
            return
        }
        let bytes = piece.bytes.flatMap { $0 == 10 ? [13, 10] : [$0] }
        continuation.yield(ProcessOutput(stream: .standardOutput, bytes: bytes))
    }

    func end(_ exit: ContainerExit) {
        let waiters: [CheckedContinuation<ContainerExit, Never>] = state.withLock { state in
            guard state.exit == nil else { return [] }
            state.exit = exit
            defer { state.waiters = [] }
            return state.waiters
        }
        continuation.finish()
        waiters.forEach { $0.resume(returning: exit) }
    }

    func write(_ bytes: [UInt8]) async throws {
        guard process.copiesInput else { return }
        deliver(ProcessOutput(stream: .standardOutput, bytes: bytes))
    }

    func closeInput() async throws {
        if process.copiesInput { end(ContainerExit(code: 0)) }
    }

    func resize(to size: TerminalSize) async throws { state.withLock { $0.size = size } }

    func signal(_ signal: Int32) async throws {
        try await onSignal(signal)
        if signal == 9 { end(ContainerExit(code: 137)) }
        if signal == 15, let code = process.statusWhenAsked { end(ContainerExit(code: code)) }
    }

    func waitForExit() async throws -> ContainerExit {
        await withCheckedContinuation { continuation in
            let exit: ContainerExit? = state.withLock { state in
                if state.exit == nil { state.waiters.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    func detach() async { continuation.finish() }
}
