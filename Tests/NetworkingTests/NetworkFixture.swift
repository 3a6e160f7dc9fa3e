import Dispatch
import FoundationEssentials
import Glibc
import LinuxKernel
import Logging
import Synchronization

@testable import Networking

/// What tests on the real network of this machine need; each fixture is an instance of its own.
struct NetworkFixture: Sendable {
    let instance: String
    let directory: String
    let network: InstanceNetwork

    /// Root that may make namespaces.
    static let isAvailable: Bool = {
        guard geteuid() == 0 else { return false }
        do {
            _ = try NetworkNamespace.create()
            return true
        } catch {
            return false
        }
    }()
    /// Whether names can be served.
    static let hasNames = NameService.programPaths.contains { Program.find($0) != nil }

    init() throws {
        let digits = Array("0123456789abcdef")
        instance = String((0..<8).map { _ in digits[Int.random(in: 0..<16)] })
        directory = "/tmp/martlet-network-\(instance)"
        network = try Self.make(instance, directory)
    }

    /// Another view of the same instance, as after a restart of the daemon.
    func restarted() throws -> InstanceNetwork { try Self.make(instance, directory) }

    func path(_ id: String) -> String { "\(directory)/run/containers/\(id)/netns" }

    func attach(_ id: String, name: String? = nil, aliases: [String] = [], ports: [NetworkPort] = []) async throws
        -> NetworkLease
    {
        try await network.attach(id, name: name, aliases: aliases, namespacePath: path(id), ports: ports)
    }

    private static func make(_ instance: String, _ directory: String) throws -> InstanceNetwork {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return try InstanceNetwork(
            instance: instance, runtimeDirectory: directory + "/run", stateDirectory: directory + "/state",
            logger: logger)
    }

    /// Runs `body` with an open network and removes everything afterwards, also when it throws.
    static func with(_ body: @Sendable (NetworkFixture) async throws -> Void) async throws {
        let fixture = try NetworkFixture()
        do {
            try await fixture.network.open()
            try await body(fixture)
        } catch {
            await fixture.clean()
            throw error
        }
        await fixture.clean()
    }

    private func clean() async {
        do {
            let network = try restarted()
            try await self.network.close(removeAll: false)
            try await network.open()
            try await network.close(removeAll: true)
            try FileManager.default.removeItem(atPath: directory)
        } catch {
            print("clean-up of \(instance): \(error)")
        }
    }

    /// What the host shows of this instance: interfaces, namespaces, packet filter.
    func traces() async throws -> [String] {
        let routes = try RouteSocket()
        var found = try routes.links().map(\.name).filter { $0.contains(instance) }
        found += try NetworkNamespace.pins(below: directory)
        let tables = try await PacketFilter().apply("list tables\n")
        found += tables.split(separator: "\n").map(String.init).filter { $0.contains(instance) }
        return found
    }
}

/// Runs blocking code on a thread of its own queue.
func offPool<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue(label: "test").async { continuation.resume(with: Swift.Result { try body() }) }
    }
}

/// A server in a namespace that tells each client the address it came from.
final class WhoAmIServer: Sendable {
    private let socket: OwnedDescriptor
    private let transport: Int32
    private let finished: DispatchQueue
    private let isStopped = Mutex(false)

    init(in path: String?, port: UInt16, type: Int32 = Int32(SOCK_STREAM.rawValue), address: IPv4Address = .any) throws
    {
        let socket = try Endpoints.socket(in: path, type: type)
        try Endpoints.bind(socket.rawValue, address, port)
        if type == Int32(SOCK_STREAM.rawValue) { _ = listen(socket.rawValue, 64) }
        self.socket = socket
        transport = type
        finished = DispatchQueue(label: "server")
        finished.async { [self] in serve() }
    }

    /// Whether a call that failed only did so because nobody came within the socket's time limit: on a busy machine a
    /// client may take longer than that. Without ``stop()`` it ends after some minutes.
    private func goesOn(_ silences: inout Int) -> Bool {
        silences += 1
        return errno == EAGAIN && silences < 60 && !isStopped.withLock { $0 }
    }

    /// The loop ends when the socket is shut down.
    private func serve() {
        var silences = 0
        while true {
            var name = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            if transport == Int32(SOCK_STREAM.rawValue) {
                let client = withUnsafeMutablePointer(to: &name) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { accept(socket.rawValue, $0, &length) }
                }
                guard client >= 0 else {
                    if goesOn(&silences) { continue }
                    return
                }
                let text = Array("\(IPv4Address(rawValue: UInt32(bigEndian: name.sin_addr.s_addr)))".utf8)
                _ = send(client, text, text.count, Int32(MSG_NOSIGNAL))
                _ = close(client)
            } else {
                var buffer = [UInt8](repeating: 0, count: 64)
                let sent = withUnsafeMutablePointer(to: &name) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { peer in
                        guard recvfrom(socket.rawValue, &buffer, 64, 0, peer, &length) >= 0 else { return false }
                        let address = UnsafeRawPointer(peer).assumingMemoryBound(to: sockaddr_in.self).pointee.sin_addr
                        let text = Array("\(IPv4Address(rawValue: UInt32(bigEndian: address.s_addr)))".utf8)
                        return sendto(socket.rawValue, text, text.count, 0, peer, length) >= 0
                    }
                }
                if !sent, !goesOn(&silences) { return }
            }
        }
    }

    /// Ends the loop.
    func stop() {
        isStopped.withLock { $0 = true }
        _ = shutdown(socket.rawValue, Int32(SHUT_RDWR))
    }
}

/// Sockets of tests, in a namespace or (nil) on the host.
enum Endpoints {
    static func socket(in path: String?, type: Int32) throws -> OwnedDescriptor {
        let socket: OwnedDescriptor
        if let path {
            socket = try NetworkNamespace(pinnedAt: path).socket(domain: AF_INET, type: type)
        } else {
            socket = OwnedDescriptor(adopting: Glibc.socket(AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0))
        }
        var limit = timeval(tv_sec: 3, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
        _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
        return socket
    }

    /// A copy of a descriptor of this process, if it is an IPv4 socket bound to `port`.
    static func copy(of descriptor: CInt, ifBoundTo port: UInt16) -> CInt? {
        var name = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard code == 0, name.sin_family == sa_family_t(AF_INET), UInt16(bigEndian: name.sin_port) == port else {
            return nil
        }
        return dup(descriptor)
    }

    /// A port below those the kernel gives away by itself, so that no other test gets it once it is free again.
    static func quietPort() -> UInt16 { UInt16.random(in: 12_000..<32_000) }

    static func bind(_ socket: CInt, _ address: IPv4Address, _ port: UInt16) throws {
        let code = withName(address, port) { Glibc.bind(socket, $0, $1) }
        guard code == 0 else { throw KernelError.last("bind", "\(address):\(port)") }
    }

    /// Connects and returns what the server says.
    static func ask(
        from path: String?, _ address: IPv4Address, _ port: UInt16, type: Int32 = Int32(SOCK_STREAM.rawValue),
        milliseconds: Int = 30_000
    ) async throws -> String {
        let answer = try await exchange(
            from: path, address, port, type: type, message: [63], milliseconds: milliseconds)
        return String(decoding: answer, as: UTF8.self)
    }

    static func exchange(
        from path: String?, _ address: IPv4Address, _ port: UInt16, type: Int32, message: [UInt8],
        milliseconds: Int = 30_000
    ) async throws -> [UInt8] {
        try await offPool {
            let socket = try socket(in: path, type: type)
            var limit = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
            let size = socklen_t(MemoryLayout<timeval>.size)
            _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_RCVTIMEO, &limit, size)
            _ = setsockopt(socket.rawValue, SOL_SOCKET, SO_SNDTIMEO, &limit, size)
            guard withName(address, port, { connect(socket.rawValue, $0, $1) }) == 0 else {
                throw KernelError.last("connect", "\(address):\(port)")
            }
            if type != Int32(SOCK_STREAM.rawValue) { _ = send(socket.rawValue, message, message.count, 0) }
            var buffer = [UInt8](repeating: 0, count: 512)
            let count = recv(socket.rawValue, &buffer, 512, 0)
            guard count >= 0 else { throw KernelError.last("recv", "\(address):\(port)") }
            return Array(buffer[..<count])
        }
    }

    fileprivate static func withName<Result>(
        _ address: IPv4Address, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.rawValue.bigEndian
        return withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// A UDP socket on the host that keeps its own port.
final class DatagramClient: Sendable {
    private let socket: OwnedDescriptor

    init(_ port: UInt16) throws {
        socket = try Endpoints.socket(in: nil, type: Int32(SOCK_DGRAM.rawValue))
        guard Endpoints.withName(.loopback, port, { connect(socket.rawValue, $0, $1) }) == 0 else {
            throw KernelError.last("connect")
        }
    }

    func ask() throws -> String {
        var buffer = [UInt8](repeating: 0, count: 64)
        guard send(socket.rawValue, buffer, 1, 0) == 1 else { throw KernelError.last("send") }
        let count = recv(socket.rawValue, &buffer, 64, 0)
        guard count >= 0 else { throw KernelError.last("recv") }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }
}
