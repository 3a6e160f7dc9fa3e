/// Case and classes of code points, by Unicode's simple (one to one) mappings.
extension Unicode.Scalar {
    private static func single(_ mapping: String) -> Unicode.Scalar? {
        let scalars = mapping.unicodeScalars
        return scalars.count == 1 ? scalars.first : nil
    }

    /// The simple upper-case mapping.
    var simpleUpper: Unicode.Scalar {
        if isASCII { return value &- 0x61 < 26 ? Unicode.Scalar(UInt8(value) - 32) : self }
        // Where the full mapping is several code points, the simple one is that of title case, if any.
        return Self.single(properties.uppercaseMapping) ?? Self.single(properties.titlecaseMapping) ?? self
    }

    /// The simple lower-case mapping.
    var simpleLower: Unicode.Scalar {
        if isASCII { return value &- 0x41 < 26 ? Unicode.Scalar(UInt8(value) + 32) : self }
        if value == 0x130 { return "i" }
        return Self.single(properties.lowercaseMapping) ?? self
    }

    /// The simple title-case mapping.
    var simpleTitle: Unicode.Scalar {
        if isASCII { return simpleUpper }
        return Self.single(properties.titlecaseMapping) ?? self
    }

    var isLetter: Bool {
        if isASCII { return (value | 0x20) &- 0x61 < 26 }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return false
        }
    }

    var isDecimalDigit: Bool {
        isASCII ? value &- 0x30 < 10 : properties.generalCategory == .decimalNumber
    }

    var isSpace: Bool {
        switch value {
        case 0x09...0x0D, 0x20, 0x85, 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000: return true
        default: return false
        }
    }

    var isCased: Bool { simpleLower != self || simpleUpper != self }

    /// True when another scalar differs from this one by case only: `ß` (of `ẞ`), but not the Turkish `İ` and `ı`.
    var foldsToAnother: Bool {
        switch value {
        case 0xDF: return true
        case 0x130, 0x131: return false
        default: return isCased
        }
    }
}

extension StringObject {
    var isASCII: Bool { withBytes { $0.allSatisfy { $0 < 0x80 } } }

    /// True when the bytes are well-formed UTF-8.
    var isValidText: Bool {
        withBytes { bytes in
            var index = 0
            while index < bytes.count {
                let (scalar, length) = decodeScalar(bytes, index)
                if scalar == nil { return false }
                index += length
            }
            return true
        }
    }

    /// The code points; invalid bytes count as U+FFFD each.
    var scalars: [Unicode.Scalar] {
        withBytes { bytes in
            var result: [Unicode.Scalar] = []
            result.reserveCapacity(bytes.count)
            var index = 0
            while index < bytes.count {
                let (scalar, length) = decodeScalar(bytes, index)
                result.append(scalar ?? "\u{FFFD}")
                index += length
            }
            return result
        }
    }

    /// The text with each byte that belongs to no code point replaced by U+FFFD.
    var repaired: StringObject { isValidText ? self : mapped { $0 } }

    /// Maps code points one to one.
    func mapped(_ transform: (Unicode.Scalar) -> Unicode.Scalar) -> StringObject {
        var text = ""
        for scalar in scalars { text.unicodeScalars.append(transform(scalar)) }
        return .make(text)
    }

    /// Upper case; ASCII without decoding.
    var uppercased: StringObject {
        guard isASCII else { return mapped(\.simpleUpper) }
        return withBytes { bytes in
            StringObject.make(count: bytes.count) { target in
                for index in 0..<bytes.count {
                    let c = bytes[index]
                    target[index] = c &- 0x61 < 26 ? c &- 32 : c
                }
            }
        }
    }

    /// Lower case; ASCII without decoding.
    var lowercased: StringObject {
        guard isASCII else { return mapped(\.simpleLower) }
        return withBytes { bytes in
            StringObject.make(count: bytes.count) { target in
                for index in 0..<bytes.count {
                    let c = bytes[index]
                    target[index] = c &- 0x41 < 26 ? c &+ 32 : c
                }
            }
        }
    }
}
