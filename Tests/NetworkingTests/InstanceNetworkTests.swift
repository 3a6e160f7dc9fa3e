import Core
import Glibc
import LinuxKernel
import Testing

@testable import Networking

@Suite(.enabled(if: NetworkFixture.isAvailable, "needs root and network namespaces"), .timeLimit(.minutes(2)))
struct InstanceNetworkTests {
    private let datagram = Int32(SOCK_DGRAM.rawValue)

    @Test("containers reach each other, and the host reaches them, by address")
    func byAddress() async throws {
        try await NetworkFixture.with { fixture in
            let first = try await fixture.attach("first")
            let second = try await fixture.attach("second")
            let server = try WhoAmIServer(in: fixture.path("second"), port: 80)
            defer { server.stop() }

            #expect(try await Endpoints.ask(from: fixture.path("first"), second.address, 80) == "\(first.address)")
            #expect(try await Endpoints.ask(from: nil, second.address, 80) == "\(first.gateway)")
        }
    }

    @Test("a port published on 127.0.0.1 is reached there and not through other addresses")
    func loopbackPort() async throws {
        try await NetworkFixture.with { fixture in
            let lease = try await fixture.attach("web", ports: [NetworkPort(containerPort: 80)])
            let port = try #require(lease.ports.first)
            let server = try WhoAmIServer(in: fixture.path("web"), port: 80)
            defer { server.stop() }

            #expect(port.hostPort != 0)
            #expect(try await Endpoints.ask(from: nil, .loopback, port.hostPort) == "\(lease.gateway)")
            await #expect(throws: KernelError.self) {
                try await Endpoints.ask(from: nil, lease.gateway, port.hostPort, milliseconds: 300)
            }
        }
    }

    @Test("a port published everywhere is reached through 127.0.0.1, the bridge, another container and itself")
    func everywherePort() async throws {
        try await NetworkFixture.with { fixture in
            let wish = NetworkPort(hostAddress: "0.0.0.0", containerPort: 80)
            let web = try await fixture.attach("web", ports: [wish])
            _ = try await fixture.attach("other")
            let port = try #require(web.ports.first?.hostPort)
            let server = try WhoAmIServer(in: fixture.path("web"), port: 80)
            defer { server.stop() }

            #expect(try await Endpoints.ask(from: nil, .loopback, port) == "\(web.gateway)")
            #expect(try await Endpoints.ask(from: nil, web.gateway, port) == "\(web.gateway)")
            #expect(try await Endpoints.ask(from: fixture.path("other"), web.gateway, port) == "\(web.gateway)")
            #expect(try await Endpoints.ask(from: fixture.path("web"), web.gateway, port) == "\(web.gateway)")
        }
    }

    @Test("a published UDP port answers on 127.0.0.1")
    func datagramPort() async throws {
        try await NetworkFixture.with { fixture in
            let lease = try await fixture.attach("dns", ports: [NetworkPort(containerPort: 5353, transport: .udp)])
            let port = try #require(lease.ports.first?.hostPort)
            let server = try WhoAmIServer(in: fixture.path("dns"), port: 5353, type: datagram)
            defer { server.stop() }

            #expect(try await Endpoints.ask(from: nil, .loopback, port, type: datagram) == "\(lease.gateway)")
        }
    }

    @Test("a UDP client that asked before the port was published, or its former owner, reaches the new one")
    func datagramMoves() async throws {
        try await NetworkFixture.with { fixture in
            let wish = NetworkPort(hostPort: Endpoints.quietPort(), containerPort: 5353, transport: .udp)
            let first = try await fixture.attach("first", ports: [wish])
            let old = try WhoAmIServer(in: fixture.path("first"), port: 5353, type: datagram)
            let port = try #require(first.ports.first?.hostPort)
            let client = try await offPool { try DatagramClient(port) }
            #expect(try await offPool { try client.ask() } == "\(first.gateway)")
            old.stop()
            try await fixture.network.detach("first", namespacePath: fixture.path("first"))

            _ = try await fixture.attach("second", ports: first.ports)
            let new = try WhoAmIServer(in: fixture.path("second"), port: 5353, type: datagram)
            defer { new.stop() }

            #expect(try await offPool { try client.ask() } == "\(first.gateway)")
        }
    }

    @Test("instances reach each other through published ports only, masqueraded")
    func instancesAreApart() async throws {
        try await NetworkFixture.with { one in
            try await NetworkFixture.with { other in
                _ = try await one.attach("client")
                let wish = NetworkPort(hostAddress: "0.0.0.0", containerPort: 80)
                let web = try await other.attach("web", ports: [wish])
                let port = try #require(web.ports.first?.hostPort)
                let server = try WhoAmIServer(in: other.path("web"), port: 80)
                defer { server.stop() }

                #expect(try await Endpoints.ask(from: one.path("client"), web.gateway, port) == "\(web.gateway)")
                await #expect(throws: KernelError.self) {
                    try await Endpoints.ask(from: one.path("client"), web.address, 80, milliseconds: 300)
                }
            }
        }
    }

    @Test("an isolated namespace has loopback, which is up, and nothing else")
    func isolated() async throws {
        try await NetworkFixture.with { fixture in
            let path = fixture.path("alone")
            try await fixture.network.makeIsolated(namespacePath: path)
            try await fixture.network.makeIsolated(namespacePath: path)

            let links = try NetworkNamespace(pinnedAt: path).routeSocket().links().filter(\.isUp)
            #expect(links.map(\.name) == ["lo"])
            try await fixture.network.detach("alone", namespacePath: path)
            #expect(try !NetworkNamespace.isPinned(at: path))
        }
    }

    @Test("attaching twice gives the same lease; other wishes give another")
    func idempotent() async throws {
        try await NetworkFixture.with { fixture in
            let wish = NetworkPort(containerPort: 80)
            let first = try await fixture.attach("web", ports: [wish])
            let again = try await fixture.attach("web", ports: [wish])
            let changed = try await fixture.attach("web", ports: [wish, NetworkPort(containerPort: 81)])

            #expect(first == again)
            #expect(changed.ports.count == 2)
            #expect(await fixture.network.leases() == [changed])
            try await fixture.network.detach("web", namespacePath: fixture.path("web"))
            try await fixture.network.detach("web", namespacePath: fixture.path("web"))
            #expect(await fixture.network.leases().isEmpty)
        }
    }

    @Test("fifty containers attach at once, each with its own address and port")
    func parallel() async throws {
        try await NetworkFixture.with { fixture in
            let leases = try await withThrowingTaskGroup(of: NetworkLease.self) { group in
                for number in 0..<50 {
                    group.addTask {
                        try await fixture.attach(
                            "c\(number)", name: "name\(number)", ports: [NetworkPort(containerPort: 80)])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            #expect(Set(leases.map(\.address)).count == 50)
            #expect(Set(leases.flatMap { $0.ports.map(\.hostPort) }).count == 50)
            #expect(Set(leases.map(\.hostInterface)).count == 50)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for lease in leases {
                    group.addTask {
                        try await fixture.network.detach(lease.id, namespacePath: lease.namespacePath)
                    }
                }
                try await group.waitForAll()
            }
            try await fixture.network.reconcile(live: [])
            #expect(try await fixture.traces().count == 2)
        }
    }

    @Test("closing with removal leaves no interface, namespace, table, process or file")
    func closing() async throws {
        try await NetworkFixture.with { fixture in
            _ = try await fixture.attach("web", name: "web", ports: [NetworkPort(containerPort: 80)])
            try await fixture.network.makeIsolated(namespacePath: fixture.path("alone"))
            #expect(try await fixture.traces().count == 5)

            try await fixture.network.close(removeAll: true)

            #expect(try await fixture.traces() == [])
            #expect(access(fixture.directory + "/run/network", F_OK) != 0)
        }
    }
}
