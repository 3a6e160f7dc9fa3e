internal import Glibc

/// A change of interfaces, addresses or routes, ready to be sent through a ``RouteSocket``.
package struct RouteRequest: Sendable {
    /// What is sent.
    package let message: NetlinkMessage
    /// The name of the operation in errors.
    package let name: String
    /// What it is about, in errors.
    package let subject: String
    /// Values of `errno` that mean the state asked for is there already.
    package var tolerated: Set<Int32> = []

    /// The same change; it succeeds when its result exists (or is gone) already.
    package func tolerating(_ codes: Int32...) -> RouteRequest {
        var copy = self
        copy.tolerated.formUnion(codes)
        return copy
    }

    /// Throws for an `errno` that this request does not tolerate.
    package func check(_ code: Int32) throws {
        guard code != 0, !tolerated.contains(code) else { return }
        throw KernelError(call: name, errorNumber: code, subject: subject)
    }

    /// Creates a bridge that is up and keeps its hardware address whatever joins it.
    package static func createBridge(_ name: String, hardwareAddress: [UInt8]) -> RouteRequest {
        var message = NetlinkMessage(type: Route.newLink, flags: Route.creating, body: Route.link(up: true))
        message.attribute(Route.linkName, name)
        message.attribute(Route.linkAddress, hardwareAddress)
        message.nested(Route.linkInfo) { $0.attribute(Route.infoKind, "bridge") }
        return RouteRequest(message: message, name: "create bridge", subject: name)
    }

    /// Creates a cable: `name` here, in the bridge with index `bridge`; `peerName` in `peerNamespace`. Both are down.
    package static func createVeth(
        _ name: String, bridge: Int32, peerName: String, peerHardwareAddress: [UInt8], peerNamespace: CInt
    ) -> RouteRequest {
        var message = NetlinkMessage(type: Route.newLink, flags: Route.creating, body: Route.link(up: nil))
        message.attribute(Route.linkName, name)
        message.attribute(Route.linkMaster, UInt32(bitPattern: bridge))
        message.nested(Route.linkInfo) { info in
            info.attribute(Route.infoKind, "veth")
            info.nested(Route.infoData) { data in
                data.nested(Route.vethPeer, body: Route.link(up: nil)) { peer in
                    peer.attribute(Route.linkName, peerName)
                    peer.attribute(Route.linkAddress, peerHardwareAddress)
                    peer.attribute(Route.linkNamespace, UInt32(bitPattern: peerNamespace))
                }
            }
        }
        return RouteRequest(message: message, name: "create veth", subject: name)
    }

    /// Lets a member of a bridge send back where a frame came from: a container reaches its own published port.
    package static func enableHairpin(_ name: String) -> RouteRequest {
        var message = NetlinkMessage(
            type: Route.newLink, flags: Netlink.request | Netlink.acknowledge, body: Route.link(up: nil))
        message.attribute(Route.linkName, name)
        message.nested(Route.linkInfo) { info in
            info.attribute(Route.infoSlaveKind, "bridge")
            info.nested(Route.infoSlaveData) { $0.attribute(Route.bridgePortMode, [1]) }
        }
        return RouteRequest(message: message, name: "set hairpin", subject: name)
    }

    /// Keeps the kernel from giving an interface an IPv6 address of its own, and from all it would send to do so. To be
    /// asked while the interface is down, of a kernel that has IPv6.
    package static func withoutIPv6Address(_ name: String) -> RouteRequest {
        var message = NetlinkMessage(
            type: Route.newLink, flags: Netlink.request | Netlink.acknowledge, body: Route.link(up: nil))
        message.attribute(Route.linkName, name)
        message.nested(Route.linkFamilies) { families in
            families.nested(UInt16(AF_INET6)) { $0.attribute(Route.addressGeneration, [1]) }
        }
        return RouteRequest(message: message, name: "set address generation", subject: name)
    }

    /// Sets an interface up.
    package static func setUp(_ name: String) -> RouteRequest {
        var message = NetlinkMessage(
            type: Route.newLink, flags: Netlink.request | Netlink.acknowledge, body: Route.link(up: true))
        message.attribute(Route.linkName, name)
        return RouteRequest(message: message, name: "set up", subject: name)
    }

    /// Deletes an interface; for a cable both ends.
    package static func deleteLink(_ name: String) -> RouteRequest {
        var message = NetlinkMessage(
            type: Route.deleteLink, flags: Netlink.request | Netlink.acknowledge, body: Route.link(up: nil))
        message.attribute(Route.linkName, name)
        return RouteRequest(message: message, name: "delete link", subject: name)
    }

    /// Gives an interface an address and the route to its subnet.
    package static func addAddress(_ address: IPv4Address, in subnet: IPv4Subnet, interface: Int32) -> RouteRequest {
        let body = [UInt8(AF_INET), subnet.prefixLength, 0, 0] + NetlinkBytes.encode(UInt32(bitPattern: interface))
        var message = NetlinkMessage(type: Route.newAddress, flags: Route.creating, body: body)
        message.attribute(Route.addressLocal, address.bytes)
        message.attribute(Route.addressAddress, address.bytes)
        message.attribute(Route.addressBroadcast, subnet.broadcast.bytes)
        return RouteRequest(message: message, name: "add address", subject: "\(address)/\(subnet.prefixLength)")
    }

    /// Sends everything that has no better route to `gateway`.
    package static func addDefaultRoute(via gateway: IPv4Address, interface: Int32) -> RouteRequest {
        // rtmsg: family, destination length, source length, tos, table main, protocol static, scope universe, unicast
        let body: [UInt8] = [UInt8(AF_INET), 0, 0, 0, 254, 4, 0, 1, 0, 0, 0, 0]
        var message = NetlinkMessage(type: Route.newRoute, flags: Route.creating, body: body)
        message.attribute(Route.routeGateway, gateway.bytes)
        message.attribute(Route.routeInterface, UInt32(bitPattern: interface))
        return RouteRequest(message: message, name: "add route", subject: "default via \(gateway)")
    }
}

/// Numbers of `<linux/rtnetlink.h>`, `<linux/if_link.h>`, `<linux/if_addr.h>`, `<linux/veth.h>`.
enum Route {
    static let newLink: UInt16 = 16
    static let deleteLink: UInt16 = 17
    static let getLink: UInt16 = 18
    static let newAddress: UInt16 = 20
    static let newRoute: UInt16 = 24
    static let getRoute: UInt16 = 26

    static let linkAddress: UInt16 = 1
    static let linkName: UInt16 = 3
    static let linkMaster: UInt16 = 10
    static let linkInfo: UInt16 = 18
    static let linkFamilies: UInt16 = 26
    static let addressGeneration: UInt16 = 8
    static let linkNamespace: UInt16 = 28
    static let infoKind: UInt16 = 1
    static let infoData: UInt16 = 2
    static let infoSlaveKind: UInt16 = 4
    static let infoSlaveData: UInt16 = 5
    static let bridgePortMode: UInt16 = 4
    static let vethPeer: UInt16 = 1

    static let addressAddress: UInt16 = 1
    static let addressLocal: UInt16 = 2
    static let addressBroadcast: UInt16 = 4

    static let routeDestination: UInt16 = 1
    static let routeInterface: UInt16 = 4
    static let routeGateway: UInt16 = 5
    static let routeTable: UInt16 = 15

    static let creating = Netlink.request | Netlink.acknowledge | Netlink.create | Netlink.exclusive

    /// struct ifinfomsg; nil leaves up or down as it is.
    static func link(up: Bool?) -> [UInt8] {
        let flag = UInt32(IFF_UP)
        var body: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        body += NetlinkBytes.encode(up == true ? flag : 0)
        body += NetlinkBytes.encode(up == nil ? 0 : flag)
        return body
    }
}
