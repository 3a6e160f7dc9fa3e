/// `format` and the `%` operator.
extension StringMethods {
    static func format(_ a: inout Arguments) throws -> Value {
        let evaluation = a.evaluation
        var result: [UInt8] = []
        var automatic = 0
        var isAutomatic = false
        var isManual = false
        let pieces = FormatField.parse(text(a), a)
        for piece in pieces {
            switch piece {
            case .literal(let bytes): result.append(contentsOf: bytes)
            case .failure(let failure): throw failure
            case .field(let field):
                let value: Value
                if field.name.isEmpty {
                    if isManual {
                        throw a.failure("cannot switch from manual field specification to automatic field numbering")
                    }
                    isAutomatic = true
                    guard automatic < a.positionalCount else { throw a.failure("tuple index out of range") }
                    value = a.at(automatic)
                    automatic += 1
                } else if field.name.allSatisfy(isDigit) {
                    if isAutomatic {
                        throw a.failure("cannot switch from automatic field numbering to manual field specification")
                    }
                    isManual = true
                    guard let index = Int(String(decoding: field.name, as: UTF8.self)), index < a.positionalCount else {
                        throw a.failure("tuple index out of range")
                    }
                    value = a.at(index)
                } else {
                    value = try keyword(field.name, a)
                }
                if !field.specification.isEmpty {
                    let text = String(decoding: field.specification, as: UTF8.self)
                    throw StarlarkFailure("format spec features not supported in replacement fields: \(text)")
                }
                switch field.conversion {
                case "s": try evaluation.text(value).withBytes { result.append(contentsOf: $0) }
                case "r": try evaluation.representation(value).withBytes { result.append(contentsOf: $0) }
                default: throw a.failure("unknown conversion \"\(field.conversion)\"")
                }
            }
        }
        try evaluation.charge(steps: result.count >> 4)
        try evaluation.charge(bytes: 32 + result.count)
        return Value(.string(.make(result)))
    }

    private static func keyword(_ name: [UInt8], _ a: Arguments) throws -> Value {
        for (index, candidate) in a.names.enumerated()
        where candidate.withBytes({ $0.elementsEqual(name) }) {
            return a.base[a.positionalCount + index]
        }
        let text = String(decoding: name, as: UTF8.self)
        if text.contains(".") {
            throw a.failure("attribute syntax x.y is not supported in replacement fields: \(text)")
        }
        if text.contains("[") {
            throw a.failure("element syntax a[i] is not supported in replacement fields: \(text)")
        }
        if text.contains("{") { throw a.failure("nested replacement fields not supported") }
        throw a.failure("keyword \(text) not found")
    }
}

/// A replacement field of `format`.
private struct FormatField {
    enum Piece {
        case literal([UInt8])
        case field(FormatField)
        /// A mistake, reported when the fields before it are done.
        case failure(StarlarkFailure)
    }

    var name: [UInt8] = []
    var conversion = "s"
    var specification: [UInt8] = []

    static func parse(_ format: StringObject, _ a: Arguments) -> [Piece] {
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        let bytes = format.array
        var index = 0
        while index < bytes.count {
            let c = bytes[index]
            let next = index + 1 < bytes.count ? bytes[index + 1] : 0
            if c == UInt8(ascii: "}") {
                guard next == c else { return pieces + [.failure(a.failure("single '}' in format"))] }
                literal.append(c)
                index += 2
            } else if c != UInt8(ascii: "{") {
                literal.append(c)
                index += 1
            } else if next == c {
                literal.append(c)
                index += 2
            } else {
                guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
                    return pieces + [.failure(a.failure("unmatched '{' in format"))]
                }
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(.field(FormatField(Array(bytes[index + 1..<end]))))
                index = end + 1
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        return pieces
    }

    private init(_ field: [UInt8]) {
        var rest = field[...]
        if let mark = rest.firstIndex(of: UInt8(ascii: "!")) {
            name = Array(rest[..<mark])
            rest = rest[(mark + 1)...]
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            conversion = String(decoding: rest[..<end], as: UTF8.self)
            specification = Array(rest[end...].dropFirst())
        } else {
            let end = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            name = Array(rest[..<end])
            specification = Array(rest[end...].dropFirst())
        }
    }
}

extension Evaluation {
    /// `format % operand`
    func format(_ format: StringObject, _ operand: Value) throws -> StringObject {
        var result: [UInt8] = []
        result.reserveCapacity(format.count + 24)
        var tuple: TupleObject?
        if case .tuple(let object) = operand.payload { tuple = object }
        let count = tuple?.count ?? 1
        var next = 0
        try format.withBytes { bytes in
            var index = 0
            while index < bytes.count {
                let c = bytes[index]
                index &+= 1
                guard c == UInt8(ascii: "%") else {
                    result.append(c)
                    continue
                }
                if index < bytes.count, bytes[index] == c {
                    result.append(c)
                    index += 1
                    continue
                }
                let value: Value
                if index < bytes.count, bytes[index] == UInt8(ascii: "(") {
                    guard let end = bytes[index...].firstIndex(of: UInt8(ascii: ")")) else {
                        throw StarlarkFailure("incomplete format key")
                    }
                    let key = StringObject.make(UnsafeBufferPointer(rebasing: bytes[index + 1..<end]))
                    guard case .dict(let dict) = operand.payload else {
                        throw StarlarkFailure("format requires a mapping")
                    }
                    guard let found = dict.get(key) else { throw StarlarkFailure("key not found: \(key.string)") }
                    value = found
                    index = end + 1
                } else {
                    guard next < count else { throw StarlarkFailure("not enough arguments for format string") }
                    value = tuple?[next] ?? operand
                }
                guard index < bytes.count else { throw StarlarkFailure("incomplete format") }
                try convert(value, bytes, index, &result)
                index += decodeScalar(bytes, index).1
                next += 1
            }
        }
        if next < count, operand.payload.asDict == nil {
            throw StarlarkFailure("too many arguments for format string")
        }
        try charge(steps: result.count >> 4)
        try charge(bytes: 32 + result.count)
        return .make(result)
    }

    /// Appends one converted operand.
    private func convert(
        _ value: Value, _ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ result: inout [UInt8]
    ) throws {
        let c = bytes[index]
        switch c {
        case UInt8(ascii: "s"): try text(value).withBytes { result.append(contentsOf: $0) }
        case UInt8(ascii: "r"): try representation(value).withBytes { result.append(contentsOf: $0) }
        case UInt8(ascii: "d"), UInt8(ascii: "i"):
            if case .int(let number) = value.payload {
                appendDecimal(number, &result)
            } else {
                result.append(contentsOf: try wholeNumber(value, c).description.utf8)
            }
        case UInt8(ascii: "x"), UInt8(ascii: "X"), UInt8(ascii: "o"):
            let radix = c == UInt8(ascii: "o") ? 8 : 16
            let isUpper = c == UInt8(ascii: "X")
            if case .int(let number) = value.payload {
                result.append(contentsOf: String(number, radix: radix, uppercase: isUpper).utf8)
            } else {
                result.append(contentsOf: try wholeNumber(value, c).text(radix: radix, uppercase: isUpper).utf8)
            }
        case UInt8(ascii: "e"), UInt8(ascii: "f"), UInt8(ascii: "g"), UInt8(ascii: "E"), UInt8(ascii: "F"),
            UInt8(ascii: "G"):
            guard let number = try double(value) else {
                throw StarlarkFailure("%\(Unicode.Scalar(c)) format requires float, not \(value.typeName)")
            }
            let text: String
            switch c | 0x20 {
            case UInt8(ascii: "e"): text = FloatFormat.exponential(number)
            case UInt8(ascii: "f"): text = FloatFormat.fixed(number)
            default: text = FloatFormat.shortest(number)
            }
            let isUpper = c & 0x20 == 0 && number.isFinite
            result.append(contentsOf: (isUpper ? text.uppercased() : text).utf8)
        case UInt8(ascii: "c"): try appendCharacter(value, &result)
        default:
            let (scalar, _) = decodeScalar(bytes, index)
            throw StarlarkFailure("unknown conversion %\(scalar ?? "\u{FFFD}")")
        }
    }

    private func appendDecimal(_ number: Int, _ result: inout [UInt8]) {
        if number < 0 { result.append(UInt8(ascii: "-")) }
        var rest = number.magnitude
        let start = result.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            result.append(UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest > 0
        result[start...].reverse()
    }

    private func wholeNumber(_ value: Value, _ conversion: UInt8) throws -> BigInt {
        if let big = value.bigInt {
            try charge(steps: big.limbs.count * big.limbs.count >> 2)
            return big
        }
        let prefix = "%\(Unicode.Scalar(conversion)) format requires integer: "
        guard case .float(let number) = value.payload else {
            throw StarlarkFailure(prefix + "cannot convert \(value.typeName) to int")
        }
        if number.isNaN { throw StarlarkFailure(prefix + "cannot convert float NaN to integer") }
        if number.isInfinite { throw StarlarkFailure(prefix + "cannot convert float infinity to integer") }
        return BigInt(truncating: number)
    }

    private func appendCharacter(_ value: Value, _ result: inout [UInt8]) throws {
        if case .string(let text) = value.payload {
            let isSingle = text.count > 0 && text.withBytes { decodeScalar($0, 0).1 } == text.count
            guard isSingle else { throw StarlarkFailure("%c format requires a single-character string") }
            text.withBytes { result.append(contentsOf: $0) }
            return
        }
        guard let big = value.bigInt else {
            throw StarlarkFailure("%c format requires int or single-character string, not \(value.typeName)")
        }
        guard let code = big.intValue, code >= 0, code <= 0x10FFFF else {
            throw StarlarkFailure("%c format requires a valid Unicode code point, got \(big.description)")
        }
        result.append(contentsOf: String(Unicode.Scalar(UInt32(code)) ?? "\u{FFFD}").utf8)
    }
}
