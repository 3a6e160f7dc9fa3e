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
        var encoder = JSONWriter(evaluation: a.evaluation)
        do {
            try encoder.write(a.at(0))
        } catch let error as StarlarkFailure where error.kind == .failed {
            throw a.failure(error.message)
        }
        try a.evaluation.charge(bytes: encoder.bytes.count)
        return encoder.bytes
    }

    private static func decode(_ a: inout Arguments) throws -> Value {
        let values = try a.bound(["x", "default"], required: 1) { number, value in
            number == 0 && value.stringValue == nil ? "string" : nil
        }
        if a.positionalCount == 0 { throw a.failure("unexpected keyword argument x") }
        let otherwise = values[1]
        guard case .string(let text) = (values[0] ?? .none).payload else { throw a.failure("missing argument for x") }
        var decoder = JSONReader(bytes: text.array, evaluation: a.evaluation)
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
        var checker = JSONReader(bytes: text, evaluation: a.evaluation)
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
