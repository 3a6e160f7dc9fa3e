/// Writes `str` and `repr` texts without recursion; values inside themselves show as `[...]` or `{...}`.
struct TextWriter {
    /// A container being written.
    private struct Open {
        enum Kind {
            case list(ListObject), tuple(TupleObject), dict(DictObject), set(TableObject), record(RecordObject)
        }
        let kind: Kind
        var position = 0
        var isFirst = true
        let identity: ObjectIdentifier?
        /// Set while the constructor of a record is being written.
        var pendingName: StringObject?
    }

    private(set) var bytes: [UInt8] = []
    /// True when the text outgrew the limit; the rest is missing.
    private(set) var overflowed = false
    private let limit: Int
    private var stack: [Open] = []
    /// The lists and dicts on the stack.
    private var active: Set<ObjectIdentifier> = []
    private var isRunning = false

    init(limit: Int = 64 << 20) {
        self.limit = limit
    }

    var string: String { String(decoding: bytes, as: UTF8.self) }
    var object: StringObject { .make(bytes) }

    mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }
    mutating func append(_ text: StringObject) { text.withBytes { bytes.append(contentsOf: $0) } }

    /// Writes `repr(value)`.
    mutating func write(_ value: Value) {
        begin(value)
        if isRunning { return }
        isRunning = true
        while !stack.isEmpty, !overflowed {
            step()
            if bytes.count > limit { overflowed = true }
        }
        isRunning = false
    }

    /// Writes a simple value, or opens a container.
    private mutating func begin(_ value: Value) {
        switch value.payload {
        case .none: append("None")
        case .bool(let truth): append(truth ? "True" : "False")
        case .int(let number): appendInteger(number)
        case .float(let number): append(FloatFormat.shortest(number))
        case .string(let text): quote(text)
        case .list(let list):
            if enter(list, "[...]") {
                append("[")
                stack.append(Open(kind: .list(list), identity: ObjectIdentifier(list)))
            }
        case .tuple(let tuple):
            append("(")
            stack.append(Open(kind: .tuple(tuple), identity: nil))
        case .dict(let dict):
            if enter(dict, "{...}") {
                append("{")
                stack.append(Open(kind: .dict(dict), identity: ObjectIdentifier(dict)))
            }
        case .function(let function): append("<function \(function.code.name)>")
        case .object(let object): object.write(to: &self)
        case .unbound: append("<unbound>")
        }
    }

    mutating func appendInteger(_ number: Int) {
        if number >= 0, number < 10 {
            bytes.append(UInt8(ascii: "0") + UInt8(number))
        } else {
            append(String(number))
        }
    }

    private mutating func enter(_ object: AnyObject, _ cycle: String) -> Bool {
        if active.insert(ObjectIdentifier(object)).inserted { return true }
        append(cycle)
        return false
    }

    /// Opens a set or record; called by the objects themselves.
    mutating func open(_ set: SetObject) {
        append("set([")
        stack.append(Open(kind: .set(set.table), identity: nil))
    }

    mutating func open(_ record: StructObject) {
        if case .string(let name) = record.constructor.payload {
            append(name)
        } else {
            write(record.constructor)
        }
        append("(")
        stack.append(Open(kind: .record(record), identity: nil))
    }

    /// Writes the next element of the innermost container, or closes it.
    private mutating func step() {
        let top = stack.count - 1
        let position = stack[top].position
        let isFirst = stack[top].isFirst
        stack[top].isFirst = false
        switch stack[top].kind {
        case .list(let list):
            guard position < list.count else { return close("]") }
            stack[top].position = position + 1
            if !isFirst { append(", ") }
            begin(list[position])
        case .tuple(let tuple):
            guard position < tuple.count else { return close(tuple.count == 1 ? ",)" : ")") }
            stack[top].position = position + 1
            if !isFirst { append(", ") }
            begin(tuple[position])
        case .dict(let dict):
            guard let found = dict.nextPosition(position) else { return close("}") }
            stack[top].position = found + 1
            if !isFirst { append(", ") }
            let entry = dict.slots[found]
            // A key nests only tuples and structs; write it to its end before the value.
            let key = entry.key
            if key.isContainer {
                var inner = TextWriter(limit: limit)
                inner.write(key)
                bytes.append(contentsOf: inner.bytes)
            } else {
                begin(key)
            }
            append(": ")
            begin(entry.value)
        case .set(let table):
            guard let found = table.nextPosition(position) else { return close("])") }
            stack[top].position = found + 1
            if !isFirst { append(", ") }
            begin(table.slots[found].key)
        case .record(let record):
            guard position < record.names.count else { return close(")") }
            stack[top].position = position + 1
            if !isFirst { append(", ") }
            append(record.names[position])
            append(" = ")
            begin(record.values[position])
        }
    }

    private mutating func close(_ text: String) {
        append(text)
        if let identity = stack.removeLast().identity { active.remove(identity) }
    }

    // MARK: Quoting

    /// Writes a text in double quotes with escapes.
    mutating func quote(_ text: StringObject) {
        bytes.append(UInt8(ascii: "\""))
        text.withBytes { source in
            var index = 0
            while index < source.count {
                let c = source[index]
                if c >= 0x20, c < 0x7F {
                    if c == UInt8(ascii: "\"") || c == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
                    bytes.append(c)
                    index += 1
                } else if c < 0x80 {
                    quoteControl(c)
                    index += 1
                } else {
                    index += quoteScalar(source, index)
                }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func quoteControl(_ c: UInt8) {
        switch c {
        case 7: append("\\a")
        case 8: append("\\b")
        case 9: append("\\t")
        case 10: append("\\n")
        case 11: append("\\v")
        case 12: append("\\f")
        case 13: append("\\r")
        default: append("\\x" + hexadecimal(Int(c), width: 2).lowercased())
        }
    }

    private mutating func quoteScalar(_ source: UnsafeBufferPointer<UInt8>, _ index: Int) -> Int {
        let (scalar, length) = decodeScalar(source, index)
        guard let scalar else {
            append("\\x" + hexadecimal(Int(source[index]), width: 2).lowercased())
            return 1
        }
        if scalar.isPrintable {
            bytes.append(contentsOf: source[index..<index + length])
        } else if scalar.value < 0x10000 {
            append("\\u" + hexadecimal(Int(scalar.value), width: 4).lowercased())
        } else {
            append("\\U" + hexadecimal(Int(scalar.value), width: 8).lowercased())
        }
        return length
    }
}

/// The code point at an offset; nil and 1 for a byte that belongs to none.
func decodeScalar(_ bytes: UnsafeBufferPointer<UInt8>, _ index: Int) -> (Unicode.Scalar?, Int) {
    let first = bytes[index]
    if first < 0x80 { return (Unicode.Scalar(first), 1) }
    let length: Int
    var value: UInt32
    switch first {
    case 0xC2...0xDF: (length, value) = (2, UInt32(first & 0x1F))
    case 0xE0...0xEF: (length, value) = (3, UInt32(first & 0x0F))
    case 0xF0...0xF4: (length, value) = (4, UInt32(first & 0x07))
    default: return (nil, 1)
    }
    guard index + length <= bytes.count else { return (nil, 1) }
    for position in index + 1..<index + length {
        guard bytes[position] & 0xC0 == 0x80 else { return (nil, 1) }
        value = value << 6 | UInt32(bytes[position] & 0x3F)
    }
    if length == 3, value < 0x800 { return (nil, 1) }
    if length == 4, value < 0x10000 { return (nil, 1) }
    guard let scalar = Unicode.Scalar(value) else { return (nil, 1) }
    return (scalar, length)
}

extension Unicode.Scalar {
    /// Shown as itself in quoted text: letters, marks, numbers, punctuation, symbols, and the ASCII space.
    var isPrintable: Bool {
        switch properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        case .spaceSeparator: return self == " "
        default: return true
        }
    }
}
