internal import Glibc
internal import LinuxKernel

/// The bridge of an instance and what it needs of the host. Calls block.
struct BridgeSetup: Sendable {
    let names: NetworkNames
    let files: NetworkFiles

    /// A bridge that is up and has the gateway's address.
    struct Bridge: Sendable, Hashable {
        let index: Int32
        let subnet: IPv4Subnet
        /// Whether the subnet is another one than was on record.
        let hasMoved: Bool
    }

    /// Finds or creates the bridge. Its subnet is the one it has, else the recorded one, else a free one; it is recorded
    /// before the bridge has it.
    ///
    /// Two instances that choose at the same time choose one after the other: a lock on the network namespace itself.
    func open() throws -> Bridge {
        let lock = try Self.lockNamespace()
        defer { withExtendedLifetime(lock) {} }
        let routes = try RouteSocket()
        let existing = try routes.link(named: names.bridge)
        if let existing, existing.type != "bridge" {
            throw NetworkError.system("interface `\(names.bridge)` is not a bridge", nil)
        }
        let table = try routes.routes()
        let recorded = files.loadSubnet()
        let subnet = try choose(recorded: recorded, existing: existing, table: table)
        if subnet != recorded { try files.save(subnet) }
        let index = try existing?.index ?? create(subnet, routes)
        try routes.run(
            .setUp(names.bridge),
            .addAddress(subnet.gateway, in: subnet, interface: index).tolerating(EEXIST))
        try configureKernel()
        return Bridge(index: index, subnet: subnet, hasMoved: recorded != nil && recorded != subnet)
    }

    /// Deletes the bridge; it need not exist.
    func remove() throws {
        try RouteSocket().run(.deleteLink(names.bridge).tolerating(ENODEV))
    }

    private func choose(
        recorded: IPv4Subnet?, existing: NetworkLink?, table: [NetworkRoute]
    ) throws -> IPv4Subnet {
        let own = table.filter { existing != nil && $0.interface == existing?.index }.map(\.destination)
        if let found = own.first(where: { $0 == recorded }) ?? own.first(where: AddressPlan.isOurs) { return found }
        let taken = table.filter { existing == nil || $0.interface != existing?.index }.map(\.destination)
        if let recorded, !taken.contains(where: { $0.prefixLength > 0 && $0.overlaps(recorded) }) { return recorded }
        guard let chosen = AddressPlan.chooseSubnet(instance: names.instance, taken: taken) else {
            throw NetworkError.noFreeSubnet()
        }
        return chosen
    }

    private func create(_ subnet: IPv4Subnet, _ routes: borrowing RouteSocket) throws -> Int32 {
        let address = AddressPlan.hardwareAddress(for: subnet.gateway)
        try routes.run(.createBridge(names.bridge, hardwareAddress: address).tolerating(EEXIST))
        guard let link = try routes.link(named: names.bridge) else {
            throw KernelError(call: "get link", errorNumber: ENODEV, subject: names.bridge)
        }
        return link.index
    }

    /// Forwarding for the host, which stays on when the network is closed (others may rely on it by then), and on the bridge
    /// answers to connections that came from 127.0.0.1.
    private func configureKernel() throws {
        let forwarding = "/proc/sys/net/ipv4/ip_forward"
        if try NetworkFiles.read(forwarding).first != UInt8(ascii: "1") { try Self.write("1", to: forwarding) }
        try Self.write("1", to: "/proc/sys/net/ipv4/conf/\(names.bridge)/route_localnet")
        // Absent where the kernel has no IPv6: nothing to switch off then.
        try? Self.write("1", to: "/proc/sys/net/ipv6/conf/\(names.bridge)/disable_ipv6")
    }

    private static func write(_ text: String, to path: String) throws {
        let file = Glibc.open(path, O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { throw KernelError.last("open", path) }
        defer { _ = close(file) }
        guard Glibc.write(file, text, text.utf8.count) > 0 else { throw KernelError.last("write", path) }
    }

    /// Held by whoever chooses a subnet in this network namespace; it ends with the descriptor.
    private static func lockNamespace() throws -> Lock {
        let file = Glibc.open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw KernelError.last("open", "/proc/self/ns/net") }
        let lock = Lock(OwnedDescriptor(adopting: file))
        while flock(file, LOCK_EX) != 0 {
            guard errno == EINTR else { throw KernelError.last("flock", "/proc/self/ns/net") }
        }
        return lock
    }

    private final class Lock {
        private let descriptor: OwnedDescriptor
        init(_ descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }
    }
}
