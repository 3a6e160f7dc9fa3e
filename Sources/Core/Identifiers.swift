/// The identifier of a container, unique in one instance: 1...128 characters of `[A-Za-z0-9_.-]`, beginning with a
/// letter or digit. It is used verbatim as a directory, cgroup and runtime name.
package struct ContainerID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: String
    package var description: String { rawValue }

    /// Nil when `rawValue` is not a valid identifier.
    package init?(rawValue: String) {
        guard Identifier.isValid(rawValue, upTo: 128) else { return nil }
        self.rawValue = rawValue
    }

    /// A new identifier of 24 random lower-case hexadecimal digits.
    package static func random() -> ContainerID { ContainerID(unchecked: Identifier.randomHex(digits: 24)) }

    private init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// The name of a container, unique in one instance and resolvable by other containers: same alphabet as ``ContainerID``,
/// at most 63 characters.
package struct ContainerName: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: String
    package var description: String { rawValue }

    /// Nil when `rawValue` is not a valid name.
    package init?(rawValue: String) {
        guard Identifier.isValid(rawValue, upTo: 63) else { return nil }
        self.rawValue = rawValue
    }
}

/// The identifier of a job: 16 bytes, written as 32 lower-case hexadecimal digits.
package struct JobID: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: String
    package var description: String { rawValue }

    /// Accepts 32 hexadecimal digits in either case, or 22 characters of base64url; nil for anything else.
    package init?(rawValue: String) {
        guard let hex = Identifier.hexadecimal16(rawValue) else { return nil }
        self.rawValue = hex
    }

    /// A new random identifier.
    package static func random() -> JobID { JobID(unchecked: Identifier.randomHex(digits: 32)) }

    private init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// The rules the identifier types share.
enum Identifier {
    static func isValid(_ text: String, upTo limit: Int) -> Bool {
        let bytes = text.utf8
        guard let first = bytes.first, bytes.count <= limit, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy {
            isAlphanumeric($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-")
        }
    }

    static func randomHex(digits: Int) -> String {
        let alphabet = Array("0123456789abcdef".utf8)
        return String(decoding: (0..<digits).map { _ in alphabet[Int.random(in: 0..<16)] }, as: UTF8.self)
    }

    /// 16 bytes given as hexadecimal or unpadded base64url, as lower-case hexadecimal.
    static func hexadecimal16(_ text: String) -> String? {
        let bytes = Array(text.utf8)
        if bytes.count == 32, bytes.allSatisfy(isHexadecimal) { return text.lowercased() }
        guard bytes.count == 22 else { return nil }
        var bits: UInt32 = 0
        var count = 0
        var out: [UInt8] = []
        for byte in bytes {
            guard let value = base64URLValue(byte) else { return nil }
            bits = bits << 6 | value
            count += 6
            if count >= 8 {
                count -= 8
                out.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        let alphabet = Array("0123456789abcdef".utf8)
        return String(decoding: out.flatMap { [alphabet[Int($0 >> 4)], alphabet[Int($0 & 15)]] }, as: UTF8.self)
    }

    private static func base64URLValue(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(byte - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(byte - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "-"): 62
        case UInt8(ascii: "_"): 63
        default: nil
        }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
    }
}
