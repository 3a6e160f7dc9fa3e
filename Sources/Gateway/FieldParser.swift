/// Parses the field lines of heads and trailers, strictly: what two parsers could read in two ways is refused.
enum FieldParser {
    /// Parses from `start` to `end`, which is just after the empty line that closes the section. Every LF in between is
    /// known to follow a CR.
    /// - Returns: why the section is refused, or nil.
    @inline(__always)
    static func parse(
        _ bytes: Bytes, from start: Int, to end: Int, limit: Int, into fields: FieldList
    ) -> HeadFailure? {
        var line = start
        let last = end - 2
        while line < last {
            if fields.count == limit { return .tooManyFields }
            let first = bytes[line]
            if first == 0x20 || first == 0x09 { return .obsoleteFold }
            var colon = line
            while ByteClass.isToken(bytes[colon]) { colon += 1 }
            guard bytes[colon] == UInt8(ascii: ":"), colon > line else {
                return refusal(bytes, at: colon, of: line)
            }
            var value = colon + 1
            while bytes[value] == 0x20 || bytes[value] == 0x09 { value += 1 }
            guard let carriageReturn = bytes.offset(of: 0x0D, from: value) else { return .malformedField }
            guard bytes[carriageReturn + 1] == 0x0A else { return .controlCharacter }
            if bytes.hasControlCharacter(from: value, to: carriageReturn) { return .controlCharacter }
            var valueEnd = carriageReturn
            while valueEnd > value, bytes[valueEnd - 1] == 0x20 || bytes[valueEnd - 1] == 0x09 { valueEnd -= 1 }
            let name = ByteRange(line, colon)
            fields.append(
                HeadField(
                    line: ByteRange(line, carriageReturn + 2), name: name, value: ByteRange(value, valueEnd),
                    kind: FieldKind(name: bytes[name])))
            line = carriageReturn + 2
        }
        return nil
    }

    /// Says what is wrong with a name.
    private static func refusal(_ bytes: Bytes, at offset: Int, of line: Int) -> HeadFailure {
        switch bytes[offset] {
        case 0x20, 0x09: offset > line ? .spaceBeforeColon : .malformedField
        case 0x00..<0x20, 0x7F: bytes[offset] == 0x0D && bytes[offset + 1] == 0x0A ? .malformedField : .controlCharacter
        default: .malformedField
        }
    }

    /// A Content-Length: digits only, at most 18 of them.
    static func length(_ value: Bytes) -> Int? {
        guard !value.isEmpty, value.count <= 18 else { return nil }
        var result = 0
        for byte in value {
            guard ByteClass.isDigit(byte) else { return nil }
            result = result * 10 + Int(byte &- 0x30)
        }
        return result
    }
}

/// The framing fields of a head while it is read.
struct FramingFields {
    private(set) var length: Int?
    private(set) var chunked = false

    /// Takes note of a Content-Length.
    mutating func addLength(_ value: Bytes) -> HeadFailure? {
        guard length == nil else { return .duplicateLength }
        guard let parsed = FieldParser.length(value) else { return .malformedLength }
        length = parsed
        return chunked ? .lengthAndCoding : nil
    }

    /// Takes note of a Transfer-Encoding.
    mutating func addCoding(_ value: Bytes) -> HeadFailure? {
        guard !chunked else { return .duplicateCoding }
        guard value.equalsIgnoringCase("chunked") else { return .unsupportedCoding }
        chunked = true
        return length == nil ? nil : .lengthAndCoding
    }
}

/// What a Connection field asks for.
struct ConnectionOptions: OptionSet {
    let rawValue: UInt8

    static let close = ConnectionOptions(rawValue: 1)
    static let keepAlive = ConnectionOptions(rawValue: 2)
    static let upgrade = ConnectionOptions(rawValue: 4)
    /// Names other fields, which are hop-by-hop then.
    static let nominates = ConnectionOptions(rawValue: 8)

    /// The options in one value.
    static func parse(_ value: Bytes) -> ConnectionOptions {
        if value.equalsIgnoringCase("keep-alive") { return .keepAlive }
        if value.equalsIgnoringCase("close") { return .close }
        var options: ConnectionOptions = []
        value.forEachListElement { element in
            if element.equalsIgnoringCase("close") {
                options.insert(.close)
            } else if element.equalsIgnoringCase("keep-alive") {
                options.insert(.keepAlive)
            } else if element.equalsIgnoringCase("upgrade") {
                options.insert(.upgrade)
            } else {
                options.insert(.nominates)
            }
        }
        return options
    }
}
