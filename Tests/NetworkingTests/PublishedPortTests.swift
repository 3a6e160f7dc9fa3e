import Core
import Glibc
import LinuxKernel
import Testing

@testable import Networking

@Suite("published ports", .timeLimit(.minutes(1)))
struct PublishedPortTests {
    @Test("a port is given to one container, and to the next once it is released")
    func ownTable() throws {
        var ports = HostPorts()
        let wish = NetworkPort(hostPort: Endpoints.quietPort(), containerPort: 80)
        let first = try #require(try ports.claim([wish], for: "a").first)
        #expect(first == wish)
        let clash = NetworkPort(hostAddress: "0.0.0.0", hostPort: first.hostPort, containerPort: 80)

        let error = #expect(throws: NetworkError.self) { try ports.claim([clash], for: "b") }
        #expect(error?.code == .portTaken)
        #expect(error?.kind == .alreadyExists)
        #expect(error?.message == "port \(first.hostPort)/tcp on 0.0.0.0 is already allocated by container `a`")

        ports.release("a")
        #expect(try ports.claim([clash], for: "b").first?.hostPort == first.hostPort)
    }

    @Test("TCP and UDP of one number do not clash")
    func transports() throws {
        var ports = HostPorts()
        let first = try #require(try ports.claim([NetworkPort(containerPort: 53, transport: .udp)], for: "a").first)
        let other = NetworkPort(hostPort: first.hostPort, containerPort: 53, transport: .tcp)

        // Somebody else on this machine may hold the number for TCP; then there is nothing to see.
        do {
            #expect(try ports.claim([other], for: "b").count == 1)
        } catch let error as NetworkError {
            #expect(error.message == "port \(first.hostPort)/tcp on 127.0.0.1 is already allocated")
        }
    }

    @Test("a port another process listens on is refused with port and address")
    func takenByProcess() throws {
        var ports = HostPorts()
        let free = Endpoints.quietPort()
        let listener = try Endpoints.socket(in: nil, type: Int32(SOCK_STREAM.rawValue))
        try Endpoints.bind(listener.rawValue, .loopback, free)
        #expect(listen(listener.rawValue, 1) == 0)

        let error = #expect(throws: NetworkError.self) {
            try ports.claim([NetworkPort(hostPort: free, containerPort: 80)], for: "a")
        }
        #expect(error?.message == "port \(free)/tcp on 127.0.0.1 is already allocated")
        #expect(error?.stableCode == "port-taken")
    }

    @Test(
        "a released port is free although a child process still has a copy of the socket",
        arguments: TransportProtocol.allCases)
    func copiedSocket(transport: TransportProtocol) throws {
        var ports = HostPorts()
        let wish = NetworkPort(hostPort: Endpoints.quietPort(), containerPort: 80, transport: transport)
        _ = try ports.claim([wish], for: "a")
        let copy = try #require((0..<4096).lazy.compactMap { Endpoints.copy(of: $0, ifBoundTo: wish.hostPort) }.first)
        defer { _ = close(copy) }

        ports.release("a")

        #expect(try ports.claim([wish], for: "b") == [wish])
        var others = HostPorts()
        #expect(throws: NetworkError.self) { try others.claim([wish], for: "c") }
    }

    @Test("a claimed port cannot be bound by another process, and all claims of a failed request are given back")
    func held() throws {
        var ports = HostPorts()
        let first = try #require(try ports.claim([NetworkPort(containerPort: 80)], for: "a").first)
        let socket = try Endpoints.socket(in: nil, type: Int32(SOCK_STREAM.rawValue))
        #expect(throws: KernelError.self) { try Endpoints.bind(socket.rawValue, .loopback, first.hostPort) }

        let free = Endpoints.quietPort()
        let wishes = [NetworkPort(hostPort: free, containerPort: 1), first]
        #expect(throws: NetworkError.self) { try ports.claim(wishes, for: "b") }
        #expect(try ports.claim([wishes[0]], for: "c").first?.hostPort == free)
    }

    @Test(
        "addresses that cannot be published on are refused",
        arguments: [
            ("::1", NetworkError.Code.unsupportedAddress), ("localhost", .invalidAddress), ("1.2.3", .invalidAddress),
            ("198.51.100.77", .addressUnavailable),
        ])
    func badAddress(text: String, code: NetworkError.Code) {
        var ports = HostPorts()

        let error = #expect(throws: NetworkError.self) {
            try ports.claim([NetworkPort(hostAddress: text, hostPort: 45_678, containerPort: 80)], for: "a")
        }
        #expect(error?.code == code)
        #expect(error?.message.contains(text) == true)
        #expect(error?.hint != nil)
    }

    @Test(
        "a container whose port is taken is not attached at all",
        .enabled(if: NetworkFixture.isAvailable, "needs root and network namespaces"))
    func clashLeavesNothing() async throws {
        try await NetworkFixture.with { fixture in
            let first = try await fixture.attach("first", ports: [NetworkPort(containerPort: 80)])
            let before = try await fixture.traces()

            let error = await #expect(throws: NetworkError.self) {
                try await fixture.attach("second", ports: first.ports)
            }
            #expect(error?.code == .portTaken)
            #expect(try await fixture.traces() == before)
            #expect(await fixture.network.leases() == [first])
        }
    }
}
