/// Writes values as JSON.
struct JSONWriter {
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
    private mutating func within(_ place: @autoclosure () -> String, _ body: (inout JSONWriter) throws -> Void) throws {
        do {
            try body(&self)
        } catch let error as StarlarkFailure where error.kind == .failed {
            throw StarlarkFailure("\(place()): \(error.message)")
        }
    }

    private mutating func enter(_ object: AnyObject, _ body: (inout JSONWriter) throws -> Void) throws {
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
