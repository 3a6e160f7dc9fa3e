/// Numbers and strings.
extension Scanner {
    // MARK: Numbers

    mutating func scanNumber() throws(SyntaxFault) {
        var position = offset
        var isFloat = false
        if base[position] == UInt8(ascii: "0"), position + 1 < count {
            let marker = base[position + 1] | 0x20
            let radix: (UInt8, String)? =
                switch marker {
                case UInt8(ascii: "x"): (16, "hex")
                case UInt8(ascii: "o"): (8, "octal")
                case UInt8(ascii: "b"): (2, "binary")
                default: nil
                }
            if let (radix, name) = radix {
                position += 2
                let digits = position
                while position < count, digitValue(base[position]) < radix { position += 1 }
                if position == digits {
                    try complain(SyntaxFault(offset: start, message: "invalid \(name) literal"))
                }
                end = position
                offset = position
                token = .int
                return
            }
        }
        var octal = true
        var allZeros = true
        while position < count, isDigit(base[position]) {
            if base[position] != UInt8(ascii: "0") { allZeros = false }
            if base[position] >= UInt8(ascii: "8") { octal = false }
            position &+= 1
        }
        let integerEnd = position
        if byte(position) == UInt8(ascii: ".") {
            isFloat = true
            position += 1
            while position < count, isDigit(base[position]) { position += 1 }
        }
        if byte(position) | 0x20 == UInt8(ascii: "e") {
            isFloat = true
            position += 1
            if byte(position) == UInt8(ascii: "+") || byte(position) == UInt8(ascii: "-") { position += 1 }
            if !isDigit(byte(position)) {
                try complain(SyntaxFault(offset: start, message: "invalid float literal"))
            }
            while position < count, isDigit(base[position]) { position += 1 }
        }
        if !isFloat, base[start] == UInt8(ascii: "0"), integerEnd - start > 1, !allZeros {
            let digits = String(
                decoding: UnsafeBufferPointer(start: base + start + 1, count: integerEnd - start - 1), as: UTF8.self)
            let message = octal ? "obsolete form of octal literal; use 0o\(digits)" : "invalid int literal"
            try complain(SyntaxFault(offset: start, message: message))
        }
        end = position
        offset = position
        token = isFloat ? .float : .int
    }

    // MARK: Strings

    /// Scans a literal whose opening quote stands at `quote`; the token covers prefix and quotes.
    mutating func scanString(quote: Int, raw: Bool, kind: Token) throws(SyntaxFault) {
        let mark = base[quote]
        var position = quote + 1
        let isTriple = byte(position) == mark && byte(position + 1) == mark
        if isTriple { position += 2 }
        while true {
            guard position < count else { return try refuse("unexpected EOF in string") }
            let c = base[position]
            if c == mark {
                if !isTriple { break }
                if byte(position + 1) == mark, byte(position + 2) == mark {
                    position += 2
                    break
                }
            } else if c == UInt8(ascii: "\\") {
                position += 1
                guard position < count else { return try refuse("unexpected EOF in string") }
                if base[position] == 0x0D, byte(position + 1) == 0x0A { position += 1 }
            } else if !isTriple, c == 0x0A || c == 0x0D {
                return try refuse("unexpected newline in string")
            }
            position &+= 1
        }
        end = position + 1
        offset = end
        token = kind
    }
}
