package import Core
package import LinuxKernel

/// A port of the container that is reachable through an address of the host; see ``Core/PublishedPort``.
package typealias NetworkPort = PublishedPort

/// What one container got from the network of its instance. It is recorded before anything of it exists on the host.
package struct NetworkLease: Codable, Hashable, Sendable {
    /// The container.
    package let id: String
    /// The name other containers find it by.
    package let name: String?
    /// Further names.
    package let aliases: [String]
    /// The address on the bridge.
    package let address: IPv4Address
    /// The bridge's address: default route and name server.
    package let gateway: IPv4Address
    /// Bits of the subnet's prefix.
    package let prefixLength: UInt8
    /// The host's end of the cable, at most 15 characters.
    package let hostInterface: String
    /// Where the network namespace is pinned.
    package let namespacePath: String
    /// The published ports; every host port is a real one, also where 0 was asked for.
    package let ports: [NetworkPort]
}
