/// One frame of `GET /v1/sessions/{id}/output` (`application/vnd.martlet.frames`).
///
/// ```
///     byte 0      kind: 0 nothing (keeps the connection alive), 1 stdout, 2 stderr, 3 exit (JSON, the last frame), 4 error (problem JSON, the last frame)
///     bytes 1-3   zero
///     bytes 4-7   length of the payload, big endian
///     payload
/// ```
package struct OutputFrame: Hashable, Sendable {
    /// What the payload is.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case idle = 0
        case standardOutput = 1
        case standardError = 2
        case exit = 3
        case failure = 4
    }

    /// The media type of a sequence of frames.
    package static let mediaType = "application/vnd.martlet.frames"
    /// The longest payload a reader accepts.
    package static let longestPayload = 16 << 20

    /// What the payload is.
    package let kind: Kind
    /// The payload.
    package let payload: [UInt8]

    /// One frame.
    package init(_ kind: Kind, _ payload: [UInt8] = []) {
        self.kind = kind
        self.payload = payload
    }

    /// The frame's bytes.
    package var encoded: [UInt8] {
        let length = UInt32(payload.count)
        let header = [
            kind.rawValue, 0, 0, 0, UInt8(length >> 24), UInt8(length >> 16 & 255), UInt8(length >> 8 & 255),
            UInt8(length & 255),
        ]
        return header + payload
    }
}

/// Takes bytes in any pieces and gives whole frames.
package struct OutputFrameReader: Sendable {
    private var buffer: [UInt8] = []

    /// A reader that has seen nothing.
    package init() {}

    /// Whether the bytes so far end in the middle of a frame.
    package var isInsideFrame: Bool { !buffer.isEmpty }

    /// Appends bytes; returns the frames that are complete now.
    /// - Throws: ``WireError`` for an unknown kind or an oversized payload.
    package mutating func append(_ bytes: some Sequence<UInt8>) throws -> [OutputFrame] {
        buffer.append(contentsOf: bytes)
        var frames: [OutputFrame] = []
        var start = 0
        while buffer.count - start >= 8 {
            let length = buffer[start + 4..<start + 8].reduce(0) { $0 << 8 | Int($1) }
            guard let kind = OutputFrame.Kind(rawValue: buffer[start]), length <= OutputFrame.longestPayload else {
                throw WireError(code: .malformed, message: "the output stream holds a malformed frame")
            }
            guard buffer.count - start >= 8 + length else { break }
            frames.append(OutputFrame(kind, Array(buffer[start + 8..<start + 8 + length])))
            start += 8 + length
        }
        buffer.removeFirst(start)
        return frames
    }
}
