/// Literals, decoded while parsing.
extension Parser {
    mutating func parseString() throws(SyntaxFault) -> UInt32 {
        let at = position
        let token = UnsafeBufferPointer(start: base + scanner.start, count: scanner.end - scanner.start)
        let constant: UInt32
        if scanner.token == .string, let plain = plainText(token) {
            if plain.count <= 40 {
                let from = scanner.start + 1
                constant = self.constant(ofSymbol: scanner.intern(from..<from + plain.count))
            } else {
                tree.constants.append(Value(.string(StringObject.make(plain))))
                constant = UInt32(tree.constants.count - 1)
            }
        } else {
            let bytes = try decodedString(token)
            let text = StringObject.make(bytes)
            tree.constants.append(
                scanner.token == .bytes ? Value(.object(BytesObject(text))) : Value(.string(text)))
            constant = UInt32(tree.constants.count - 1)
        }
        lastStringEnd = scanner.end
        try scanner.next()
        return add(.init(kind: .literal, position: at, a: constant))
    }

    private mutating func decodedString(_ token: UnsafeBufferPointer<UInt8>) throws(SyntaxFault) -> [UInt8] {
        do {
            return try decodeStringLiteral(token, at: scanner.start)
        } catch {
            try scanner.complain(error)
            return []
        }
    }

    mutating func floatLiteral(_ text: UnsafeBufferPointer<UInt8>) throws(SyntaxFault) -> Value {
        guard let value = Double(String(decoding: text, as: UTF8.self)) else {
            try complain(scanner.start, "invalid float literal")
            return .float(0)
        }
        if value.isInfinite { try complain(scanner.start, "floating-point number too large") }
        return .float(value)
    }

    func integerLiteral(_ text: UnsafeBufferPointer<UInt8>) -> Value {
        var radix: UInt8 = 10
        var index = 0
        if text.count > 2, text[0] == UInt8(ascii: "0"), !isDigit(text[1]) {
            switch text[1] | 0x20 {
            case UInt8(ascii: "x"): radix = 16
            case UInt8(ascii: "o"): radix = 8
            default: radix = 2
            }
            index = 2
        }
        var value = 0
        for position in index..<text.count {
            let (product, overflow1) = value.multipliedReportingOverflow(by: Int(radix))
            let (sum, overflow2) = product.addingReportingOverflow(Int(digitValue(text[position])))
            if overflow1 || overflow2 {
                return Value.integer(BigInt(digits: UnsafeBufferPointer(rebasing: text[index...]), radix: Int(radix)))
            }
            value = sum
        }
        return .int(value)
    }
}
