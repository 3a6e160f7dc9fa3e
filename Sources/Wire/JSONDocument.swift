/// A JSON text as a tree, with object members in their order.
package enum JSONDocument: Hashable, Sendable {
    case null
    case bool(Bool)
    /// The digits as they were written.
    case number(String)
    case string(String)
    case array([JSONDocument])
    case object([Member])

    /// One member of an object.
    package struct Member: Hashable, Sendable {
        /// Its name.
        package let key: String
        /// Its value.
        package let value: JSONDocument

        /// A member.
        package init(key: String, value: JSONDocument) {
            self.key = key
            self.value = value
        }
    }

    /// How the kind of value is called in messages.
    package var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// Parses one JSON text; duplicate keys, trailing commas, other trailing content and nesting beyond 64 levels are errors.
    /// - Throws: ``WireError`` `.malformed` with the line and column.
    package init(parsing bytes: some Collection<UInt8>) throws(WireError) {
        var parser = JSONParser(bytes: Array(bytes))
        self = try parser.parse()
    }
}

/// Recursive descent over UTF-8 bytes. Source: RFC 8259.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func parse() throws(WireError) -> JSONDocument {
        let value = try parseValue(depth: 0)
        skipSpace()
        if position < bytes.count { throw failure("unexpected text after the value") }
        return value
    }

    private func failure(_ what: String) -> WireError {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.count { $0 == 10 } + 1
        let column = before.count - (before.lastIndex(of: 10) ?? -1)
        return WireError.malformed(line: line, column: column, what: what)
    }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    private mutating func take(_ character: Character) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func parseValue(depth: Int) throws(WireError) -> JSONDocument {
        guard depth <= 64 else { throw failure("nested too deeply") }
        skipSpace()
        guard position < bytes.count else { throw failure("the text ends where a value is expected") }
        switch bytes[position] {
        case UInt8(ascii: "{"): return try parseObject(depth: depth)
        case UInt8(ascii: "["): return try parseArray(depth: depth)
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseWord("true", as: .bool(true))
        case UInt8(ascii: "f"): return try parseWord("false", as: .bool(false))
        case UInt8(ascii: "n"): return try parseWord("null", as: .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try parseNumber())
        default: throw failure("a value is expected")
        }
    }

    private mutating func parseWord(_ word: String, as value: JSONDocument) throws(WireError) -> JSONDocument {
        guard bytes[position...].starts(with: word.utf8) else { throw failure("a value is expected") }
        position += word.utf8.count
        return value
    }

    private mutating func parseObject(depth: Int) throws(WireError) -> JSONDocument {
        position += 1
        var members: [JSONDocument.Member] = []
        var seen: Set<String> = []
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard position < bytes.count, bytes[position] == UInt8(ascii: "\"") else {
                throw failure("a member name in quotes is expected")
            }
            let key = try parseString()
            guard seen.insert(key).inserted else { throw failure("the member `\(key)` appears twice") }
            guard take(":") else { throw failure("`:` is expected after the member name") }
            members.append(JSONDocument.Member(key: key, value: try parseValue(depth: depth + 1)))
            if take(",") { continue }
            if take("}") { return .object(members) }
            throw failure("`,` or `}` is expected")
        }
    }

    private mutating func parseArray(depth: Int) throws(WireError) -> JSONDocument {
        position += 1
        var elements: [JSONDocument] = []
        if take("]") { return .array([]) }
        while true {
            elements.append(try parseValue(depth: depth + 1))
            if take(",") { continue }
            if take("]") { return .array(elements) }
            throw failure("`,` or `]` is expected")
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while position < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[position]) {
            position += 1
        }
        return position - start
    }

    private mutating func parseNumber() throws(WireError) -> String {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        let leadingZero = position < bytes.count && bytes[position] == UInt8(ascii: "0")
        let whole = digits()
        guard whole > 0, !(leadingZero && whole > 1) else { throw failure("a number is malformed") }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw failure("a number is malformed") }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            if position < bytes.count, [UInt8(ascii: "+"), UInt8(ascii: "-")].contains(bytes[position]) {
                position += 1
            }
            guard digits() > 0 else { throw failure("a number is malformed") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func parseString() throws(WireError) -> String {
        position += 1
        var out: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let text = String(validating: out, as: UTF8.self) else { throw failure("a string is not UTF-8") }
                return text
            case UInt8(ascii: "\\"):
                position += 1
                try parseEscape(into: &out)
            case 0..<0x20: throw failure("a control character inside a string")
            default:
                out.append(byte)
                position += 1
            }
        }
        throw failure("a string is not closed")
    }

    private mutating func parseEscape(into out: inout [UInt8]) throws(WireError) {
        guard position < bytes.count else { throw failure("a string is not closed") }
        let plain: [UInt8: UInt8] = [
            UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 8,
            UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10, UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
        ]
        if let byte = plain[bytes[position]] {
            out.append(byte)
            position += 1
            return
        }
        guard bytes[position] == UInt8(ascii: "u") else { throw failure("an escape is not known") }
        position += 1
        var code = try parseHex4()
        if (0xD800..<0xDC00).contains(code), bytes[position...].starts(with: [0x5C, 0x75]) {
            position += 2
            let low = try parseHex4()
            guard (0xDC00..<0xE000).contains(low) else { throw failure("a surrogate stands alone") }
            code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure("a surrogate stands alone") }
        out.append(contentsOf: Array(String(Character(scalar)).utf8))
    }

    private mutating func parseHex4() throws(WireError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw failure("`\\u` needs four hexadecimal digits") }
        position += 4
        return code
    }
}
