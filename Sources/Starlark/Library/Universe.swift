/// The names every program knows.
enum Universe {
    static let values: [String: Value] = {
        var values: [String: Value] = ["None": .none, "True": .bool(true), "False": .bool(false)]
        for function in functions { values[function.name] = Value(.object(function)) }
        return values
    }()

    private static let functions: [BuiltinObject] = [
        builtin("abs", abs), builtin("all", all), builtin("any", any), builtin("bool", bool),
        builtin("bytes", bytes), builtin("chr", chr), builtin("dict", dict), builtin("dir", dir),
        builtin("enumerate", enumerate), builtin("fail", fail), builtin("float", float),
        builtin("getattr", getattr), builtin("hasattr", hasattr), builtin("hash", hash), builtin("int", int),
        BuiltinObject(name: "len", parameters: nil, receiver: nil, body: len, isLength: true), builtin("list", list),
        builtin("max") { try extreme(&$0, .greater) },
        builtin("min") { try extreme(&$0, .less) }, builtin("ord", ord), builtin("print", print),
        builtin("range", range), builtin("repr", repr), builtin("reversed", reversed), builtin("set", set),
        builtin("sorted", Sorting.sorted), builtin("str", str), builtin("tuple", tuple), builtin("type", type),
        builtin("zip", zip),
    ]

    // MARK: Numbers

    private static func abs(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        switch a.at(0).payload {
        case .int(let value): return value == .min ? .integer(-BigInt(value)) : .int(Swift.abs(value))
        case .float(let value): return .float(value.magnitude)
        default:
            guard let value = a.at(0).bigInt else {
                throw StarlarkFailure("got \(a.at(0).typeName), want int or float")
            }
            return .integer(value.isNegative ? -value : value)
        }
    }

    private static func float(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("float does not accept keyword arguments") }
        if a.positionalCount == 0 { return .float(0) }
        if a.positionalCount != 1 { throw StarlarkFailure("float got \(a.positionalCount) arguments, wants 1") }
        switch a.at(0).payload {
        case .bool(let value): return .float(value ? 1 : 0)
        case .string(let text): return .float(try parseFloat(text.string, a))
        default:
            guard let value = try a.evaluation.double(a.at(0)) else {
                throw StarlarkFailure("float got \(a.at(0).typeName), want number or string")
            }
            return .float(value)
        }
    }

    private static func parseFloat(_ text: String, _ a: Arguments) throws -> Double {
        if text.isEmpty { throw a.failure("empty string") }
        let invalid = StarlarkFailure("invalid float literal: \(text)")
        var body = Array(text.utf8)
        var isNegative = false
        if body[0] == UInt8(ascii: "-") || body[0] == UInt8(ascii: "+") {
            isNegative = body[0] == UInt8(ascii: "-")
            body.removeFirst()
        }
        switch String(decoding: body, as: UTF8.self).lowercased() {
        case "inf", "infinity": return isNegative ? -.infinity : .infinity
        case "nan": return .nan
        default: break
        }
        guard let first = body.first, isDigit(first) || first == UInt8(ascii: ".") else { throw invalid }
        for (index, c) in body.enumerated() where c == UInt8(ascii: "_") {
            guard index > 0, index + 1 < body.count, isDigit(body[index - 1]), isDigit(body[index + 1]) else {
                throw invalid
            }
        }
        body.removeAll { $0 == UInt8(ascii: "_") }
        let isHexadecimal = body.count > 2 && body[0] == UInt8(ascii: "0") && body[1] | 0x20 == UInt8(ascii: "x")
        guard isHexadecimal ? isHexadecimalFloat(body) : body.allSatisfy({ isDigit($0) || ".eE+-".utf8.contains($0) }),
            let value = Double(String(decoding: body, as: UTF8.self))
        else { throw invalid }
        if value.isInfinite { throw StarlarkFailure("floating-point number too large") }
        return isNegative ? -value : value
    }

    /// `0x1.8p-3`; the exponent must be there.
    private static func isHexadecimalFloat(_ body: [UInt8]) -> Bool {
        guard let mark = body.firstIndex(where: { $0 | 0x20 == UInt8(ascii: "p") }) else { return false }
        return body[2..<mark].allSatisfy { digitValue($0) < 16 || $0 == UInt8(ascii: ".") }
            && body[(mark + 1)...].allSatisfy { isDigit($0) || "+-".utf8.contains($0) }
    }

    private static func int(_ a: inout Arguments) throws -> Value {
        let values = try a.bound(["x", "base"], required: 1)
        let x = values[0]!
        if case .string(let text) = x.payload {
            var base = 10
            if let value = values[1] {
                guard let given = value.intValue else { throw a.failure("for base, got \(value.typeName), want int") }
                base = given
                if base != 0, base < 2 || base > 36 { throw a.failure("base must be an integer >= 2 && <= 36") }
            }
            try a.evaluation.charge(steps: text.count &* text.count >> 10)
            guard let value = parseInteger(text.array, base) else {
                throw a.failure("invalid literal with base \(base): \(text.string)")
            }
            return try a.evaluation.integer(value)
        }
        if values[1] != nil { throw a.failure("can't convert non-string with explicit base") }
        switch x.payload {
        case .bool(let value): return .int(value ? 1 : 0)
        case .float(let value):
            if value.isNaN { throw a.failure("cannot convert float NaN to integer") }
            if value.isInfinite { throw a.failure("cannot convert float infinity to integer") }
            return .integer(BigInt(truncating: value))
        default:
            if x.typeName == "int" { return x }
            throw a.failure("cannot convert \(x.typeName) to int")
        }
    }

    /// A signed integer text; nil when malformed.
    static func parseInteger(_ text: [UInt8], _ wantedBase: Int) -> BigInt? {
        var body = text[...]
        var isNegative = false
        if let sign = body.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            body = body.dropFirst()
        }
        var base = wantedBase
        if body.count > 1, body.first == UInt8(ascii: "0") {
            let marker = body[body.startIndex + 1] | 0x20
            let named =
                marker == UInt8(ascii: "x") ? 16 : marker == UInt8(ascii: "o") ? 8 : marker == UInt8(ascii: "b") ? 2 : 0
            if named != 0, base == 0 || base == named {
                base = named
                body = body.dropFirst(2)
            } else if base == 0, body.contains(where: { $0 != UInt8(ascii: "0") }) {
                return nil
            }
        }
        if base == 0 { base = 10 }
        guard !body.isEmpty, body.allSatisfy({ Int(digitValue($0)) < base }) else { return nil }
        return body.withUnsafeBufferPointer { BigInt(digits: $0, radix: base, isNegative: isNegative) }
    }

    private static func range(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 3)
        var start = 0
        var stop = try a.integer(0)
        var step = 1
        if a.positionalCount > 1 {
            start = stop
            stop = try a.integer(1)
        }
        if a.positionalCount > 2 {
            step = try a.integer(2)
            if step == 0 { throw a.failure("step argument must not be zero") }
        }
        return Value(.object(RangeObject(start: start, stop: stop, step: step)))
    }

    // MARK: Truth

    private static func bool(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        return .bool(a.optional(at: 0)?.truth ?? false)
    }

    private static func all(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let iterator = try a.iterator(a.at(0), "1")
        while let element = iterator.next() {
            try a.evaluation.charge(steps: 1)
            if !element.truth { return .bool(false) }
        }
        return .bool(true)
    }

    private static func any(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let iterator = try a.iterator(a.at(0), "1")
        while let element = iterator.next() {
            try a.evaluation.charge(steps: 1)
            if element.truth { return .bool(true) }
        }
        return .bool(false)
    }

    // MARK: Text

    private static func chr(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("chr does not accept keyword arguments") }
        try a.expect(1)
        guard let big = a.at(0).bigInt else { throw a.failure("got \(a.at(0).typeName), want int") }
        guard let small = big.intValue, Int32(exactly: small) != nil else {
            throw a.failure("\(big.description) out of range")
        }
        if big.isNegative { throw a.failure("Unicode code point \(big.description) out of range (<0)") }
        guard let value = big.intValue, value <= 0x10FFFF else {
            throw a.failure("Unicode code point U+\(big.text(radix: 16, uppercase: true)) out of range (>0x10FFFF)")
        }
        return .string(String(Unicode.Scalar(UInt32(value)) ?? "\u{FFFD}"))
    }

    private static func ord(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("ord does not accept keyword arguments") }
        try a.expect(1)
        switch a.at(0).payload {
        case .string(let text):
            return try text.withBytes { bytes in
                var count = 0
                var index = 0
                var found: Unicode.Scalar?
                while index < bytes.count {
                    let (scalar, length) = decodeScalar(bytes, index)
                    if count == 0 { found = scalar ?? "\u{FFFD}" }
                    count += 1
                    index += length
                }
                guard count == 1, let found else {
                    throw a.failure("string encodes \(count) Unicode code points, want 1")
                }
                return .int(Int(found.value))
            }
        case .object(let object as BytesObject):
            guard object.storage.count == 1 else {
                throw a.failure("bytes has length \(object.storage.count), want 1")
            }
            return .int(Int(object.storage.array[0]))
        default: throw a.failure("got \(a.at(0).typeName), want string or bytes")
        }
    }

    private static func bytes(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("bytes does not accept keyword arguments") }
        if a.positionalCount != 1 { throw a.failure("got \(a.positionalCount) arguments, want exactly 1") }
        switch a.at(0).payload {
        case .object(let object) where object is BytesObject: return a.at(0)
        case .string(let text):
            return Value(.object(BytesObject(text.repaired)))
        default: break
        }
        guard let iterator = try a.at(0).makeIterator(a.evaluation) else {
            throw a.failure("got \(a.at(0).typeName), want string, bytes, or iterable of ints")
        }
        var result: [UInt8] = []
        while let element = iterator.next() {
            try a.evaluation.charge(steps: 1)
            try a.evaluation.charge(bytes: 1)
            guard let big = element.bigInt else {
                throw a.failure("at index \(result.count), got \(element.typeName), want int")
            }
            guard let value = big.intValue, let byte = UInt8(exactly: value) else {
                throw a.failure(
                    "at index \(result.count), \(big.description) out of range (want value in unsigned 8-bit range)")
            }
            result.append(byte)
        }
        return Value(.object(BytesObject(.make(result))))
    }

    private static func str(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("str does not accept keyword arguments") }
        if a.positionalCount != 1 { throw a.failure("got \(a.positionalCount) arguments, want exactly 1") }
        return Value(.string(try a.evaluation.text(a.at(0))))
    }

    private static func repr(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        return Value(.string(try a.evaluation.representation(a.at(0))))
    }

    private static func print(_ a: inout Arguments) throws -> Value {
        let text = try joined(a, a.evaluation.text)
        a.evaluation.printSink?(text.string)
        return .none
    }

    private static func fail(_ a: inout Arguments) throws -> Value {
        throw a.failure(try joined(a, a.evaluation.formatted).string)
    }

    /// The texts of the arguments with `sep` between.
    private static func joined(
        _ a: Arguments, _ textOf: (Value) throws -> StringObject
    ) throws -> StringObject {
        try a.allowNames("sep")
        var separator = StringObject.single[0x20]
        if let value = a.named("sep") {
            guard case .string(let text) = value.payload else { throw a.mismatch("\"sep\"", value, "string") }
            separator = text
        }
        var result: [UInt8] = []
        for index in 0..<a.positionalCount {
            if index > 0 { separator.withBytes { result.append(contentsOf: $0) } }
            let text = try textOf(a.at(index))
            text.withBytes { result.append(contentsOf: $0) }
        }
        return .make(result)
    }

    /// Java's hash of strings, FNV-1a of bytes; part of the language, unlike the tables' own.
    private static func hash(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        switch a.at(0).payload {
        case .string(let text):
            var hash: Int32 = 0
            // By code points where Java's goes by UTF-16 units: that is what starlark-go computes.
            for scalar in text.string.unicodeScalars { hash = hash &* 31 &+ Int32(scalar.value) }
            return .int(Int(hash))
        case .object(let object as BytesObject):
            var hash: UInt32 = 2_166_136_261
            for byte in object.storage.array { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
            return .int(Int(hash))
        default: throw a.failure("got \(a.at(0).typeName), want string or bytes")
        }
    }

    // MARK: Containers

    private static func len(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        guard let length = a.at(0).length else {
            throw a.failure("value of type \(a.at(0).typeName) has no len")
        }
        return .int(length)
    }

    private static func list(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        let list = ListObject(capacity: 0)
        if let value = a.optional(at: 0) {
            guard value.isIterable else { throw a.mismatch("1", value, "iterable") }
            try a.evaluation.extend(list, value)
        }
        return Value(.list(list))
    }

    private static func tuple(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        guard let value = a.optional(at: 0) else { return Value(.tuple(.empty)) }
        if case .tuple = value.payload { return value }
        return .tuple(try a.elements(value, "1"))
    }

    private static func set(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        let table = TableObject(capacity: 0)
        if let value = a.optional(at: 0) {
            for element in try a.elements(value, "1") {
                try a.evaluation.charge(bytes: 64)
                try a.prefixed { _ = try table.insertIfAbsent(element, .none) }
            }
        }
        return Value(.object(SetObject(table)))
    }

    private static func dict(_ a: inout Arguments) throws -> Value {
        if a.positionalCount > 1 { throw a.failure("got \(a.positionalCount) arguments, want at most 1") }
        let dict = DictObject(capacity: 0)
        try DictMethods.update(dict, a)
        return Value(.dict(dict))
    }

    private static func enumerate(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 2)
        let elements = try a.elements(a.at(0), "1")
        let start = a.positionalCount > 1 ? try a.integer(1) : 0
        try a.evaluation.charge(elements: elements.count * 4)
        let list = ListObject(capacity: elements.count)
        for (index, element) in elements.enumerated() {
            list.append(Value(.tuple(.pair(.int(start &+ index), element))))
        }
        return Value(.list(list))
    }

    private static func reversed(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        return .list(try a.elements(a.at(0), "1").reversed())
    }

    private static func zip(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("zip does not accept keyword arguments") }
        var iterators: [ValueIterator] = []
        for index in 0..<a.positionalCount {
            guard let iterator = try a.at(index).makeIterator(a.evaluation) else {
                throw a.failure("argument #\(index + 1) is not iterable: \(a.at(index).typeName)")
            }
            iterators.append(iterator)
        }
        let result = ListObject(capacity: 0)
        guard !iterators.isEmpty else { return Value(.list(result)) }
        while true {
            var row: [Value] = []
            for iterator in iterators {
                guard let value = iterator.next() else { return Value(.list(result)) }
                row.append(value)
            }
            try a.evaluation.charge(steps: row.count)
            try a.evaluation.charge(bytes: 48 + 16 * row.count)
            result.append(.tuple(row))
        }
    }

    private static func extreme(_ a: inout Arguments, _ wanted: Comparison) throws -> Value {
        let name = a.functionName
        if a.positionalCount == 0 {
            throw StarlarkFailure("\(name) requires at least one positional argument")
        }
        for index in a.names.indices where a.names[index].isEqual(to: "key") {
            let given = a.base[a.positionalCount + index]
            if !given.isCallable { throw a.mismatch("\"key\"", given, "callable") }
        }
        try a.allowNames("key")
        let key = a.named("key")
        let iterator: ValueIterator
        if a.positionalCount == 1 {
            guard let found = try a.at(0).makeIterator(a.evaluation) else {
                throw a.failure("\(a.at(0).typeName) value is not iterable")
            }
            iterator = found
        } else {
            iterator = ValueIterator(array: a.positional)
        }
        guard var best = iterator.next() else { throw a.failure("argument is an empty sequence") }
        var bestKey = best
        if let key { bestKey = try a.evaluation.invoke(key, [best], []) }
        while let value = iterator.next() {
            try a.evaluation.charge(steps: 1)
            let valueKey = try key.map { try a.evaluation.invoke($0, [value], []) } ?? value
            if try a.prefixed({ try a.evaluation.compare(wanted, valueKey, bestKey) }) {
                best = value
                bestKey = valueKey
            }
        }
        return best
    }

    // MARK: Introspection

    private static func type(_ a: inout Arguments) throws -> Value {
        if a.names.isEmpty, a.positionalCount != 1 {
            throw a.failure("got \(a.positionalCount) arguments, want exactly 1")
        }
        try a.expect(1)
        return Value(.string(TypeNames.object(a.at(0))))
    }

    private static func dir(_ a: inout Arguments) throws -> Value {
        if !a.names.isEmpty { throw StarlarkFailure("dir does not accept keyword arguments") }
        try a.expect(1)
        return .list(a.evaluation.attributeNames(a.at(0)).map { .string($0) })
    }

    private static func getattr(_ a: inout Arguments) throws -> Value {
        try a.expect(2, 3)
        let name = try a.text(1)
        if let value = try a.evaluation.findAttribute(a.at(0), name) { return value }
        if let otherwise = a.optional(at: 2) { return otherwise }
        throw a.failure(a.evaluation.noAttribute(a.at(0), name.string, hints: false).message)
    }

    private static func hasattr(_ a: inout Arguments) throws -> Value {
        try a.expect(2)
        return .bool(try a.evaluation.findAttribute(a.at(0), try a.text(1)) != nil)
    }
}

/// Type names as string values, made once for the common types.
enum TypeNames {
    nonisolated(unsafe) private static let common: [StringObject] = [  // immutable
        "NoneType", "bool", "int", "float", "string", "list", "tuple", "dict", "function",
    ].map { StringObject.make($0 as String) }

    static func object(_ value: Value) -> StringObject {
        switch value.payload {
        case .none: return common[0]
        case .bool: return common[1]
        case .int: return common[2]
        case .float: return common[3]
        case .string: return common[4]
        case .list: return common[5]
        case .tuple: return common[6]
        case .dict: return common[7]
        case .function: return common[8]
        default: return .make(value.typeName)
        }
    }
}

extension Evaluation {
    /// `str(value)`, bounded and charged.
    func text(_ value: Value) throws -> StringObject {
        switch value.payload {
        case .string(let text): return text
        case .int(let number):
            let text = StringObject.decimal(number)
            try charge(bytes: 32 + text.count)
            return text
        case .object(let object as BytesObject): return object.storage.repaired
        default: return try representation(value)
        }
    }

    /// The text of a value among others, as for `%s`: a string itself, else as by `repr`.
    func formatted(_ value: Value) throws -> StringObject {
        if case .object(let object) = value.payload, object is BytesObject { return try representation(value) }
        return try text(value)
    }

    /// `repr(value)`, bounded and charged.
    func representation(_ value: Value) throws -> StringObject {
        if case .object(let object as BigIntObject) = value.payload {
            try charge(steps: object.value.limbs.count * object.value.limbs.count >> 2)
        }
        var writer = TextWriter(limit: min(remainingBytes, 64 << 20))
        writer.write(value)
        if writer.overflowed { throw StarlarkFailure("text of value too large", kind: .limitExceeded) }
        try charge(bytes: 32 + writer.bytes.count)
        try charge(steps: writer.bytes.count >> 4)
        return writer.object
    }
}
