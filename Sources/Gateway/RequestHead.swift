/// A parsed request head: offsets into the bytes it was parsed from. Reused from request to request.
struct RequestHead {
    /// Methods the gateway treats differently.
    enum Method: UInt8 {
        case get, head, options, trace, put, delete, post, other

        /// Whether sending the request twice does no harm (RFC 9110 9.2.2).
        var isIdempotent: Bool {
            switch self {
            case .get, .head, .options, .trace, .put, .delete: true
            case .post, .other: false
            }
        }

        /// Whether the method promises to change nothing.
        var isReading: Bool { self == .get || self == .head || self == .options }
    }

    var method = Method.get
    var methodName = ByteRange.empty
    /// Begins with "/"; "*" for `OPTIONS *`.
    var path = ByteRange.empty
    /// With its "?"; empty when there is none.
    var query = ByteRange.empty
    var minorVersion: UInt8 = 1
    /// Host and port as the client named them; empty when it named none (HTTP/1.0).
    var authority = ByteRange.empty
    /// The authority without port.
    var host = ByteRange.empty
    let fields = FieldList()
    var framing = BodyFraming.none
    var connection: ConnectionOptions = []
    /// A usable Upgrade field together with `Connection: upgrade`.
    var isUpgrade = false
    var expectsContinue = false
    /// The path has a percent sign.
    var hasEscapes = false
    /// Bytes of the whole head, empty line included.
    var length = 0

    var isAsterisk: Bool { path.isEmpty }

    /// Whether the connection stays open after the response.
    var keepsAlive: Bool {
        minorVersion == 1
            ? !connection.contains(.close) : connection.contains(.keepAlive) && !connection.contains(.close)
    }

    /// Parses a head whose end ``HeadScanner`` has found.
    /// - Parameters:
    ///   - bytes: begin with the method; `end` is just after the empty line, at most 65,535.
    ///   - limits: bounds on the target and on the number of fields.
    /// - Returns: why the head is refused, or nil; then `self` holds the head.
    mutating func parse(_ bytes: Bytes, end: Int, limits: GatewayConfiguration.Limits) -> HeadFailure? {
        fields.removeAll()
        length = end
        query = .empty
        authority = .empty
        host = .empty
        framing = .none
        connection = []
        isUpgrade = false
        expectsContinue = false
        hasEscapes = false
        guard let lineEnd = bytes.offset(of: 0x0D, from: 0) else { return .malformedRequestLine }
        if bytes[lineEnd + 1] != 0x0A { return .controlCharacter }
        if let failure = parseRequestLine(bytes, lineEnd: lineEnd, targetLimit: limits.targetBytes) { return failure }
        if let failure = FieldParser.parse(
            bytes, from: lineEnd + 2, to: end, limit: limits.headerFields, into: fields)
        {
            return failure
        }
        return interpretFields(bytes)
    }

    private mutating func parseRequestLine(_ bytes: Bytes, lineEnd: Int, targetLimit: Int) -> HeadFailure? {
        var offset = 0
        while ByteClass.isToken(bytes[offset]) { offset += 1 }
        guard bytes[offset] == 0x20, offset > 0 else {
            return bytes.hasControlCharacter(from: 0, to: lineEnd) ? .controlCharacter : .malformedRequestLine
        }
        methodName = ByteRange(0, offset)
        method = Self.method(bytes[methodName])
        let start = offset + 1
        offset = start
        var question = -1
        while ByteClass.isTarget(bytes[offset]) {
            let byte = bytes[offset]
            if question < 0 {
                if byte == UInt8(ascii: "?") { question = offset }
                if byte == UInt8(ascii: "%") { hasEscapes = true }
            }
            offset += 1
        }
        guard bytes[offset] == 0x20, offset > start else {
            return bytes.hasControlCharacter(from: start, to: lineEnd) ? .controlCharacter : .malformedRequestLine
        }
        if offset - start > targetLimit { return .targetTooLong }
        if let failure = parseVersion(bytes, from: offset + 1, to: lineEnd) { return failure }
        path = ByteRange(start, question < 0 ? offset : question)
        query = question < 0 ? .empty : ByteRange(question, offset)
        if bytes[start] != UInt8(ascii: "/"), let failure = parseOtherForm(bytes, start: start, end: offset) {
            return failure
        }
        return Self.hasDotSegment(bytes[path], hasEscapes: hasEscapes) ? .dotSegment : nil
    }

    private mutating func parseVersion(_ bytes: Bytes, from start: Int, to end: Int) -> HeadFailure? {
        guard end - start == 8, Bytes(rebasing: bytes[start..<start + 5]).equals("HTTP/"),
            ByteClass.isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."),
            ByteClass.isDigit(bytes[start + 7])
        else { return .malformedRequestLine }
        guard bytes[start + 5] == UInt8(ascii: "1"), bytes[start + 7] <= UInt8(ascii: "1") else {
            return .unsupportedVersion
        }
        minorVersion = bytes[start + 7] &- 0x30
        return nil
    }

    /// Absolute form (`http://host/path`) and asterisk form (`OPTIONS *`).
    private mutating func parseOtherForm(_ bytes: Bytes, start: Int, end: Int) -> HeadFailure? {
        if end == start + 1, bytes[start] == UInt8(ascii: "*"), method == .options {
            path = .empty
            return nil
        }
        if bytes[methodName].equals("CONNECT") { return .connectMethod }
        let target = Bytes(rebasing: bytes[start..<end])
        let scheme: Int
        if target.hasPrefixIgnoringCase("http://") {
            scheme = 7
        } else if target.hasPrefixIgnoringCase("https://") {
            scheme = 8
        } else {
            return .malformedRequestLine
        }
        var authorityEnd = start + scheme
        while authorityEnd < end, bytes[authorityEnd] != UInt8(ascii: "/"), bytes[authorityEnd] != UInt8(ascii: "?") {
            authorityEnd += 1
        }
        guard authorityEnd > start + scheme else { return .malformedHost }
        authority = ByteRange(start + scheme, authorityEnd)
        if authorityEnd == end || bytes[authorityEnd] == UInt8(ascii: "?") {
            path = ByteRange(start + scheme - 1, start + scheme)
        } else {
            path = ByteRange(authorityEnd, Int(path.end))
        }
        return nil
    }

    private mutating func interpretFields(_ bytes: Bytes) -> HeadFailure? {
        var framingFields = FramingFields()
        var hosts = 0
        var upgrade = ByteRange.empty
        let absoluteAuthority = authority
        for field in fields {
            switch field.kind {
            case .host:
                hosts += 1
                authority = field.value
            case .connection: connection.formUnion(ConnectionOptions.parse(bytes[field.value]))
            case .contentLength: if let failure = framingFields.addLength(bytes[field.value]) { return failure }
            case .transferEncoding: if let failure = framingFields.addCoding(bytes[field.value]) { return failure }
            case .upgrade: upgrade = upgrade.isEmpty ? field.value : ByteRange(0, 0)
            case .expect: expectsContinue = bytes[field.value].equalsIgnoringCase("100-continue")
            default: break
            }
        }
        if hosts > 1 { return .duplicateHost }
        if hosts == 0, minorVersion == 1 { return .missingHost }
        if hosts == 1, let failure = splitAuthority(bytes) { return failure }
        if !absoluteAuthority.isEmpty {
            authority = absoluteAuthority
            if let failure = splitAuthority(bytes) { return failure }
        }
        if framingFields.chunked {
            if minorVersion == 0 { return .unsupportedCoding }
            framing = .chunked
        } else if let length = framingFields.length {
            framing = length == 0 ? .none : .length(length)
        }
        if connection.contains(.upgrade), !upgrade.isEmpty, minorVersion == 1 {
            isUpgrade = !Self.asksForHTTP2(bytes[upgrade])
        }
        return nil
    }

    /// Checks the authority and finds the host in it. An empty Host is allowed (RFC 9110 7.2) and matches no name.
    private mutating func splitAuthority(_ bytes: Bytes) -> HeadFailure? {
        let text = bytes[authority]
        for byte in text where !ByteClass.isHost(byte) { return .malformedHost }
        var end = text.count
        if text.first == UInt8(ascii: "[") {
            guard let bracket = text.offset(of: UInt8(ascii: "]"), from: 0), bracket > 1 else { return .malformedHost }
            end = bracket + 1
            guard end == text.count || text[end] == UInt8(ascii: ":") else { return .malformedHost }
        } else {
            for byte in text where byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") { return .malformedHost }
            if let colon = text.offset(of: UInt8(ascii: ":"), from: 0) {
                guard colon > 0 else { return .malformedHost }
                end = colon
            }
        }
        if end < text.count {
            guard text.count - end <= 6 else { return .malformedHost }
            var port = 0
            for byte in text[(end + 1)...] {
                guard ByteClass.isDigit(byte) else { return .malformedHost }
                port = port * 10 + Int(byte &- 0x30)
            }
            guard port <= 65_535 else { return .malformedHost }
        }
        host = ByteRange(Int(authority.start), Int(authority.start) + end)
        return nil
    }

    private static func method(_ name: Bytes) -> Method {
        switch name.count {
        case 3: name.equals("GET") ? .get : name.equals("PUT") ? .put : .other
        case 4: name.equals("HEAD") ? .head : name.equals("POST") ? .post : .other
        case 5: name.equals("TRACE") ? .trace : .other
        case 6: name.equals("DELETE") ? .delete : .other
        case 7: name.equals("OPTIONS") ? .options : .other
        default: .other
        }
    }

    /// Whether a segment is `.` or `..`, dots written as `%2e` included: backends resolve these, so that the prefix that
    /// chose the route would no longer hold.
    static func hasDotSegment(_ path: Bytes, hasEscapes: Bool) -> Bool {
        var i = 0
        while let slash = path.offset(of: UInt8(ascii: "/"), from: i) {
            i = slash + 1
            var dots = 0
            while i < path.count {
                if path[i] == UInt8(ascii: ".") {
                    i += 1
                } else if hasEscapes, i + 2 < path.count, path[i] == UInt8(ascii: "%"),
                    path[i + 1] == UInt8(ascii: "2"), path[i + 2] | 0x20 == UInt8(ascii: "e")
                {
                    i += 3
                } else {
                    break
                }
                dots += 1
            }
            if dots == 1 || dots == 2, i == path.count || path[i] == UInt8(ascii: "/") || path[i] == UInt8(ascii: ";") {
                return true
            }
        }
        return false
    }

    private static func asksForHTTP2(_ value: Bytes) -> Bool {
        var found = false
        value.forEachListElement { if $0.equalsIgnoringCase("h2c") || $0.equalsIgnoringCase("h2") { found = true } }
        return found
    }
}
