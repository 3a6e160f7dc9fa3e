internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import ServiceLifecycle
internal import Wire

extension Response {
    /// JSON of a value.
    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        json(bytes: try WireJSON.encode(value), status: status)
    }

    /// JSON that is written already.
    static func json(bytes: [UInt8], status: HTTPResponse.Status = .ok) -> Response {
        json(ByteBuffer(bytes: bytes), status: status)
    }

    /// JSON that is written already, and may be sent again.
    static func json(_ bytes: ByteBuffer, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"], body: ResponseBody(byteBuffer: bytes))
    }

    /// Lines of JSON, as they come; ends early when the client goes away or the daemon shuts down.
    ///
    /// A failure after the status has been sent comes as a last line that holds a problem.
    static func lines<Elements: AsyncSequence & Sendable>(_ request: APIRequest, _ elements: Elements) -> Response
    where Elements.Element: Encodable & Sendable {
        stream(request, mediaType: "application/x-ndjson", elements.map { try WireJSON.encode($0) + [10] }) { error in
            try WireJSON.encode(ProblemMapping.problem(error, requestID: request.id)) + [10]
        }
    }

    /// Bytes as they come; `failure` gives the bytes that tell of an error, `atEnd` runs however it ends.
    static func stream<Pieces: AsyncSequence & Sendable>(
        _ request: APIRequest, mediaType: String, _ pieces: Pieces,
        failure: @escaping @Sendable (any Error) throws -> [UInt8],
        atEnd: @escaping @Sendable () async -> Void = {}
    ) -> Response where Pieces.Element == [UInt8] {
        Response(
            // Watching for the client's end uses up the connection.
            status: .ok, headers: [.contentType: mediaType, .cacheControl: "no-store", .connection: "close"],
            body: ResponseBody { writer in
                do {
                    try await request.request.body.consumeWithCancellationOnInboundClose { _ in
                        do {
                            for try await piece in pieces.cancelOnGracefulShutdown() {
                                try await writer.write(ByteBuffer(bytes: piece))
                            }
                        } catch let error as any MartletError {
                            try await writer.write(ByteBuffer(bytes: try failure(error)))
                        }
                    }
                } catch is CancellationError {
                    // The client has gone.
                } catch {
                    await atEnd()
                    throw error
                }
                await atEnd()
                try await writer.finish(nil)
            })
    }
}
