/// Decodes a string or bytes literal, quotes and prefix included.
/// - Parameter offset: where the literal stands, for errors.
func decodeStringLiteral(_ token: UnsafeBufferPointer<UInt8>, at offset: Int) throws(SyntaxFault) -> [UInt8] {
    var position = 0
    var isRaw = false
    var isBytes = false
    while token[position] != UInt8(ascii: "\""), token[position] != UInt8(ascii: "'") {
        if token[position] == UInt8(ascii: "r") { isRaw = true }
        if token[position] == UInt8(ascii: "b") { isBytes = true }
        position += 1
    }
    let mark = token[position]
    let quoted = token.count - position
    let isTriple = quoted >= 6 && token[position + 1] == mark && token[position + 2] == mark
    let quoteLength = isTriple ? 3 : 1
    position += quoteLength
    let end = token.count - quoteLength

    var result: [UInt8] = []
    result.reserveCapacity(end - position)
    while position < end {
        let c = token[position]
        if c == 0x0D {  // CRLF and CR count as LF
            result.append(0x0A)
            position += position + 1 < end && token[position + 1] == 0x0A ? 2 : 1
        } else if c != UInt8(ascii: "\\") {
            result.append(c)
            position += 1
        } else if isRaw {
            result.append(c)
            position += 1
            if position < end, token[position] != 0x0D {
                result.append(token[position])
                position += 1
            }
        } else {
            let escape = UnsafeBufferPointer(rebasing: token[position..<end])
            position += try decodeEscape(escape, isBytes: isBytes, at: offset, into: &result)
        }
    }
    return result
}

/// Decodes one escape sequence. Returns its length.
private func decodeEscape(
    _ text: UnsafeBufferPointer<UInt8>, isBytes: Bool, at offset: Int, into result: inout [UInt8]
) throws(SyntaxFault) -> Int {
    func shown(_ length: Int) -> String { String(decoding: text[0..<min(length, text.count)], as: UTF8.self) }
    guard text.count > 1 else { throw SyntaxFault(offset: offset, message: "truncated escape sequence \\") }
    switch text[1] {
    case UInt8(ascii: "a"): result.append(7)
    case UInt8(ascii: "b"): result.append(8)
    case UInt8(ascii: "f"): result.append(12)
    case UInt8(ascii: "n"): result.append(10)
    case UInt8(ascii: "r"): result.append(13)
    case UInt8(ascii: "t"): result.append(9)
    case UInt8(ascii: "v"): result.append(11)
    case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): result.append(text[1])
    case 0x0A: break
    case 0x0D: return text.count > 2 && text[2] == 0x0A ? 3 : 2
    case UInt8(ascii: "0")...UInt8(ascii: "7"):
        var value = 0
        var length = 1
        while length < 4, length < text.count, text[length] &- UInt8(ascii: "0") < 8 {
            value = value * 8 + Int(text[length] - UInt8(ascii: "0"))
            length += 1
        }
        if !isBytes, value > 127 {
            let code = hexadecimal(value, width: 4)
            throw SyntaxFault(
                offset: offset,
                message: "non-ASCII octal escape \(shown(length)) (use \\u\(code) for the UTF-8 encoding of U+\(code))")
        }
        if value > 255 {
            throw SyntaxFault(offset: offset, message: "invalid escape sequence \(shown(length))")
        }
        result.append(UInt8(value))
        return length
    case UInt8(ascii: "x"), UInt8(ascii: "u"), UInt8(ascii: "U"):
        let digits = text[1] == UInt8(ascii: "x") ? 2 : text[1] == UInt8(ascii: "u") ? 4 : 8
        guard text.count >= 2 + digits else {
            throw SyntaxFault(offset: offset, message: "truncated escape sequence \(shown(2 + digits))")
        }
        var value = 0
        for index in 2..<2 + digits {
            let digit = digitValue(text[index])
            guard digit < 16 else {
                throw SyntaxFault(offset: offset, message: "invalid escape sequence \(shown(2 + digits))")
            }
            value = value * 16 + Int(digit)
        }
        if digits == 2 {
            if !isBytes, value > 127 {
                let code = hexadecimal(value, width: 4)
                throw SyntaxFault(
                    offset: offset,
                    message: "non-ASCII hex escape \(shown(4)) (use \\u\(code) for the UTF-8 encoding of U+\(code))")
            }
            result.append(UInt8(value))
        } else {
            guard value <= 0x10FFFF else {
                throw SyntaxFault(
                    offset: offset, message: "code point out of range: \(shown(2 + digits)) (max \\U0010ffff)")
            }
            guard let scalar = Unicode.Scalar(UInt32(value)) else {
                throw SyntaxFault(
                    offset: offset, message: "invalid Unicode code point U+\(hexadecimal(value, width: 4))")
            }
            result.append(contentsOf: String(scalar).utf8)
        }
        return 2 + digits
    default:
        throw SyntaxFault(
            offset: offset, message: "invalid escape sequence \\\(Unicode.Scalar(text[1]))")
    }
    return 2
}

/// Upper-case hexadecimal digits, padded with zeros.
func hexadecimal(_ value: Int, width: Int) -> String {
    let digits = String(value, radix: 16, uppercase: true)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
