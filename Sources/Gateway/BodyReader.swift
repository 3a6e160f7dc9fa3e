internal import NIOCore

/// Follows one body through the bytes that carry it and says where it ends.
struct BodyReader {
    private enum State {
        case done
        case length(Int)
        case chunks(ChunkedDecoder)
        case trailers(ByteBuffer)
        case untilClose
    }
    /// What becomes of the transfer coding.
    enum Mode {
        /// Chunk framing and trailers are handed on.
        case verbatim
        /// Only the data is handed on.
        case decoded
    }
    enum Direction { case request, response }

    private var state = State.done
    private let mode: Mode
    private let direction: Direction
    /// Data bytes handed on so far; with `verbatim`, framing included.
    private(set) var bytes = 0

    init(_ framing: BodyFraming, mode: Mode = .verbatim, direction: Direction) {
        self.mode = mode
        self.direction = direction
        switch framing {
        case .none: state = .done
        case .length(let count): state = count == 0 ? .done : .length(count)
        case .chunked: state = .chunks(ChunkedDecoder())
        case .untilClose: state = .untilClose
        }
    }

    /// The body has been read to its end.
    var isDone: Bool { if case .done = state { true } else { false } }
    /// Only the end of the connection ends this body.
    var endsWithConnection: Bool { if case .untilClose = state { true } else { false } }

    /// Takes what belongs to the body off the front of `buffer` and hands it to `emit` in order.
    ///
    /// What follows the body stays in `buffer`. With a body of known length the bytes are not copied.
    mutating func read(_ buffer: inout ByteBuffer, emit: (ByteBuffer) -> Void) throws(BodyFailure) {
        guard buffer.readableBytes > 0 else { return }
        switch state {
        case .done:
            return
        case .untilClose:
            bytes += buffer.readableBytes
            emit(buffer)
            buffer.moveReaderIndex(to: buffer.writerIndex)
        case .length(let remaining):
            let available = buffer.readableBytes
            if available < remaining {
                state = .length(remaining - available)
                bytes += available
                emit(buffer)
                buffer.moveReaderIndex(to: buffer.writerIndex)
            } else {
                state = .done
                bytes += remaining
                if available == remaining {
                    emit(buffer)
                    buffer.moveReaderIndex(to: buffer.writerIndex)
                } else if let part = buffer.readSlice(length: remaining) {
                    emit(part)
                }
            }
        case .chunks(var decoder):
            try readChunks(&buffer, &decoder, emit)
        case .trailers(var collected):
            try readTrailers(&buffer, &collected, emit)
        }
    }

    private mutating func readChunks(
        _ buffer: inout ByteBuffer, _ decoder: inout ChunkedDecoder, _ emit: (ByteBuffer) -> Void
    ) throws(BodyFailure) {
        var consumed = 0
        var atTrailers = false
        var failure: BodyFailure?
        var parts: [(Int, Int)] = []
        buffer.withUnsafeReadableBytes { raw in
            let view = raw.assumingMemoryBound(to: UInt8.self)
            loop: while true {
                switch decoder.step(view, &consumed) {
                case .data(let start, let end): if mode == .decoded { parts.append((start, end)) }
                case .trailers:
                    atTrailers = true
                    break loop
                case .needMore: break loop
                case .failed(let reason):
                    failure = reason
                    break loop
                }
            }
        }
        if let failure { throw failure }
        switch mode {
        case .verbatim:
            bytes += consumed
            // The usual end: no trailers, everything here. One slice, handed on as it came.
            let isPlainEnd =
                atTrailers && buffer.getInteger(at: buffer.readerIndex + consumed, as: UInt16.self) == 0x0D0A
            if isPlainEnd { consumed += 2 }
            if consumed == buffer.readableBytes {
                emit(buffer)
                buffer.moveReaderIndex(to: buffer.writerIndex)
            } else if let part = buffer.readSlice(length: consumed), consumed > 0 {
                emit(part)
            }
            if isPlainEnd {
                state = .done
                return
            }
        case .decoded:
            for (start, end) in parts {
                bytes += end - start
                if let part = buffer.getSlice(at: buffer.readerIndex + start, length: end - start) { emit(part) }
            }
            buffer.moveReaderIndex(forwardBy: consumed)
        }
        guard atTrailers else {
            state = .chunks(decoder)
            return
        }
        var collected = ByteBuffer()
        try readTrailers(&buffer, &collected, emit)
    }

    private mutating func readTrailers(
        _ buffer: inout ByteBuffer, _ collected: inout ByteBuffer, _ emit: (ByteBuffer) -> Void
    ) throws(BodyFailure) {
        let before = collected.readableBytes
        collected.writeImmutableBuffer(buffer)
        var scanner = HeadScanner()
        let outcome = collected.withUnsafeReadableBytes { scanner.scan($0.assumingMemoryBound(to: UInt8.self)) }
        switch outcome {
        case .bareLineFeed:
            throw .malformedTrailers
        case .incomplete:
            guard collected.readableBytes <= Self.trailerLimit else { throw .trailersTooLarge }
            buffer.moveReaderIndex(to: buffer.writerIndex)
            state = .trailers(collected)
        case .end(let end):
            guard end <= Self.trailerLimit else { throw .trailersTooLarge }
            buffer.moveReaderIndex(forwardBy: end - before)
            state = .done
            guard mode == .verbatim else { return }
            let kept = try Self.filtered(collected, end: end, direction: direction)
            bytes += kept.readableBytes
            emit(kept)
        }
    }

    private static let trailerLimit = 16 << 10

    /// The trailer section without fields that only a head may carry.
    private static func filtered(
        _ section: ByteBuffer, end: Int, direction: Direction
    ) throws(BodyFailure) -> ByteBuffer {
        let fields = FieldList()
        var kept = ByteBuffer()
        let failure = section.withUnsafeReadableBytes { raw -> HeadFailure? in
            let view = raw.assumingMemoryBound(to: UInt8.self)
            if let failure = FieldParser.parse(view, from: 0, to: end, limit: 100, into: fields) { return failure }
            for field in fields where isAllowed(field.kind, direction) { kept.writeBytes(view[field.line]) }
            return nil
        }
        guard failure == nil else { throw .malformedTrailers }
        kept.writeInteger(0x0D0A as UInt16)
        return kept
    }

    private static func isAllowed(_ kind: FieldKind, _ direction: Direction) -> Bool {
        switch kind {
        case .ordinary, .contentTypeOptions, .frameOptions, .referrerPolicy, .userAgent, .referer: true
        case .spoofable, .forwardedFor, .forwardedProto: direction == .response
        case .host, .connection, .contentLength, .transferEncoding, .upgrade, .expect, .te, .hopByHop, .origin,
            .secFetchSite, .accessControlRequestMethod, .location:
            false
        }
    }
}
