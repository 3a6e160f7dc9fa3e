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
    private let channel = BoundedChannel<ProcessOutput>(capacity: 16)

    init(
        child: ChildProcess, process: ProcessHandle?, input: AsyncDescriptor?,
        outputs: [(OutputStream, AsyncDescriptor)], terminal: AsyncDescriptor?
    ) {
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

    func signal(_ signal: Int32) async throws { process?.signal(signal) }

    func waitForExit() async throws -> ContainerExit { ContainerExit(code: await child.wait()) }

    func detach() async {
        channel.close()
        terminal?.close()
    }
}
