/// One netlink message under construction: a header, a fixed body, attributes. All numbers are in host byte order.
package struct NetlinkMessage: Sendable, Hashable {
    /// The encoded message; its length field is always right.
    package private(set) var bytes: [UInt8]

    /// A message of `type` with `flags` (`NLM_F_…`) and the fixed structure its type begins with.
    package init(type: UInt16, flags: UInt16, body: [UInt8]) {
        bytes = []
        bytes.reserveCapacity(256)
        append(UInt32(0))
        append(type)
        append(flags)
        append(UInt32(0))
        append(UInt32(0))
        bytes += body
        pad()
    }

    /// Adds an attribute with these bytes.
    package mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(type)
        bytes += value
        pad()
    }

    /// Adds an attribute that is a number of four bytes.
    package mutating func attribute(_ type: UInt16, _ value: UInt32) {
        attribute(type, NetlinkBytes.encode(value))
    }

    /// Adds an attribute that is a text with its end mark.
    package mutating func attribute(_ type: UInt16, _ text: String) { attribute(type, Array(text.utf8) + [0]) }

    /// Adds an attribute that holds `body` (a fixed structure) and then what `content` adds.
    package mutating func nested(_ type: UInt16, body: [UInt8] = [], _ content: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(type)
        bytes += body
        pad()
        content(&self)
        let length = NetlinkBytes.encode(UInt16(bytes.count - start))
        bytes.replaceSubrange(start..<(start + 2), with: length)
    }

    /// The message as it is sent, with its place in the conversation.
    package func numbered(_ sequence: UInt32) -> [UInt8] {
        var out = bytes
        out.replaceSubrange(8..<12, with: NetlinkBytes.encode(sequence))
        return out
    }

    private mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        bytes += NetlinkBytes.encode(number)
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
        bytes.replaceSubrange(0..<4, with: NetlinkBytes.encode(UInt32(bytes.count)))
    }
}

/// Numbers as netlink lays them out.
package enum NetlinkBytes {
    /// The bytes of a number in host byte order.
    package static func encode<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number) { Array($0) }
    }

    /// The number at `offset`, or nil when the bytes end before.
    package static func decode<Number: FixedWidthInteger>(
        _ bytes: ArraySlice<UInt8>, at offset: Int, as type: Number.Type = Number.self
    ) -> Number? {
        let start = bytes.startIndex + offset
        let end = start + Number.bitWidth / 8
        guard offset >= 0, end <= bytes.endIndex else { return nil }
        return bytes[start..<end].withUnsafeBytes { $0.loadUnaligned(as: Number.self) }
    }
}

/// One message as the kernel sent it.
package struct NetlinkReply: Sendable, Hashable {
    /// What it is.
    package let type: UInt16
    /// Which request it answers.
    package let sequence: UInt32
    /// All behind the header.
    package let payload: ArraySlice<UInt8>

    /// The messages in one received datagram; a malformed rest is dropped.
    package static func parse(_ datagram: ArraySlice<UInt8>) -> [NetlinkReply] {
        var replies: [NetlinkReply] = []
        var rest = datagram
        while let length = NetlinkBytes.decode(rest, at: 0, as: UInt32.self), length >= 16, Int(length) <= rest.count,
            let type = NetlinkBytes.decode(rest, at: 4, as: UInt16.self),
            let sequence = NetlinkBytes.decode(rest, at: 8, as: UInt32.self)
        {
            let end = rest.startIndex + Int(length)
            replies.append(
                NetlinkReply(type: type, sequence: sequence, payload: rest[(rest.startIndex + 16)..<end]))
            rest = rest[min(rest.startIndex + (Int(length) + 3) & ~3, rest.endIndex)...]
        }
        return replies
    }

    /// The attributes behind a fixed structure of `offset` bytes, the last of each type.
    package func attributes(after offset: Int) -> [UInt16: ArraySlice<UInt8>] {
        guard offset <= payload.count else { return [:] }
        return Self.attributes(in: payload.dropFirst(offset))
    }

    /// The attributes in `bytes`, the last of each type; flags in the type are removed.
    package static func attributes(in bytes: ArraySlice<UInt8>) -> [UInt16: ArraySlice<UInt8>] {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = bytes
        while let length = NetlinkBytes.decode(rest, at: 0, as: UInt16.self), length >= 4, Int(length) <= rest.count,
            let type = NetlinkBytes.decode(rest, at: 2, as: UInt16.self)
        {
            found[type & 0x3fff] = rest[(rest.startIndex + 4)..<(rest.startIndex + Int(length))]
            rest = rest[min(rest.startIndex + (Int(length) + 3) & ~3, rest.endIndex)...]
        }
        return found
    }
}
