internal import AsyncHTTPClient
internal import Core
internal import NIOCore
package import Wire

/// The lines of an `application/x-ndjson` answer, decoded one by one as they come.
package struct LineStream<Element: Decodable & Sendable>: AsyncSequence, Sendable {
    /// What reading can throw.
    package typealias Failure = any Error

    let body: HTTPClientResponse.Body

    /// Reads line by line; empty lines, which keep the connection alive, are skipped.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var body: HTTPClientResponse.Body.AsyncIterator
        private var buffer: [UInt8] = []
        private var position = 0

        init(_ body: HTTPClientResponse.Body) { self.body = body.makeAsyncIterator() }

        /// The next one; nil at the end.
        package mutating func next() async throws -> Element? {
            while true {
                while let end = buffer[position...].firstIndex(of: 10) {
                    let line = buffer[position..<end]
                    position = end + 1
                    if !line.isEmpty { return try Self.decode(line) }
                }
                buffer.removeFirst(position)
                position = 0
                guard let chunk = try await body.next() else {
                    defer { buffer = [] }
                    return buffer.isEmpty ? nil : try Self.decode(buffer[...])
                }
                buffer.append(contentsOf: chunk.readableBytesView)
            }
        }

        /// The element, or the problem with which the daemon ended the stream.
        private static func decode(_ line: ArraySlice<UInt8>) throws -> Element {
            do {
                return try WireJSON.decode(Element.self, from: line)
            } catch {
                // A failure after the status has been sent comes as a last line that holds a problem.
                if let problem = try? WireJSON.decode(Problem.self, from: line) { throw problem }
                throw ClientError.badAnswer(String(decoding: line.prefix(200), as: UTF8.self), cause: error)
            }
        }
    }

    /// Begins to read; only once.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body) }
}

/// The frames of a session's output.
package struct FrameStream: AsyncSequence, Sendable {
    /// One frame.
    package typealias Element = OutputFrame
    /// What reading can throw.
    package typealias Failure = any Error

    let body: HTTPClientResponse.Body

    /// Reads frame by frame; idle frames are skipped, a failure frame is thrown.
    package struct AsyncIterator: AsyncIteratorProtocol {
        private var body: HTTPClientResponse.Body.AsyncIterator
        private var reader = OutputFrameReader()
        private var ready: ArraySlice<OutputFrame> = []

        init(_ body: HTTPClientResponse.Body) { self.body = body.makeAsyncIterator() }

        /// The next one; nil at the end.
        package mutating func next() async throws -> OutputFrame? {
            while true {
                while let frame = ready.popFirst() {
                    switch frame.kind {
                    case .idle: continue
                    case .failure: throw try WireJSON.decode(Problem.self, from: frame.payload)
                    case .standardOutput, .standardError, .exit: return frame
                    }
                }
                guard let chunk = try await body.next() else {
                    guard reader.isInsideFrame else { return nil }
                    throw ClientError.badAnswer("the output stream ends inside a frame")
                }
                ready = try reader.append(chunk.readableBytesView)[...]
            }
        }
    }

    /// Begins to read; only once.
    package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(body) }
}
