/// Why a body is refused.
enum BodyFailure: Error, Equatable {
    case malformedChunk, chunkTooLarge, extensionTooLong, trailersTooLarge, malformedTrailers
}

/// Follows the chunked transfer coding up to the trailer section (RFC 9112 7.1), strictly: CRLF only, no white space
/// around sizes, sizes below 2^60.
struct ChunkedDecoder {
    private enum State {
        case sizeStart, size, extensions, sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailers
    }
    /// What one step found.
    enum Step: Equatable {
        /// Chunk data, as offsets.
        case data(Int, Int)
        /// The last chunk ended just before this offset; the trailer section begins here.
        case trailers(at: Int)
        /// All bytes were looked at.
        case needMore
        case failed(BodyFailure)
    }

    private var state = State.sizeStart
    private var remaining = 0
    private var isLast = false
    private var extensionBytes = 0
    private static let extensionLimit = 4096

    /// Goes on from `offset`, which moves to the first byte not looked at.
    mutating func step(_ bytes: Bytes, _ offset: inout Int) -> Step {
        while offset < bytes.count {
            switch state {
            case .data:
                let start = offset
                let taken = min(remaining, bytes.count - offset)
                offset += taken
                remaining -= taken
                if remaining == 0 { state = .dataReturn }
                return .data(start, offset)
            case .trailers:
                return .trailers(at: offset)
            default:
                if let failure = framing(bytes[offset]) { return .failed(failure) }
                offset += 1
                if state == .trailers { return .trailers(at: offset) }
            }
        }
        return .needMore
    }

    /// Whether the next byte belongs to the trailer section.
    var isAtTrailers: Bool { state == .trailers }

    @inline(__always)
    private mutating func framing(_ byte: UInt8) -> BodyFailure? {
        switch state {
        case .sizeStart, .size:
            let digit = ByteClass.hexadecimalValue(byte)
            if digit < 16 {
                guard remaining < 1 << 56 else { return .chunkTooLarge }
                remaining = state == .sizeStart ? Int(digit) : remaining << 4 | Int(digit)
                state = .size
                return nil
            }
            guard state == .size else { return .malformedChunk }
            isLast = remaining == 0
            extensionBytes = 0
            if byte == 0x0D {
                state = .sizeLineFeed
            } else if byte == UInt8(ascii: ";") {
                state = .extensions
            } else {
                return .malformedChunk
            }
        case .extensions:
            extensionBytes += 1
            if extensionBytes > Self.extensionLimit { return .extensionTooLong }
            if byte == 0x0D {
                state = .sizeLineFeed
            } else if byte < 0x20 && byte != 0x09 || byte == 0x7F {
                return .malformedChunk
            }
        case .sizeLineFeed:
            guard byte == 0x0A else { return .malformedChunk }
            state = isLast ? .trailers : .data
        case .dataReturn:
            guard byte == 0x0D else { return .malformedChunk }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == 0x0A else { return .malformedChunk }
            state = .sizeStart
            remaining = 0
        case .data, .trailers:
            break
        }
        return nil
    }
}
