internal import CLinux
internal import Glibc

/// The kernel's memory of connections and how their addresses were translated.
package enum ConnectionTracking {
    /// Forgets the UDP flows that were first sent to `port` (of `address`, or of any address for ``IPv4Address/any``), so
    /// that the next packet is translated by the rules of now. Flows of 30 seconds ago would otherwise go on to whoever had
    /// the port then.
    package static func forgetDatagrams(to address: IPv4Address, port: UInt16) throws {
        let opened = clx_socket(AF_NETLINK, Int32(SOCK_RAW.rawValue), netfilter)
        guard opened >= 0 else { throw KernelError(call: "socket", errorNumber: -opened, subject: "NETLINK_NETFILTER") }
        let request = RouteRequest(
            message: message(address, port), name: "forget connections", subject: "\(address):\(port)/udp")
        try RouteSocket(adopting: OwnedDescriptor(adopting: opened)).run(request.tolerating(ENOENT))
    }

    /// IPCTNL_MSG_CT_DELETE with a filter on the original direction.
    static func message(_ address: IPv4Address, _ port: UInt16) -> NetlinkMessage {
        // struct nfgenmsg: family, version, resource
        var message = NetlinkMessage(
            type: 0x0102, flags: Netlink.request | Netlink.acknowledge, body: [UInt8(AF_INET), 0, 0, 0])
        message.nested(original | nested) { tuple in
            tuple.nested(tupleAddresses | nested) { $0.attribute(destinationAddress, address.bytes) }
            tuple.nested(tupleProtocol | nested) { transport in
                transport.attribute(protocolNumber, [UInt8(IPPROTO_UDP)])
                transport.attribute(destinationPort, NetlinkBytes.encode(port.bigEndian))
            }
        }
        message.nested(filter | nested) { content in
            let byAddress: UInt32 = address == .any ? 0 : 1 << 1
            content.attribute(filterOriginal, byAddress | 1 << 3 | 1 << 5)
            content.attribute(filterReply, UInt32(0))
        }
        return message
    }

    // Numbers of <linux/netfilter/nfnetlink_conntrack.h>.
    private static let netfilter: Int32 = 12
    private static let nested: UInt16 = 0x8000
    private static let original: UInt16 = 1
    private static let tupleAddresses: UInt16 = 1
    private static let tupleProtocol: UInt16 = 2
    private static let destinationAddress: UInt16 = 2
    private static let protocolNumber: UInt16 = 1
    private static let destinationPort: UInt16 = 3
    private static let filter: UInt16 = 25
    private static let filterOriginal: UInt16 = 1
    private static let filterReply: UInt16 = 2
}
