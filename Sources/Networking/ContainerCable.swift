internal import Glibc
internal import LinuxKernel

/// One container's namespace and the cable to the bridge. Calls block; all can be repeated.
struct ContainerCable: Sendable {
    let lease: NetworkLease
    let bridge: Int32

    /// The interface inside.
    static let interface = "eth0"

    /// Makes what is missing. A namespace is pinned last, so a pinned one is complete; what was not pinned when this process
    /// died vanishes with it, the cable too.
    func connect() throws {
        let routes = try RouteSocket()
        if try NetworkNamespace.isPinned(at: lease.namespacePath) {
            let namespace = try NetworkNamespace(pinnedAt: lease.namespacePath)
            if try routes.link(named: lease.hostInterface) == nil {
                try lay(routes, into: namespace)
                try configure(try namespace.routeSocket())
            }
            return
        }
        let created = try NetworkNamespace.create()
        try lay(routes, into: created.namespace)
        do {
            try configure(created.routes)
            try NetworkFiles.makeParent(of: lease.namespacePath)
            try created.namespace.pin(at: lease.namespacePath)
        } catch {
            try NetworkNamespace.unpin(lease.namespacePath)
            throw error
        }
    }

    private func lay(_ routes: borrowing RouteSocket, into namespace: borrowing NetworkNamespace) throws {
        let cable = RouteRequest.createVeth(
            lease.hostInterface, bridge: bridge, peerName: Self.interface,
            peerHardwareAddress: AddressPlan.hardwareAddress(for: lease.address),
            peerNamespace: namespace.rawDescriptor)
        let codes = try routes.perform([cable])
        if codes == [EEXIST] {
            // The cable of an earlier attach whose namespace is still held by somebody.
            try routes.run(.deleteLink(lease.hostInterface).tolerating(ENODEV))
            try routes.run(cable)
        } else if codes == [EXFULL] {
            throw NetworkError.bridgeFull(lease)
        } else {
            try cable.check(codes[0])
        }
        var settings: [RouteRequest] = []
        if Self.hasIPv6 { settings.append(.withoutIPv6Address(lease.hostInterface).tolerating(EAFNOSUPPORT)) }
        if !lease.ports.isEmpty { settings.append(.enableHairpin(lease.hostInterface)) }
        settings.append(.setUp(lease.hostInterface))
        try routes.run(settings)
    }

    private func configure(_ inside: borrowing RouteSocket) throws {
        guard let link = try inside.link(named: Self.interface) else {
            throw KernelError(call: "get link", errorNumber: ENODEV, subject: Self.interface)
        }
        let subnet = IPv4Subnet(containing: lease.address, prefixLength: lease.prefixLength)
        let settings: [RouteRequest] =
            Self.hasIPv6 ? [.withoutIPv6Address(Self.interface).tolerating(EAFNOSUPPORT)] : []
        try inside.run(
            settings + [
                .setUp("lo"),
                .setUp(Self.interface),
                .addAddress(lease.address, in: subnet, interface: link.index).tolerating(EEXIST),
                .addDefaultRoute(via: lease.gateway, interface: link.index).tolerating(EEXIST),
            ])
    }

    /// Whether the kernel knows IPv6. With addresses of their own a thousand neighbours would announce themselves to each
    /// other, which costs far more than making them.
    private static let hasIPv6 = access("/proc/sys/net/ipv6", F_OK) == 0

    /// Pins a namespace that has loopback only.
    static func isolate(at path: String) throws {
        guard try !NetworkNamespace.isPinned(at: path) else { return }
        let created = try NetworkNamespace.create()
        try created.routes.run(.setUp("lo"))
        try NetworkFiles.makeParent(of: path)
        try created.namespace.pin(at: path)
    }
}
