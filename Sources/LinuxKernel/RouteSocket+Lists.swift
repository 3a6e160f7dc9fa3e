internal import Glibc

/// A network interface as the kernel lists it.
package struct NetworkLink: Sendable, Hashable {
    /// Its number in its namespace.
    package let index: Int32
    /// Its name, at most 15 characters.
    package let name: String
    /// `bridge`, `veth`, …; nil for hardware and loopback.
    package let type: String?
    /// The number of the bridge it belongs to.
    package let master: Int32?
    /// Whether it is set up.
    package let isUp: Bool
}

/// A route as the kernel lists it.
package struct NetworkRoute: Sendable, Hashable {
    /// Where it leads; `0.0.0.0/0` for the default route.
    package let destination: IPv4Subnet
    /// The number of the interface it leaves by.
    package let interface: Int32?
}

extension RouteSocket {
    /// Every interface of the namespace.
    package func links() throws -> [NetworkLink] {
        try dump(type: Route.getLink, body: Route.link(up: nil), subject: "links").compactMap(Self.link)
    }

    /// The interface called `name`, or nil.
    package func link(named name: String) throws -> NetworkLink? {
        var message = NetlinkMessage(type: Route.getLink, flags: Netlink.request, body: Route.link(up: nil))
        message.attribute(Route.linkName, name)
        switch try ask(message) {
        case .success(let reply): return reply.flatMap(Self.link)
        case .failure(let error) where error.errorNumber == ENODEV: return nil
        case .failure(let error): throw KernelError(call: "get link", errorNumber: error.errorNumber, subject: name)
        }
    }

    /// Every IPv4 unicast route of every table, without those to single addresses of the host.
    package func routes() throws -> [NetworkRoute] {
        let body: [UInt8] = [UInt8(AF_INET)] + [UInt8](repeating: 0, count: 11)
        return try dump(type: Route.getRoute, body: body, subject: "routes").compactMap(Self.route)
    }

    private static func link(_ reply: NetlinkReply) -> NetworkLink? {
        guard reply.type == Route.newLink, let index = NetlinkBytes.decode(reply.payload, at: 4, as: Int32.self),
            let flags = NetlinkBytes.decode(reply.payload, at: 8, as: UInt32.self)
        else { return nil }
        let attributes = reply.attributes(after: 16)
        guard let name = attributes[Route.linkName] else { return nil }
        let info = attributes[Route.linkInfo].map { NetlinkReply.attributes(in: $0) } ?? [:]
        return NetworkLink(
            index: index, name: text(name), type: info[Route.infoKind].map(text),
            master: attributes[Route.linkMaster].flatMap { NetlinkBytes.decode($0, at: 0, as: Int32.self) },
            isUp: flags & UInt32(IFF_UP) != 0)
    }

    private static func route(_ reply: NetlinkReply) -> NetworkRoute? {
        let unicast: UInt8 = 1
        guard reply.type == Route.newRoute, let length = NetlinkBytes.decode(reply.payload, at: 1, as: UInt8.self),
            NetlinkBytes.decode(reply.payload, at: 7, as: UInt8.self) == unicast
        else { return nil }
        let attributes = reply.attributes(after: 12)
        let destination = attributes[Route.routeDestination]
            .flatMap { NetlinkBytes.decode($0, at: 0, as: UInt32.self) }
            .map { UInt32(bigEndian: $0) }
        return NetworkRoute(
            destination: IPv4Subnet(
                containing: IPv4Address(rawValue: destination ?? 0), prefixLength: length),
            interface: attributes[Route.routeInterface].flatMap { NetlinkBytes.decode($0, at: 0, as: Int32.self) })
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
}
