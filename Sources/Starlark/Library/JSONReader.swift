/// Reads JSON.
struct JSONReader {
    let bytes: [UInt8]
    let evaluation: Evaluation
    private var index = 0
    private var depth = 0

    init(bytes: [UInt8], evaluation: Evaluation) {
        self.bytes = bytes
        self.evaluation = evaluation
    }

    mutating func decode() throws -> Value {
        let value = try value()
        skipSpace()
        if index < bytes.count { throw failure("unexpected character \(shown()) after value") }
        return value
    }

    private func failure(_ message: String, at offset: Int? = nil) -> StarlarkFailure {
        StarlarkFailure("at offset \(offset ?? index), \(message)")
    }

    private func shown() -> String {
        bytes.withUnsafeBufferPointer { buffer in
            let (scalar, _) = decodeScalar(buffer, index)
            let character = scalar ?? "\u{FFFD}"
            return character == "'" ? "'\\''" : "'\(character)'"
        }
    }

    private mutating func skipSpace() {
        while index < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[index]) { index += 1 }
    }

    /// The next byte that is no white space.
    private mutating func peek() throws -> UInt8 {
        skipSpace()
        guard index < bytes.count else { throw failure("unexpected end of file") }
        return bytes[index]
    }

    private mutating func value() throws -> Value {
        try evaluation.charge(steps: 1)
        try evaluation.charge(bytes: 48)
        let c = try peek()
        switch c {
        case UInt8(ascii: "\""): return Value(.string(try string()))
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            depth += 1
            defer { depth -= 1 }
            if depth > 200 { throw failure("nesting too deep") }
            index += 1
            return c == UInt8(ascii: "[") ? try array() : try object()
        case UInt8(ascii: "n"): return try word("null", .none)
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw failure("unexpected character \(shown())")
        }
    }

    private mutating func word(_ text: StaticString, _ value: Value) throws -> Value {
        let end = index + text.utf8CodeUnitCount
        let matches = bytes[index...].starts(
            with: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
        guard matches else { throw failure("unexpected character \(shown())") }
        index = end
        return value
    }

    private mutating func array() throws -> Value {
        let list = ListObject(capacity: 0)
        if try peek() == UInt8(ascii: "]") {
            index += 1
            return Value(.list(list))
        }
        while true {
            list.append(try value())
            switch try peek() {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "]"):
                index += 1
                return Value(.list(list))
            default: throw failure("got \(shown()), want ',' or ']'")
            }
        }
    }

    private mutating func object() throws -> Value {
        let dict = DictObject(capacity: 0)
        if try peek() == UInt8(ascii: "}") {
            index += 1
            return Value(.dict(dict))
        }
        while true {
            let key = try value()
            guard case .string = key.payload else {
                throw failure("got \(key.typeName) for object key, want string")
            }
            guard try peek() == UInt8(ascii: ":") else {
                throw failure("after object key, got \(shown()), want ':' ")
            }
            index += 1
            try dict.set(key, try value())
            switch try peek() {
            case UInt8(ascii: ","): index += 1
            case UInt8(ascii: "}"):
                index += 1
                return Value(.dict(dict))
            default: throw failure("in object, got \(shown()), want ',' or '}'")
            }
        }
    }

    private mutating func number() throws -> Value {
        let start = index
        while index < bytes.count, isDigit(bytes[index]) || "+-.eE".utf8.contains(bytes[index]) { index += 1 }
        let text = bytes[start..<index]
        let invalid = failure("invalid number: \(String(decoding: text, as: UTF8.self))")
        var rest = text
        if rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
        let whole = rest.prefix(while: isDigit)
        guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else { throw invalid }
        rest = rest[whole.endIndex...]
        if rest.isEmpty {
            try evaluation.charge(steps: whole.count &* whole.count >> 10)
            let isNegative = text.first == UInt8(ascii: "-")
            let big = whole.withUnsafeBufferPointer { BigInt(digits: $0, radix: 10, isNegative: isNegative) }
            return try evaluation.integer(big)
        }
        if rest.first == UInt8(ascii: ".") {
            rest = rest.dropFirst().drop(while: isDigit)  // no digit need follow, as in starlark-go
        }
        if let mark = rest.first {
            guard mark | 0x20 == UInt8(ascii: "e") else { throw invalid }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard !rest.isEmpty, rest.allSatisfy(isDigit) else { throw invalid }
        }
        guard let value = Double(withDigitAfterPoint(text)), value.isFinite else { throw invalid }
        return .float(value)
    }

    /// The number's text as Swift reads it: `1.` and `1.e5` lack a digit.
    private func withDigitAfterPoint(_ text: ArraySlice<UInt8>) -> String {
        var text = Array(text)
        if let point = text.firstIndex(of: UInt8(ascii: ".")), point + 1 == text.count || !isDigit(text[point + 1]) {
            text.insert(UInt8(ascii: "0"), at: point + 1)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func string() throws -> StringObject {
        let start = index
        index += 1
        var result: [UInt8] = []
        while true {
            guard index < bytes.count else { throw failure("unclosed string literal", at: start) }
            let c = bytes[index]
            index += 1
            if c == UInt8(ascii: "\"") { return .make(result) }
            guard c == UInt8(ascii: "\\") else {
                result.append(c)
                continue
            }
            guard index < bytes.count else { throw failure("unclosed string literal", at: start) }
            let escape = bytes[index]
            index += 1
            switch escape {
            case UInt8(ascii: "n"): result.append(10)
            case UInt8(ascii: "t"): result.append(9)
            case UInt8(ascii: "r"): result.append(13)
            case UInt8(ascii: "b"): result.append(8)
            case UInt8(ascii: "f"): result.append(12)
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(escape)
            case UInt8(ascii: "u"): result.append(contentsOf: String(try unicodeEscape()).utf8)
            default: throw invalidEscape(index - 2, 2)
            }
        }
    }

    /// The code point after `\u`; a surrogate without its partner is U+FFFD.
    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let start = index - 2
        let first = try fourDigits(start)
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let saved = index
        index += 2
        let second = try fourDigits(saved)
        guard second >= 0xDC00, second < 0xE000 else {
            index = saved
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    /// The error for an escape sequence; it is reported behind the literal.
    private func invalidEscape(_ start: Int, _ length: Int) -> StarlarkFailure {
        var end = start
        while end < bytes.count, bytes[end] != UInt8(ascii: "\"") { end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1 }
        end = min(end + 1, bytes.count)
        let text = String(decoding: bytes[start..<min(start + length, end)], as: UTF8.self)
        return failure("invalid escape sequence `\(text)` in string", at: end)
    }

    private mutating func fourDigits(_ start: Int) throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, digitValue(bytes[index]) < 16 else {
                throw invalidEscape(start, 6)
            }
            value = value << 4 | UInt32(digitValue(bytes[index]))
            index += 1
        }
        return value
    }
}
