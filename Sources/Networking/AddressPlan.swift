internal import LinuxKernel

/// Which subnet an instance takes, and which address a container gets. Pure: nothing here asks the host.
enum AddressPlan {
    /// Bits of the subnet an instance takes when it can have it: 4093 addresses. The kernel lets 1023 containers share a bridge,
    /// so an address rests for long; and 640 instances fit.
    static let preferredPrefixLength: UInt8 = 20
    /// Bits of the subnet it takes otherwise: 253 containers.
    static let smallPrefixLength: UInt8 = 24

    private static let firstNetwork = 88
    private static let networkCount = 40

    /// A subnet in 10.88.0.0 to 10.127.255.255 that overlaps none of `taken`: the first free /20 from a place given by
    /// the instance's name, else the first free /24; nil when there is none.
    static func chooseSubnet(instance: String, taken: [IPv4Subnet]) -> IPv4Subnet? {
        // A default route leads everywhere and says nothing about who uses an address.
        let taken = taken.filter { $0.prefixLength > 0 }
        let start = instance.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) % networkCount }
        for length in [preferredPrefixLength, smallPrefixLength] {
            let step = UInt32(1) << UInt32(32 - length)
            let count = UInt32(networkCount) << 16 / step
            let offset = UInt32(start) << 16 / step
            for index in 0..<count {
                let base = UInt32(10) << 24 + UInt32(firstNetwork) << 16 + (offset + index) % count * step
                let candidate = IPv4Subnet(containing: IPv4Address(rawValue: base), prefixLength: length)
                if !taken.contains(where: { $0.overlaps(candidate) }) { return candidate }
            }
        }
        return nil
    }

    /// Whether a subnet is one that ``chooseSubnet(instance:taken:)`` could have chosen.
    static func isOurs(_ subnet: IPv4Subnet) -> Bool {
        (subnet.prefixLength == preferredPrefixLength || subnet.prefixLength == smallPrefixLength)
            && subnet.base.bytes[0] == 10
            && (firstNetwork..<(firstNetwork + networkCount)).contains(Int(subnet.base.bytes[1]))
    }

    /// The first free address behind `last`, round the end of the subnet: an address rests as long as possible before
    /// another container gets it.
    static func nextAddress(in subnet: IPv4Subnet, after last: IPv4Address?, used: Set<IPv4Address>) -> IPv4Address? {
        let hosts = subnet.hosts
        guard !hosts.isEmpty else { return nil }
        let first = last.map { hosts.contains($0.rawValue) ? $0.rawValue + 1 : hosts.lowerBound } ?? hosts.lowerBound
        var candidate = hosts.contains(first) ? first : hosts.lowerBound
        for _ in 0..<min(hosts.count, used.count + 1) {
            let address = IPv4Address(rawValue: candidate)
            if !used.contains(address) { return address }
            candidate = candidate + 1 < hosts.upperBound ? candidate + 1 : hosts.lowerBound
        }
        return nil
    }

    /// A locally administered hardware address that follows from the IPv4 address: whoever gets an address again
    /// also gets its neighbours' cached entries right.
    static func hardwareAddress(for address: IPv4Address) -> [UInt8] { [0x02, 0x4d] + address.bytes }
}
