/// Finds where a head ends, looking at each byte once however the bytes arrive.
struct HeadScanner {
    enum Outcome: Equatable {
        case incomplete
        /// Offset just after the empty line.
        case end(Int)
        /// A line feed without carriage return.
        case bareLineFeed
    }

    /// Where the search goes on.
    private var position = 0
    /// Offset of the first byte of the current line.
    private var lineStart = 0

    /// Searches on in `bytes`, which begin with the head's first byte each time.
    @inline(__always)
    mutating func scan(_ bytes: Bytes) -> Outcome {
        while let lineFeed = bytes.offset(of: 0x0A, from: position) {
            guard lineFeed > lineStart, bytes[lineFeed - 1] == 0x0D else { return .bareLineFeed }
            position = lineFeed + 1
            if lineFeed == lineStart + 1 { return .end(position) }
            lineStart = position
        }
        position = bytes.count
        return .incomplete
    }
}

/// Why a head is refused.
enum HeadFailure: Error, Equatable, CaseIterable {
    case bareLineFeed, obsoleteFold, spaceBeforeColon, controlCharacter, malformedField
    case malformedRequestLine, malformedStatusLine, unsupportedVersion, connectMethod, dotSegment
    case missingHost, duplicateHost, malformedHost
    case lengthAndCoding, malformedLength, duplicateLength, unsupportedCoding, duplicateCoding
    case headTooLarge, targetTooLong, tooManyFields

    /// The status a client gets for it.
    var status: Int {
        switch self {
        case .headTooLarge, .tooManyFields: 431
        case .targetTooLong: 414
        case .unsupportedVersion: 505
        case .unsupportedCoding, .connectMethod: 501
        default: 400
        }
    }

    /// What to tell the client.
    var message: String {
        switch self {
        case .bareLineFeed: "a line ends without carriage return"
        case .obsoleteFold: "a header field is folded over several lines"
        case .spaceBeforeColon: "white space before the colon of a header field"
        case .controlCharacter: "a control character in the head"
        case .malformedField: "a malformed header field"
        case .malformedRequestLine: "a malformed request line"
        case .malformedStatusLine: "a malformed status line"
        case .unsupportedVersion: "only HTTP/1.0 and HTTP/1.1 are spoken here"
        case .connectMethod: "CONNECT is not supported"
        case .dotSegment: "the path has `.` or `..` segments"
        case .missingHost: "no Host"
        case .duplicateHost: "several Host fields"
        case .malformedHost: "a malformed Host"
        case .lengthAndCoding: "both Content-Length and Transfer-Encoding"
        case .malformedLength: "a malformed Content-Length"
        case .duplicateLength: "several Content-Length fields"
        case .unsupportedCoding: "only the transfer coding `chunked` is supported"
        case .duplicateCoding: "several Transfer-Encoding fields"
        case .headTooLarge: "the head is too large"
        case .targetTooLong: "the request target is too long"
        case .tooManyFields: "too many header fields"
        }
    }
}

/// How the length of a body is told.
enum BodyFraming: Equatable {
    case none
    case length(Int)
    case chunked
    /// The body ends with the connection; responses only.
    case untilClose
}
