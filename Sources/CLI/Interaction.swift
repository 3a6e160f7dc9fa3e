internal import ArgumentParser
internal import Client
internal import Core
internal import Glibc
internal import Wire

/// Connects our standard streams with a session until its process has ended.
struct Interaction: Sendable {
    let client: DaemonClient
    let session: String
    let input: Bool
    let terminal: Bool

    /// - Returns: the exit status of the process.
    func run() async throws -> Int32 {
        guard terminal, Console.inputIsTerminal else { return try await connect() }
        return try await Terminal.withRawMode { try await connect() }
    }

    private func connect() async throws -> Int32 {
        try await withThrowingTaskGroup(of: Int32?.self) { group in
            group.addTask { try await readOutput() }
            if input { group.addTask { await sendInput() } }
            group.addTask { await passSignals() }
            while let result = try await group.next() {
                guard let code = result else { continue }
                group.cancelAll()
                return code
            }
            return 1
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
    private func sendInput() async -> Int32? {
        try? await client.sendSessionInput(session, StandardInput.chunks())
        return nil
    }

    /// Passes on what is sent to us; a lost signal is one that came when the process had ended.
    private func passSignals() async -> Int32? {
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
