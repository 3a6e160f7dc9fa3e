internal import Core
internal import Engines
internal import LinuxKernel

/// The streams of a further process in a container.
final class ExecSession: ProcessSession {
    let output: AsyncThrowingStream<ProcessOutput, any Error>
    private let child: ChildProcess
    private let process: ProcessHandle?
    private let input: AsyncDescriptor?
    private let outputs: [AsyncDescriptor]
    private let terminal: AsyncDescriptor?
    /// Whether the runtime copies the output, and waits for everybody who could still write.
    private let isCopied: Bool
    private let channel = BoundedChannel<ProcessOutput>(capacity: 16)

    init(
        child: ChildProcess, process: ProcessHandle?, input: AsyncDescriptor?,
        outputs: [(OutputStream, AsyncDescriptor)], terminal: AsyncDescriptor?, isCopied: Bool
    ) {
        self.isCopied = isCopied
        self.child = child
        self.process = process
        self.input = input
        self.outputs = outputs.map(\.1)
        self.terminal = terminal
        output = channel.stream()
        // Ends with the streams; it reads on when nobody listens, so that the process is not held up.
        Task { [channel] in
            await withTaskGroup(of: Void.self) { group in
                for (stream, descriptor) in outputs {
                    group.addTask {
                        while let bytes = try? await descriptor.read(), !bytes.isEmpty {  // a failure is the end
                            await channel.send(ProcessOutput(stream: stream, bytes: bytes))
                        }
                    }
                }
            }
            channel.close()
        }
    }

    func write(_ bytes: [UInt8]) async throws { try await input?.write(bytes) }

    /// A terminal's input has no end: the process is sent the character that stands for it.
    func closeInput() async throws {
        if let terminal { try await terminal.write([4]) } else { input?.close() }
    }

    func resize(to size: TerminalSize) async throws {
        try terminal?.resizeTerminal(columns: size.columns, rows: size.rows)
    }

    /// With a runtime that copies, a process that was told to end takes its streams with it soon after, though others
    /// that it began may still hold them.
    func signal(_ signal: Int32) async throws {
        process?.signal(signal)
        guard isCopied else { return }
        process?.whenEnded { [child] in
            // A second for the runtime to end by itself, which it mostly does at once; ends with that.
            Task {
                try await Task.sleep(for: .seconds(1))
                child.signal(9)
            }
        }
    }

    func waitForExit() async throws -> ContainerExit { ContainerExit(code: await child.wait()) }

    func detach() async {
        channel.close()
        terminal?.close()
    }
}
