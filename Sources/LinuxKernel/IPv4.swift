/// An IPv4 address, in host byte order.
package struct IPv4Address: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package let rawValue: UInt32

    /// The address with these 32 bits.
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Reads exactly four decimal numbers without leading zeros; nil for anything else.
    package init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var value: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
                part.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { return nil }
            let number = part.reduce(UInt32(0)) { $0 * 10 + UInt32($1 - UInt8(ascii: "0")) }
            guard number <= 255 else { return nil }
            value = value << 8 | number
        }
        rawValue = value
    }

    /// `0.0.0.0`: every address of the host.
    package static let any = IPv4Address(rawValue: 0)
    /// `127.0.0.1`.
    package static let loopback = IPv4Address(rawValue: 0x7f00_0001)

    /// The four bytes, most significant first.
    package var bytes: [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: rawValue >> UInt32(24 - 8 * $0)) } }

    package var description: String { bytes.map { String($0) }.joined(separator: ".") }

    package static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }

    /// Reads the dotted form.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let address = IPv4Address(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an IPv4 address")
        }
        self = address
    }

    /// Writes the dotted form.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// A range of IPv4 addresses with a common prefix.
package struct IPv4Subnet: Hashable, Sendable, CustomStringConvertible, Codable {
    /// The first address; its host bits are zero.
    package let base: IPv4Address
    /// How many bits the addresses share, 0...32.
    package let prefixLength: UInt8

    /// The subnet of `prefixLength` that contains `address`.
    package init(containing address: IPv4Address, prefixLength: UInt8) {
        self.prefixLength = min(prefixLength, 32)
        self.base = IPv4Address(rawValue: address.rawValue & Self.mask(self.prefixLength))
    }

    /// Reads `10.88.0.0/16`; nil for anything else, and when host bits are set.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPv4Address(String(parts[0])), let length = UInt8(parts[1]), length <= 32
        else { return nil }
        self.init(containing: address, prefixLength: length)
        guard base == address else { return nil }
    }

    /// The first address after the base: the bridge's own.
    package var gateway: IPv4Address { IPv4Address(rawValue: base.rawValue + 1) }
    /// The last address: broadcast.
    package var broadcast: IPv4Address { IPv4Address(rawValue: base.rawValue | ~Self.mask(prefixLength)) }
    /// The addresses containers may have: neither base, gateway nor broadcast.
    package var hosts: Range<UInt32> { (base.rawValue + 2)..<max(base.rawValue + 2, broadcast.rawValue) }

    /// Whether `address` lies inside.
    package func contains(_ address: IPv4Address) -> Bool {
        address.rawValue & Self.mask(prefixLength) == base.rawValue
    }

    /// Whether the two share an address.
    package func overlaps(_ other: IPv4Subnet) -> Bool { contains(other.base) || other.contains(base) }

    package var description: String { "\(base)/\(prefixLength)" }

    /// Reads the text form.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let subnet = IPv4Subnet(try container.decode(String.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not an IPv4 subnet")
        }
        self = subnet
    }

    /// Writes the text form.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    private static func mask(_ length: UInt8) -> UInt32 { length == 0 ? 0 : ~UInt32(0) << UInt32(32 - length) }
}
