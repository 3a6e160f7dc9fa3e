internal import Core
internal import Glibc
internal import LinuxKernel

/// The host ports an instance has given away.
///
/// Translation of addresses happens before a packet reaches a socket, so it would not keep others from a port. Each port is
/// therefore also bound, without listening: whoever else wants it gets the usual "address already in use", and what
/// others use is noticed here. Sockets end with this process; ``readopt(_:)`` binds again.
struct HostPorts {
    private final class Holding: Sendable {
        let owner: String
        let address: IPv4Address
        let port: NetworkPort
        private let socket: OwnedDescriptor?
        /// The number of `socket`, valid as long as this object.
        private let descriptor: CInt?

        init(owner: String, address: IPv4Address, port: NetworkPort, socket: consuming OwnedDescriptor?) {
            self.owner = owner
            self.address = address
            self.port = port
            descriptor = socket?.rawValue
            self.socket = socket
        }

        /// Lets others that ask for it bind the port while copies of the socket are open.
        func share() {
            if let descriptor { HostPorts.setReuse(descriptor, true) }
        }
    }

    private struct Bound: ~Copyable {
        let socket: OwnedDescriptor
        let number: UInt16
    }

    private struct Number: Hashable {
        let port: UInt16
        let transport: TransportProtocol
    }

    private var holdings: [Holding] = []
    /// What was given back. A child process being started at that moment has a copy of the socket until it executes its program;
    /// that must not keep the port from its next owner.
    private var released: Set<Number> = []

    /// Takes all of `ports` for a container, or none of them and throws.
    /// - Returns: the same ports, every 0 replaced by a free port, every address in its usual form.
    mutating func claim(_ ports: [NetworkPort], for owner: String) throws -> [NetworkPort] {
        let before = holdings.count
        do {
            for port in ports { holdings.append(try hold(port, for: owner)) }
        } catch {
            holdings.removeSubrange(before...)
            throw error
        }
        return holdings[before...].map(\.port)
    }

    /// Takes the ports of a recorded lease again.
    /// - Returns: those that somebody else has bound meanwhile; they stay published all the same.
    mutating func readopt(_ lease: NetworkLease) -> [NetworkPort] {
        var lost: [NetworkPort] = []
        for port in lease.ports {
            do {
                holdings.append(try hold(port, for: lease.id))
            } catch {
                lost.append(port)
                let address = IPv4Address(port.hostAddress) ?? .any
                holdings.append(Holding(owner: lease.id, address: address, port: port, socket: nil))
            }
        }
        return lost
    }

    /// Gives the ports of a container back.
    mutating func release(_ owner: String) { release(where: { $0.owner == owner }) }

    /// Gives everything back.
    mutating func releaseAll() { release(where: { _ in true }) }

    private mutating func release(where isReleased: (Holding) -> Bool) {
        for holding in holdings where isReleased(holding) {
            holding.share()
            released.insert(Number(port: holding.port.hostPort, transport: holding.port.transport))
        }
        holdings.removeAll(where: isReleased)
    }

    private func hold(_ port: NetworkPort, for owner: String) throws -> Holding {
        let address = try Self.address(of: port)
        if port.hostPort != 0, let other = holder(of: port, at: address) {
            throw NetworkError.portTaken(port, by: other)
        }
        let wasOurs = released.contains(Number(port: port.hostPort, transport: port.transport))
        let bound = try Self.bindSocket(port, at: address, sharing: port.transport == .tcp || wasOurs)
        let settled = NetworkPort(
            hostAddress: address.description, hostPort: bound.number, containerPort: port.containerPort,
            transport: port.transport)
        return Holding(owner: owner, address: address, port: settled, socket: bound.socket)
    }

    private func holder(of port: NetworkPort, at address: IPv4Address) -> String? {
        holdings.first {
            $0.port.hostPort == port.hostPort && $0.port.transport == port.transport
                && ($0.address == address || $0.address == .any || address == .any)
        }?.owner
    }

    /// The host address of a port; an empty text means every address.
    static func address(of port: NetworkPort) throws -> IPv4Address {
        if port.hostAddress.isEmpty { return .any }
        guard let address = IPv4Address(port.hostAddress) else { throw NetworkError.invalidAddress(port.hostAddress) }
        return address
    }

    /// - Parameter sharing: whether to try again past TCP connections that only wait for their end, and sockets that were
    ///   ours; listeners are never passed over. With UDP that would also pass over what others share on purpose.
    private static func bindSocket(_ port: NetworkPort, at address: IPv4Address, sharing: Bool) throws -> Bound {
        for reuse in sharing ? [false, true] : [false] {
            let type = port.transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
            let opened = Glibc.socket(AF_INET, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard opened >= 0 else { throw KernelError.last("socket") }
            let descriptor = OwnedDescriptor(adopting: opened)
            setReuse(opened, reuse)
            if let number = try bind(opened, port, at: address) {
                setReuse(opened, false)
                return Bound(socket: descriptor, number: number)
            }
        }
        throw NetworkError.portTaken(port, by: nil)
    }

    private static func setReuse(_ socket: CInt, _ isEnabled: Bool) {
        var value: Int32 = isEnabled ? 1 : 0
        _ = setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The port bound, or nil when it is in use.
    private static func bind(_ socket: CInt, _ port: NetworkPort, at address: IPv4Address) throws -> UInt16? {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.hostPort.bigEndian
        name.sin_addr.s_addr = address.rawValue.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &name) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                guard Glibc.bind(socket, generic, length) == 0 else {
                    switch errno {
                    case EADDRINUSE: return nil
                    case EADDRNOTAVAIL: throw NetworkError.addressUnavailable(port)
                    default: throw KernelError.last("bind", "\(address):\(port.hostPort)")
                    }
                }
                guard getsockname(socket, generic, &length) == 0 else { throw KernelError.last("getsockname") }
                return UInt16(bigEndian: pointer.pointee.sin_port)
            }
        }
    }
}
