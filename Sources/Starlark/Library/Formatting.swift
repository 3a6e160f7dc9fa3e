/// `format` and the `%` operator.
extension StringMethods {
    static func format(_ a: inout Arguments) throws -> Value {
        let evaluation = a.evaluation
        let format = text(a)
        var result: [UInt8] = []
        result.reserveCapacity(format.count + 24)
        var fields = FieldCounter()
        try format.withBytes { bytes in
            var index = 0
            while index < bytes.count {
                let c = bytes[index]
                let next = index + 1 < bytes.count ? bytes[index + 1] : 0
                if c == UInt8(ascii: "}") {
                    guard next == c else { throw a.failure("single '}' in format") }
                    result.append(c)
                    index += 2
                } else if c != UInt8(ascii: "{") {
                    result.append(c)
                    index += 1
                } else if next == c {
                    result.append(c)
                    index += 2
                } else {
                    guard let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
                        throw a.failure("unmatched '{' in format")
                    }
                    try replace(bytes[index + 1..<end], a, &fields, &result)
                    index = end + 1
                }
            }
        }
        try evaluation.charge(steps: result.count >> 4)
        try evaluation.charge(bytes: 32 + result.count)
        return Value(.string(result.withUnsafeBufferPointer(StringObject.make)))
    }

    /// How the fields of one format name their arguments so far.
    private struct FieldCounter {
        var automatic = 0
        var isAutomatic = false
        var isManual = false
    }

    /// Appends the argument that a field, the bytes between braces, stands for.
    private static func replace(
        _ field: Slice<UnsafeBufferPointer<UInt8>>, _ a: Arguments, _ fields: inout FieldCounter,
        _ result: inout [UInt8]
    ) throws {
        let colon = UInt8(ascii: ":")
        let mark = field.firstIndex(of: UInt8(ascii: "!"))
        let nameEnd = mark ?? field.firstIndex(of: colon) ?? field.endIndex
        let conversionEnd =
            mark.flatMap { field[$0...].firstIndex(of: colon) } ?? (mark == nil ? nameEnd : field.endIndex)
        let name = field[..<nameEnd]
        let value: Value
        if name.isEmpty {
            if fields.isManual {
                throw a.failure("cannot switch from manual field specification to automatic field numbering")
            }
            fields.isAutomatic = true
            guard fields.automatic < a.positionalCount else { throw a.failure("tuple index out of range") }
            value = a.at(fields.automatic)
            fields.automatic += 1
        } else if name.allSatisfy(isDigit) {
            if fields.isAutomatic {
                throw a.failure("cannot switch from automatic field numbering to manual field specification")
            }
            fields.isManual = true
            if let index = Int(String(decoding: name, as: UTF8.self)) {
                guard index < a.positionalCount else { throw a.failure("tuple index out of range") }
                value = a.at(index)
            } else {
                value = try keyword(name, a)
            }
        } else {
            value = try keyword(name, a)
        }
        let specification = field[conversionEnd...].dropFirst()
        if !specification.isEmpty {
            let text = String(decoding: specification, as: UTF8.self)
            throw StarlarkFailure("format spec features not supported in replacement fields: \(text)")
        }
        guard let mark else { return try a.evaluation.appendText(value, &result) }
        let conversion = field[(mark + 1)..<conversionEnd]
        if conversion.elementsEqual(CollectionOfOne(UInt8(ascii: "s"))) {
            try a.evaluation.appendText(value, &result)
        } else if conversion.elementsEqual(CollectionOfOne(UInt8(ascii: "r"))) {
            try a.evaluation.representation(value).withBytes { result.append(contentsOf: $0) }
        } else {
            throw a.failure("unknown conversion \"\(String(decoding: conversion, as: UTF8.self))\"")
        }
    }

    private static func keyword(_ name: Slice<UnsafeBufferPointer<UInt8>>, _ a: Arguments) throws -> Value {
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
                    let start = index &- 1
                    while index < bytes.count, bytes[index] != UInt8(ascii: "%") { index &+= 1 }
                    result.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<index]))
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
                index += 1
                next += 1
            }
        }
        if next < count, operand.payload.asDict == nil {
            throw StarlarkFailure("too many arguments for format string")
        }
        try charge(steps: result.count >> 4)
        try charge(bytes: 32 + result.count)
        return result.withUnsafeBufferPointer(StringObject.make)
    }

    /// Appends `str(value)`.
    func appendText(_ value: Value, _ result: inout [UInt8]) throws {
        if case .int(let number) = value.payload { return appendDecimal(number, &result) }
        try formatted(value).withBytes { result.append(contentsOf: $0) }
    }

    /// Appends one converted operand.
    private func convert(
        _ value: Value, _ bytes: UnsafeBufferPointer<UInt8>, _ index: Int, _ result: inout [UInt8]
    ) throws {
        let c = bytes[index]
        switch c {
        case UInt8(ascii: "s"): try appendText(value, &result)
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
        case UInt8(ascii: "%"): result.append(c)  // after a key
        default: throw StarlarkFailure("unknown conversion %\(Unicode.Scalar(c))")
        }
    }

    private func appendDecimal(_ number: Int, _ result: inout [UInt8]) {
        withDecimal(number) { result.append(contentsOf: $0) }
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

/// The decimal digits of an integer, valid during `body`.
@inline(__always)
private func withDecimal<R>(_ number: Int, _ body: (UnsafeBufferPointer<UInt8>) -> R) -> R {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
        var rest = number.magnitude
        var first = 20
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            first &-= 1
            digits[first] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest > 0
        if number < 0 {
            first &-= 1
            digits[first] = UInt8(ascii: "-")
        }
        return body(UnsafeBufferPointer(rebasing: digits[first..<20]))
    }
}

extension StringObject {
    /// The decimal text of an integer.
    static func decimal(_ number: Int) -> StringObject { withDecimal(number, StringObject.make) }
}
