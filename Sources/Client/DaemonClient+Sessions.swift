internal import AsyncHTTPClient
package import NIOCore
internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// Runs a further process in a running container.
    package func exec(_ container: String, _ request: ExecRequest) async throws -> SessionInfo {
        try await send(Call(.POST, "containers", container, "exec").with { try $0.setBody(request) })
    }

    /// Connects to the first process's streams.
    package func attach(_ container: String, _ request: AttachRequest = AttachRequest()) async throws -> SessionInfo {
        try await send(Call(.POST, "containers", container, "attach").with { try $0.setBody(request) })
    }

    /// The output as it comes; the last frame says how the process ended. Only one reader at a time.
    package func sessionOutput(_ id: String) async throws -> FrameStream {
        FrameStream(body: try await open(Call(.GET, "sessions", id, "output")).body)
    }

    /// Sends standard input while the sequence lasts.
    /// - Parameter close: whether standard input is closed at its end.
    package func sendSessionInput(
        _ id: String, _ input: some AsyncSequence<ByteBuffer, any Error> & Sendable, close: Bool = true
    ) async throws {
        try await sendIgnoringAnswer(
            Call(.POST, "sessions", id, "input").with {
                $0.body = .stream(input, length: .unknown)
                $0.mediaType = "application/octet-stream"
                $0.query = [("close", close ? nil : "false")]
            })
    }

    /// Sets the terminal's size.
    package func resizeSession(_ id: String, _ size: SizeSettings) async throws {
        try await sendIgnoringAnswer(Call(.POST, "sessions", id, "resize").with { try $0.setBody(size) })
    }

    /// Sends a signal to the process.
    package func signalSession(_ id: String, _ signal: String) async throws {
        try await sendIgnoringAnswer(
            Call(.POST, "sessions", id, "signal").with { try $0.setBody(SignalRequest(signal: signal)) })
    }

    /// How the process ended, waiting for the end.
    package func sessionExit(_ id: String) async throws -> ExitInfo {
        try await send(Call(.GET, "sessions", id, "exit"))
    }

    /// Ends the connection.
    package func deleteSession(_ id: String) async throws {
        try await sendIgnoringAnswer(Call(.DELETE, "sessions", id))
    }
}
