internal import Core
internal import Engines
internal import Glibc
internal import LinuxKernel

/// A connection to the first process's streams through the monitor's socket: each message begins with the number of its
/// stream, 2 for standard output and 3 for standard error; what is written goes to standard input.
///
/// The monitor ends the process's input when the last connection that could write goes. So a detached session stays
/// connected for as long as the container object lives, and only ``closeInput()`` ends the input.
final class AttachSession: ProcessSession {
    let output: AsyncThrowingStream<ProcessOutput, any Error>
    private let connection: AsyncDescriptor
    private let process: ProcessHandle
    private let controlPipe: String?
    private let container: NativeContainer
    private let holdsInput: Bool
    private let channel = BoundedChannel<ProcessOutput>(capacity: 16)
    private let reader: Task<Void, Never>

    init(
        connection: AsyncDescriptor, process: ProcessHandle, controlPipe: String?, container: NativeContainer,
        holdsInput: Bool
    ) {
        self.connection = connection
        self.process = process
        self.controlPipe = controlPipe
        self.container = container
        self.holdsInput = holdsInput
        output = channel.stream()
        reader = Task { [channel] in  // ends with the connection, which the session closes
            while let message = try? await connection.read(upTo: 65536), !message.isEmpty {  // a failure is its end
                let stream: OutputStream = message[0] == 3 ? .standardError : .standardOutput
                await channel.send(ProcessOutput(stream: stream, bytes: Array(message.dropFirst())))
            }
            channel.close()
        }
    }

    deinit { connection.close() }

    func write(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = rest.prefix(8192)  // the monitor reads at most this much of one message
            try await connection.write(Array(piece))
            rest = rest.dropFirst(piece.count)
        }
    }

    func closeInput() async throws { try connection.withDescriptor { _ = shutdown($0, Int32(SHUT_WR)) } }

    func resize(to size: TerminalSize) async throws {
        guard let controlPipe else { return }
        let line = "1 \(size.rows) \(size.columns)\n"
        let descriptor = open(controlPipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return }  // the monitor is gone: there is nothing to resize
        defer { close(descriptor) }
        _ = Glibc.write(descriptor, line, line.utf8.count)
    }

    func signal(_ signal: Int32) async throws { process.signal(signal) }

    func waitForExit() async throws -> ContainerExit { try await container.waitForExit() }

    func detach() async {
        channel.close()
        if holdsInput { await container.hold(self) } else { connection.close() }
    }
}
