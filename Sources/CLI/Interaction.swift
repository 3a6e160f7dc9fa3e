internal import ArgumentParser
internal import Client
internal import Core
internal import Glibc
internal import Wire

/// Connects our standard streams with a session until its process has ended, or the user leaves it.
struct Interaction: Sendable {
    /// How it ended.
    enum Outcome: Equatable {
        /// The exit status of the process.
        case exited(Int32)
        /// The detach keys were typed; the process goes on.
        case detached
    }

    let client: DaemonClient
    let session: String
    let input: Bool
    let terminal: Bool
    /// Looked for in what is typed at a terminal; nil where leaving makes no sense.
    var keys: DetachKeys?

    /// Returns when the process has ended or was left.
    func run() async throws -> Outcome {
        guard terminal, Console.inputIsTerminal else { return try await connect() }
        let outcome = try await Terminal.withRawMode { try await connect() }
        if outcome == .detached { Console.note("detached; the container goes on") }
        return outcome
    }

    private func connect() async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome?.self) { group in
            group.addTask { .exited(try await readOutput()) }
            if input { group.addTask { await sendInput() } }
            group.addTask { await passSignals() }
            while let result = try await group.next() {
                guard let outcome = result else { continue }
                group.cancelAll()
                return outcome
            }
            return .exited(1)
        }
    }

    /// Writes the output until the frame that says how the process ended.
    private func readOutput() async throws -> Int32 {
        for try await frame in try await client.sessionOutput(session) {
            switch frame.kind {
            case .standardOutput: Console.write(frame.payload, to: 1)
            case .standardError: Console.write(frame.payload, to: 2)
            case .exit:
                let exit = try WireJSON.decode(ExitInfo.self, from: frame.payload)
                if exit.outOfMemory { Console.note("error: the program was ended because it ran out of memory") }
                return exit.code ?? 1
            case .idle, .failure: continue
            }
        }
        throw ClientError.outputEnded(client.address)
    }

    /// The process may end or close its input before ours ends: then there is nobody to send to, and that is fine.
    private func sendInput() async -> Outcome? {
        guard let keys, terminal, Console.inputIsTerminal else {
            try? await client.sendSessionInput(session, StandardInput.chunks())
            return nil
        }
        let typed = TypedInput(keys: keys)
        // A terminal's end is typed, as Ctrl-D: the input is never closed from here.
        try? await client.sendSessionInput(session, typed.chunks(), close: false)
        return typed.isDetached ? .detached : nil
    }

    /// Passes on what is sent to us; a lost signal is one that came when the process had ended.
    private func passSignals() async -> Outcome? {
        var numbers = [SIGHUP, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH]
        if !terminal { numbers += [SIGINT, SIGQUIT] }
        for await number in Terminal.signals(numbers) {
            if number == SIGWINCH {
                if terminal, let size = Terminal.size { try? await client.resizeSession(session, size) }  // see above
            } else {
                try? await client.signalSession(session, "\(number)")  // see above
            }
        }
        return nil
    }
}
