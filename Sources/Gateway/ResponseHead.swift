/// A parsed response head: offsets into the bytes it was parsed from. Reused from response to response.
struct ResponseHead {
    var status = 0
    /// From the status to the end of the reason phrase: `200 OK`.
    var statusText = ByteRange.empty
    var minorVersion: UInt8 = 1
    let fields = FieldList()
    /// As told by the fields; ``framing(for:)`` says what it means for a method.
    private var framingFields = FramingFields()
    var connection: ConnectionOptions = []
    var length = 0
    private(set) var hasLocation = false

    /// 100...199 without 101.
    var isInterim: Bool { status < 200 && status != 101 }

    /// Whether the backend keeps its connection open after this response, if its framing allows that.
    var keepsAlive: Bool {
        minorVersion == 1 ? !connection.contains(.close) : connection.contains(.keepAlive)
    }

    /// Parses a head whose end ``HeadScanner`` has found; see ``RequestHead/parse(_:end:limits:)``.
    mutating func parse(_ bytes: Bytes, end: Int, limits: GatewayConfiguration.Limits) -> HeadFailure? {
        fields.removeAll()
        framingFields = FramingFields()
        connection = []
        hasLocation = false
        length = end
        guard let lineEnd = bytes.offset(of: 0x0D, from: 0), bytes[lineEnd + 1] == 0x0A else {
            return .malformedStatusLine
        }
        if let failure = parseStatusLine(bytes, lineEnd: lineEnd) { return failure }
        if let failure = FieldParser.parse(
            bytes, from: lineEnd + 2, to: end, limit: limits.headerFields, into: fields)
        {
            return failure
        }
        for field in fields {
            switch field.kind {
            case .connection: connection.formUnion(ConnectionOptions.parse(bytes[field.value]))
            case .contentLength: if let failure = framingFields.addLength(bytes[field.value]) { return failure }
            case .location: hasLocation = true
            case .transferEncoding: if let failure = framingFields.addCoding(bytes[field.value]) { return failure }
            default: break
            }
        }
        return nil
    }

    /// How the body of this response to `method` is framed (RFC 9112 6.3).
    func framing(for method: RequestHead.Method) -> BodyFraming {
        if method == .head || status < 200 || status == 204 || status == 304 { return .none }
        if framingFields.chunked { return .chunked }
        guard let length = framingFields.length else { return .untilClose }
        return length == 0 ? .none : .length(length)
    }

    private mutating func parseStatusLine(_ bytes: Bytes, lineEnd: Int) -> HeadFailure? {
        guard lineEnd >= 12, Bytes(rebasing: bytes[0..<7]).equals("HTTP/1."), bytes[7] | 1 == UInt8(ascii: "1"),
            bytes[8] == 0x20, lineEnd == 12 || bytes[12] == 0x20
        else { return .malformedStatusLine }
        var code = 0
        for i in 9..<12 {
            guard ByteClass.isDigit(bytes[i]) else { return .malformedStatusLine }
            code = code * 10 + Int(bytes[i] &- 0x30)
        }
        guard (100...599).contains(code) else { return .malformedStatusLine }
        if bytes.hasControlCharacter(from: 9, to: lineEnd) { return .controlCharacter }
        status = code
        statusText = ByteRange(9, lineEnd)
        minorVersion = bytes[7] &- 0x30
        return nil
    }
}
