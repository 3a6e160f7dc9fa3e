#if canImport(Glibc)
    internal import Glibc
#endif

/// Bytes of a head in memory that somebody else keeps alive for the duration of the call.
typealias Bytes = UnsafeBufferPointer<UInt8>

/// A part of a head, as offsets from its first byte. Heads are shorter than 64 KB.
struct ByteRange: Equatable {
    var start: UInt16
    var end: UInt16

    static let empty = ByteRange(0, 0)

    init(_ start: Int, _ end: Int) {
        self.start = UInt16(truncatingIfNeeded: start)
        self.end = UInt16(truncatingIfNeeded: end)
    }

    var count: Int { Int(end) - Int(start) }
    var isEmpty: Bool { start == end }
}

/// Byte classes of RFC 9110, as bit masks over ASCII.
enum ByteClass {
    /// `tchar`: the characters of methods and field names.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool { tokens.utf8Start[Int(byte)] != 0x30 }

    /// For each byte "1" when it is a `tchar`.
    private static var tokens: StaticString {
        """
        0000000000000000000000000000000001011111001101101111111111000000\
        0111111111111111111111111110001111111111111111111111111111101010\
        0000000000000000000000000000000000000000000000000000000000000000\
        0000000000000000000000000000000000000000000000000000000000000000
        """
    }

    /// What a request target may hold: visible characters except `"`, `#`, `<`, `>`, `\`, `^`, `` ` ``, `{`, `|`, `}` are the
    /// rule; browsers send some of these, so only `#` is refused. Bytes from 0x80 pass.
    @inline(__always)
    static func isTarget(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && byte != UInt8(ascii: "#")
    }

    /// What a host may hold, port and brackets included.
    @inline(__always)
    static func isHost(_ byte: UInt8) -> Bool {
        // A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + ; = % : [ ]
        test(byte, 0x2FFF_6FF2_0000_0000, 0x47FF_FFFE_AFFF_FFFE)
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// The value of a hexadecimal digit, or 16.
    @inline(__always)
    static func hexadecimalValue(_ byte: UInt8) -> UInt8 {
        let digit = byte &- 0x30
        if digit < 10 { return digit }
        let letter = (byte | 0x20) &- 0x61
        return letter < 6 ? letter + 10 : 16
    }

    /// Percent-encoding these changes nothing (RFC 3986 2.3).
    @inline(__always)
    static func isUnreserved(_ byte: UInt8) -> Bool {
        test(byte, 0x03FF_6000_0000_0000, 0x47FF_FFFE_87FF_FFFE)
    }

    @inline(__always)
    static func lowercase(_ byte: UInt8) -> UInt8 {
        byte &- 0x41 < 26 ? byte | 0x20 : byte
    }

    @inline(__always)
    private static func test(_ byte: UInt8, _ low: UInt64, _ high: UInt64) -> Bool {
        guard byte < 128 else { return false }
        return ((byte < 64 ? low : high) >> UInt64(byte & 63)) & 1 != 0
    }
}

extension Bytes {
    @inline(__always)
    subscript(_ range: ByteRange) -> Bytes {
        Bytes(rebasing: self[Int(range.start)..<Int(range.end)])
    }

    /// The offset of `byte` at or after `start`, or nil.
    @inline(__always)
    func offset(of byte: UInt8, from start: Int) -> Int? {
        guard start < count, let base = baseAddress,
            let found = memchr(base + start, CInt(byte), count - start)
        else { return nil }
        return UnsafeRawPointer(found) - UnsafeRawPointer(base)
    }

    /// Compares without case; `lowercase` must be lower case.
    @inline(__always)
    func equalsIgnoringCase(_ lowercase: StaticString) -> Bool {
        guard count == lowercase.utf8CodeUnitCount else { return false }
        let other = lowercase.utf8Start
        for i in 0..<count where ByteClass.lowercase(self[i]) != other[i] { return false }
        return true
    }

    /// Compares the first bytes without case; `lowercase` must be lower case.
    func hasPrefixIgnoringCase(_ lowercase: StaticString) -> Bool {
        guard count >= lowercase.utf8CodeUnitCount else { return false }
        return Bytes(rebasing: self[0..<lowercase.utf8CodeUnitCount]).equalsIgnoringCase(lowercase)
    }

    /// Compares without case; `lowercase` must be lower case.
    func equalsIgnoringCase(_ lowercase: [UInt8]) -> Bool {
        guard count == lowercase.count else { return false }
        for i in 0..<count where ByteClass.lowercase(self[i]) != lowercase[i] { return false }
        return true
    }

    @inline(__always)
    func equals(_ other: StaticString) -> Bool {
        count == other.utf8CodeUnitCount && (count == 0 || memcmp(other.utf8Start, baseAddress!, count) == 0)
    }

    func equals(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return other.withUnsafeBufferPointer { count == 0 || memcmp($0.baseAddress!, baseAddress!, count) == 0 }
    }

    func hasPrefix(_ other: [UInt8]) -> Bool {
        guard count >= other.count else { return false }
        return other.withUnsafeBufferPointer {
            other.isEmpty || memcmp($0.baseAddress!, baseAddress!, other.count) == 0
        }
    }

    /// Without spaces and tabs at both ends.
    func trimmed() -> Bytes {
        var start = 0
        var end = count
        while start < end, self[start] == 0x20 || self[start] == 0x09 { start += 1 }
        while end > start, self[end - 1] == 0x20 || self[end - 1] == 0x09 { end -= 1 }
        return Bytes(rebasing: self[start..<end])
    }

    /// Calls `body` with each element of a comma-separated list, trimmed; empty elements are skipped.
    func forEachListElement(_ body: (Bytes) -> Void) {
        var start = 0
        while start <= count {
            let end = offset(of: UInt8(ascii: ","), from: start) ?? count
            let element = Bytes(rebasing: self[start..<end]).trimmed()
            if !element.isEmpty { body(element) }
            start = end + 1
        }
    }

    /// The text; bytes that are not UTF-8 become U+FFFD.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// Whether any byte is a control character other than a tab, eight bytes at a time.
    @inline(__always)
    func hasControlCharacter(from start: Int, to end: Int) -> Bool {
        guard let base = baseAddress else { return false }
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var i = start
        while i + 8 <= end {
            let word = UnsafeRawPointer(base + i).loadUnaligned(as: UInt64.self)
            let below = (word &- (ones &* 0x20)) & ~word & highs
            let delete = word ^ (ones &* 0x7F)
            let isDelete = (delete &- ones) & ~delete & highs
            if below | isDelete != 0 {
                for k in i..<i + 8 where Self.isControl(base[k]) { return true }
            }
            i += 8
        }
        while i < end {
            if Self.isControl(base[i]) { return true }
            i += 1
        }
        return false
    }

    @inline(__always)
    private static func isControl(_ byte: UInt8) -> Bool { (byte < 0x20 && byte != 0x09) || byte == 0x7F }
}
