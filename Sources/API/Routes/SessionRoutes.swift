internal import Core
internal import Engines
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import Wire

/// Connections to the streams of processes.
struct SessionRoutes: Sendable {
    let sessions: SessionRegistry

    var routes: [APIRoute] {
        [
            APIRoute(
                .get, "/sessions/{session}/output", "readSessionOutput",
                "The output as it comes, for one reader, in frames of 8 bytes (kind, three zeros, big-endian length) and a "
                    + "payload; kinds: 0 idle, 1 stdout, 2 stderr, 3 exit, 4 problem.",
                answers: [.init(status: 200, summary: "Frames.", mediaType: OutputFrame.mediaType, schema: nil)],
                handle: output),
            APIRoute(
                .post, "/sessions/{session}/input", "sendSessionInput", "Send standard input as it comes.",
                query: [
                    .init(
                        name: "close", kind: .flag,
                        summary: "Whether standard input is closed at the end; true by default.")
                ], body: .init(isRequired: false, contents: [("application/octet-stream", nil)]),
                answers: [.json(200, EmptyResult.self, "Everything was written.")], handle: input),
            APIRoute(
                .post, "/sessions/{session}/resize", "resizeSession", "Set the size of the terminal.",
                body: .json(SizeSettings.self), answers: [.json(200, EmptyResult.self, "It has this size.")]
            ) { request in
                let size = try await request.body(SizeSettings.self)
                let session = try await sessions.session(request.parameter("session"))
                try await session.resize(to: TerminalSize(columns: size.columns, rows: size.rows))
                return try .json(EmptyResult())
            },
            APIRoute(
                .post, "/sessions/{session}/signal", "signalSession", "Send a signal to the process.",
                body: .json(SignalRequest.self), answers: [.json(200, EmptyResult.self, "The signal was sent.")]
            ) { request in
                let signal = try SignalName.number(try await request.body(SignalRequest.self).signal ?? "TERM")
                try await sessions.session(request.parameter("session")).signal(signal)
                return try .json(EmptyResult())
            },
            APIRoute(
                .get, "/sessions/{session}/exit", "waitForSession", "How the process ended, waiting for the end.",
                answers: [.json(200, ExitInfo.self, "How it ended.")]
            ) { request in
                let session = try await sessions.session(request.parameter("session"))
                return try await request.untilShutdown { try .json(ExitInfo(try await session.waitForExit())) }
            },
            APIRoute(
                .delete, "/sessions/{session}", "deleteSession", "End the connection; the process is not ended.",
                answers: [.json(200, EmptyResult.self, "It is gone.")]
            ) { request in
                await sessions.remove(request.parameter("session"))
                return try .json(EmptyResult())
            },
        ]
    }

    private func output(_ request: APIRequest) async throws -> Response {
        let id = request.parameter("session")
        let session = try await sessions.connectReader(id)
        return .stream(request, mediaType: OutputFrame.mediaType, SessionFrames(session: session)) { error in
            let problem = ProblemMapping.problem(error, requestID: request.id)
            return OutputFrame(.failure, try WireJSON.encode(problem)).encoded
        } atEnd: {
            await sessions.disconnectReader(id)
        }
    }

    private func input(_ request: APIRequest) async throws -> Response {
        let session = try await sessions.session(request.parameter("session"))
        let closes = try request.flag("close") ?? true
        do {
            for try await piece in request.request.body { try await session.write(Array(piece.readableBytesView)) }
        } catch let error as any MartletError {
            throw error
        } catch {
            // The client has gone in the middle of its input: nothing more will come, and nobody reads the answer.
            request.logger.debug("input broke off", metadata: ["error": "\(error)"])
        }
        if closes { try await session.closeInput() }
        return try .json(EmptyResult())
    }
}
