/// A JSON value whose objects keep the order of their keys.
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([JSONValue])
    case object([Member])

    /// One key of an object with its value.
    package struct Member: Hashable, Sendable {
        /// The key.
        package var key: String
        /// The value.
        package var value: JSONValue

        /// A key with its value.
        package init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The value of a key of an object; nil for other values and unknown keys.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// Whether it is a string, a number, a boolean or null.
    package var isSimple: Bool {
        switch self {
        case .null, .bool, .int, .double, .string: true
        case .array, .object: false
        }
    }

    /// The text of a string, else the JSON text.
    package var plainText: String {
        if case .string(let text) = self { return text }
        return text()
    }

    /// JSON text; with `indent` one member or element per line.
    package func text(indent: Bool = false) -> String {
        var writer = JSONWriter(indent: indent)
        writer.write(self, depth: 0)
        return writer.out
    }
}

/// Writes JSON text.
private struct JSONWriter {
    let indent: Bool
    var out = ""

    init(indent: Bool) { self.indent = indent }

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: out += "null"
        case .bool(let flag): out += flag ? "true" : "false"
        case .int(let number): out += String(number)
        case .double(let number):
            if number.isFinite { out += "\(number)" } else { out += "null" }
        case .string(let text): Self.quote(text, into: &out)
        case .array(let items):
            list("[", "]", items.count, depth) { writer, index in writer.write(items[index], depth: depth + 1) }
        case .object(let members):
            list("{", "}", members.count, depth) { writer, index in
                Self.quote(members[index].key, into: &writer.out)
                writer.out += writer.indent ? ": " : ":"
                writer.write(members[index].value, depth: depth + 1)
            }
        }
    }

    private mutating func list(
        _ open: String, _ close: String, _ count: Int, _ depth: Int, _ item: (inout JSONWriter, Int) -> Void
    ) {
        out += open
        for index in 0..<count {
            if index > 0 { out += "," }
            if indent { out += "\n" + String(repeating: "  ", count: depth + 1) }
            item(&self, index)
        }
        if indent, count > 0 { out += "\n" + String(repeating: "  ", count: depth) }
        out += close
    }

    private static func quote(_ text: String, into out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            case "\u{0}"..<"\u{20}", "\u{7F}", "\u{2028}", "\u{2029}":
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}
