/// The module `json`.
enum JSONLibrary {
    static let module = Value.module(
        "json",
        [
            ("encode", Value(.object(builtin("json.encode", encode)))),
            ("decode", Value(.object(builtin("json.decode", decode)))),
            ("indent", Value(.object(builtin("json.indent", indent)))),
            ("encode_indent", Value(.object(builtin("json.encode_indent", encodeIndent)))),
        ])

    private static func encode(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        return Value(.string(.make(try encoded(a))))
    }

    private static func encoded(_ a: Arguments) throws -> [UInt8] {
        var encoder = JSONEncoder(evaluation: a.evaluation)
        do {
            try encoder.write(a.at(0))
        } catch let error as StarlarkFailure where error.kind == .failed {
            throw a.failure(error.message)
        }
        try a.evaluation.charge(bytes: encoder.bytes.count)
        return encoder.bytes
    }

    private static func decode(_ a: inout Arguments) throws -> Value {
        for name in a.names where !name.isEqual(to: "default") {
            throw a.failure("unexpected keyword argument \(name.string)")
        }
        guard a.positionalCount >= 1, a.positionalCount <= 2 else {
            throw a.failure("got \(a.positionalCount) arguments, want 1")
        }
        let otherwise = a.optional(at: 1) ?? a.named("default")
        let text = try a.text(0)
        var decoder = JSONDecoder(bytes: text.array, evaluation: a.evaluation)
        do {
            return try decoder.decode()
        } catch let error as StarlarkFailure where error.kind == .failed {
            if let otherwise { return otherwise }
            throw a.failure(error.message)
        }
    }

    private static func style(_ a: Arguments) throws -> (prefix: [UInt8], indent: [UInt8]) {
        if a.positionalCount != 1 { throw a.failure("got \(a.positionalCount) arguments, want 1") }
        try a.allowNames("prefix", "indent")
        func option(_ name: StaticString, _ otherwise: [UInt8]) throws -> [UInt8] {
            guard let value = a.named(name) else { return otherwise }
            guard case .string(let text) = value.payload else { throw a.mismatch("\(name)", value, "string") }
            return text.array
        }
        return (try option("prefix", []), try option("indent", [0x09]))
    }

    private static func indent(_ a: inout Arguments) throws -> Value {
        let style = try style(a)
        let text = try a.text(0).array
        var checker = JSONDecoder(bytes: text, evaluation: a.evaluation)
        do {
            _ = try checker.decode()
        } catch let error as StarlarkFailure where error.kind == .failed {
            throw a.failure("invalid character: \(error.message)")
        }
        return try indented(text, style.prefix, style.indent, a)
    }

    private static func encodeIndent(_ a: inout Arguments) throws -> Value {
        let style = try style(a)
        return try indented(try encoded(a), style.prefix, style.indent, a)
    }

    /// Lays out valid JSON over lines.
    private static func indented(
        _ text: [UInt8], _ prefix: [UInt8], _ indent: [UInt8], _ a: Arguments
    ) throws -> Value {
        var result: [UInt8] = []
        var depth = 0
        var isInString = false
        var index = 0
        func newline() throws {
            result.append(0x0A)
            result += prefix
            for _ in 0..<depth { result += indent }
            try a.evaluation.charge(bytes: prefix.count + depth * indent.count)
        }
        while index < text.count {
            let c = text[index]
            index += 1
            if isInString {
                result.append(c)
                if c == UInt8(ascii: "\\"), index < text.count {
                    result.append(text[index])
                    index += 1
                } else if c == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch c {
            case 0x20, 0x09, 0x0A, 0x0D: break
            case UInt8(ascii: "\""):
                isInString = true
                result.append(c)
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                result.append(c)
                var next = index
                while next < text.count, [0x20, 0x09, 0x0A, 0x0D].contains(text[next]) { next += 1 }
                if next < text.count, text[next] == c + 2 {
                    result.append(text[next])
                    index = next + 1
                } else {
                    depth += 1
                    try newline()
                }
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                depth -= 1
                try newline()
                result.append(c)
            case UInt8(ascii: ","):
                result.append(c)
                try newline()
            case UInt8(ascii: ":"): result += [c, 0x20]
            default: result.append(c)
            }
        }
        return Value(.string(.make(result)))
    }
}

/// Writes values as JSON.
private struct JSONEncoder {
    static let maximumDepth = 200

    let evaluation: Evaluation
    private(set) var bytes: [UInt8] = []
    private var open: [ObjectIdentifier] = []

    init(evaluation: Evaluation) {
        self.evaluation = evaluation
    }

    mutating func write(_ value: Value) throws {
        try evaluation.charge(steps: 1)
        if bytes.count > 1 << 28 { throw StarlarkFailure("JSON text too large", kind: .limitExceeded) }
        switch value.payload {
        case .none: append("null")
        case .bool(let truth): append(truth ? "true" : "false")
        case .int(let number): append(String(number))
        case .float(let number):
            guard number.isFinite else {
                throw StarlarkFailure("cannot encode non-finite float \(FloatFormat.shortest(number))")
            }
            append(FloatFormat.shortest(number))
        case .string(let text): quote(text)
        case .list(let list):
            try enter(list) { encoder in
                try encoder.array((0..<list.count).lazy.map { list[$0] }, "list")
            }
        case .tuple(let tuple): try enter(tuple) { try $0.array(tuple.array, "tuple") }
        case .dict(let dict): try enter(dict) { try $0.object(dict) }
        case .object(let object): try write(object, value)
        default: throw StarlarkFailure("cannot encode \(value.typeName) as JSON")
        }
    }

    private mutating func write(_ object: Object, _ value: Value) throws {
        if let number = object as? BigIntObject { return append(number.value.description) }
        if let record = object as? RecordObject {
            return try enter(record) { encoder in
                encoder.append("{")
                for (index, name) in record.names.enumerated() {
                    if index > 0 { encoder.append(",") }
                    encoder.quote(name)
                    encoder.append(":")
                    try encoder.within("in field .\(name.string)") { try $0.write(record.values[index]) }
                }
                encoder.append("}")
            }
        }
        if let iterator = try value.makeIterator(evaluation), object.isIterable {
            return try enter(object) { encoder in
                var elements: [Value] = []
                while let element = iterator.next() {
                    try encoder.evaluation.charge(steps: 1)
                    try encoder.evaluation.charge(bytes: 16)
                    elements.append(element)
                }
                try encoder.array(elements, value.typeName)
            }
        }
        let names = evaluation.attributeNames(value)
        guard object is HostObject || object is BytesObject || object is TimeObject || object is DurationObject,
            !names.isEmpty
        else {
            throw StarlarkFailure("cannot encode \(value.typeName) as JSON")
        }
        try enter(object) { encoder in
            encoder.append("{")
            var isFirst = true
            for name in names.sorted() {
                guard let field = try encoder.evaluation.findAttribute(value, .make(name)) else { continue }
                if !isFirst { encoder.append(",") }
                isFirst = false
                encoder.quote(.make(name))
                encoder.append(":")
                try encoder.within("in field .\(name)") { try $0.write(field) }
            }
            encoder.append("}")
        }
    }

    private mutating func array(_ elements: some Sequence<Value>, _ kind: String) throws {
        append("[")
        for (index, element) in elements.enumerated() {
            if index > 0 { append(",") }
            try within("at \(kind) index \(index)") { try $0.write(element) }
        }
        append("]")
    }

    private mutating func object(_ dict: DictObject) throws {
        var entries: [(StringObject, Value)] = []
        for (key, value) in dict.entries {
            guard case .string(let name) = key.payload else {
                throw StarlarkFailure("dict has \(key.typeName) key, want string")
            }
            entries.append((name, value))
        }
        entries.sort { $0.0.compare(to: $1.0) < 0 }
        append("{")
        for (index, (name, value)) in entries.enumerated() {
            if index > 0 { append(",") }
            quote(name)
            append(":")
            try within("in dict key \(Value(.string(name)).repr)") { try $0.write(value) }
        }
        append("}")
    }

    /// Adds a step of the path to failures.
    private mutating func within(_ place: @autoclosure () -> String, _ body: (inout JSONEncoder) throws -> Void) throws
    {
        do {
            try body(&self)
        } catch let error as StarlarkFailure where error.kind == .failed {
            throw StarlarkFailure("\(place()): \(error.message)")
        }
    }

    private mutating func enter(_ object: AnyObject, _ body: (inout JSONEncoder) throws -> Void) throws {
        let identity = ObjectIdentifier(object)
        if open.contains(identity) { throw StarlarkFailure("cycle in JSON structure") }
        if open.count >= Self.maximumDepth { throw StarlarkFailure("JSON structure too deep") }
        open.append(identity)
        try body(&self)
        open.removeLast()
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func quote(_ text: StringObject) {
        bytes.append(UInt8(ascii: "\""))
        text.withBytes { source in
            var index = 0
            while index < source.count {
                let c = source[index]
                switch c {
                case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), c]
                case 0x0A: append("\\n")
                case 0x0D: append("\\r")
                case 0x09: append("\\t")
                case 0..<0x20: append("\\u" + hexadecimal(Int(c), width: 4).lowercased())
                case 0x20..<0x80: bytes.append(c)
                default:
                    let (scalar, length) = decodeScalar(source, index)
                    if scalar == nil { append("\u{FFFD}") } else { bytes += source[index..<index + length] }
                    index += length - 1
                }
                index += 1
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Reads JSON.
private struct JSONDecoder {
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
            default: throw failure("in array, got \(shown()), want ',' or ']'")
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
            guard try peek() == UInt8(ascii: "\"") else {
                throw failure("unexpected character \(shown())")
            }
            let key = try string()
            guard try peek() == UInt8(ascii: ":") else {
                throw failure("after object key, got \(shown()), want ':'")
            }
            index += 1
            try dict.set(Value(.string(key)), try value())
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
            let fraction = rest.dropFirst().prefix(while: isDigit)
            guard !fraction.isEmpty else { throw invalid }
            rest = rest[fraction.endIndex...]
        }
        if let mark = rest.first {
            guard mark | 0x20 == UInt8(ascii: "e") else { throw invalid }
            rest = rest.dropFirst()
            if rest.first == UInt8(ascii: "+") || rest.first == UInt8(ascii: "-") { rest = rest.dropFirst() }
            guard !rest.isEmpty, rest.allSatisfy(isDigit) else { throw invalid }
        }
        guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else { throw invalid }
        return .float(value)
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
            if c < 0x20 { throw failure("invalid control character in string literal", at: index - 1) }
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
            default: throw failure("invalid escape sequence \\\(Unicode.Scalar(escape)) in string", at: index - 2)
            }
        }
    }

    /// The code point after `\u`; a surrogate without its partner is U+FFFD.
    private mutating func unicodeEscape() throws -> Unicode.Scalar {
        let first = try fourDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, index + 1 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
            bytes[index + 1] == UInt8(ascii: "u")
        else { return "\u{FFFD}" }
        let saved = index
        index += 2
        let second = try fourDigits()
        guard second >= 0xDC00, second < 0xE000 else {
            index = saved
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    private mutating func fourDigits() throws -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard index < bytes.count, digitValue(bytes[index]) < 16 else {
                throw failure("invalid escape sequence in string")
            }
            value = value << 4 | UInt32(digitValue(bytes[index]))
            index += 1
        }
        return value
    }
}
