import Core
import FoundationEssentials
import Glibc
import LinuxKernel
import Testing

@testable import Networking

@Suite(.enabled(if: NetworkFixture.isAvailable, "needs root and network namespaces"), .timeLimit(.minutes(2)))
struct NetworkRecoveryTests {
    /// How far an attach had come when the process was killed.
    enum Instant: CaseIterable {
        case recorded, cableWithoutPin, pinWithoutCable, attached, detachedFromFilter
    }

    @Test("an attach that was cut short is completed by the next, or collected", arguments: Instant.allCases)
    func cutShort(at instant: Instant) async throws {
        try await NetworkFixture.with { fixture in
            let lease = try await fixture.attach("web", ports: [NetworkPort(containerPort: 80)])
            try await fixture.network.close(removeAll: false)
            try await undo(lease, to: instant, fixture)

            let successor = try fixture.restarted()
            try await successor.open()
            #expect(await successor.leases() == [lease])
            let again = try await successor.attach(
                "web", name: nil, aliases: [], namespacePath: fixture.path("web"), ports: lease.ports)
            #expect(again == lease)
            let server = try WhoAmIServer(in: fixture.path("web"), port: 80)
            let port = try #require(lease.ports.first?.hostPort)
            #expect(try await Endpoints.ask(from: nil, .loopback, port) == "\(lease.gateway)")
            server.stop()

            try await successor.close(removeAll: false)
            try await undo(lease, to: instant, fixture)
            let collector = try fixture.restarted()
            try await collector.open()
            try await collector.reconcile(live: [])
            #expect(try await fixture.traces().count == 2, "the bridge and the table")
            #expect(await collector.leases().isEmpty)
            try await collector.close(removeAll: false)
        }
    }

    private func undo(_ lease: NetworkLease, to instant: Instant, _ fixture: NetworkFixture) async throws {
        switch instant {
        case .attached: break
        case .pinWithoutCable: try RouteSocket().run(.deleteLink(lease.hostInterface))
        case .cableWithoutPin: try NetworkNamespace.unpin(lease.namespacePath)
        case .recorded:
            try RouteSocket().run(.deleteLink(lease.hostInterface))
            try NetworkNamespace.unpin(lease.namespacePath)
        case .detachedFromFilter:
            let names = try #require(NetworkNames(instance: fixture.instance))
            let rules = PacketRules(
                names: names, subnet: IPv4Subnet(containing: lease.address, prefixLength: lease.prefixLength))
            try await PacketFilter().apply(rules.withdrawing(lease))
        }
    }

    @Test("running containers keep their network across a restart")
    func restart() async throws {
        try await NetworkFixture.with { fixture in
            let kept = try await fixture.attach("kept", ports: [NetworkPort(containerPort: 80)])
            _ = try await fixture.attach("gone")
            let port = try #require(kept.ports.first?.hostPort)
            let server = try WhoAmIServer(in: fixture.path("kept"), port: 80)
            defer { server.stop() }
            try await fixture.network.close(removeAll: false)
            #expect(try await Endpoints.ask(from: nil, .loopback, port) == "\(kept.gateway)")

            let successor = try fixture.restarted()
            try await successor.open()
            try await successor.reconcile(live: ["kept"])

            #expect(await successor.leases() == [kept])
            #expect(try await Endpoints.ask(from: nil, .loopback, port) == "\(kept.gateway)")
            try await successor.close(removeAll: false)
        }
    }

    @Test("a table that somebody deleted is restored with its ports, and a detach does without it")
    func deletedTable() async throws {
        try await NetworkFixture.with { fixture in
            let lease = try await fixture.attach("web", ports: [NetworkPort(containerPort: 80)])
            let port = try #require(lease.ports.first?.hostPort)
            let server = try WhoAmIServer(in: fixture.path("web"), port: 80)
            defer { server.stop() }

            let deletion = "delete table inet martlet_\(fixture.instance)\n"
            try await PacketFilter().apply(deletion)

            try await fixture.network.reconcile(live: ["web"])
            #expect(try await Endpoints.ask(from: nil, .loopback, port) == "\(lease.gateway)")
            try await PacketFilter().apply(deletion)
            try await fixture.network.detach("web", namespacePath: fixture.path("web"))
            #expect(await fixture.network.leases().isEmpty)
        }
    }

    @Test("cables and namespaces that nobody recorded are collected, live ones are not")
    func unrecorded() async throws {
        try await NetworkFixture.with { fixture in
            try await fixture.network.makeIsolated(namespacePath: fixture.path("alive"))
            try await fixture.network.makeIsolated(namespacePath: fixture.path("dead"))
            try await fixture.network.close(removeAll: false)
            let names = try #require(NetworkNames(instance: fixture.instance))
            let routes = try RouteSocket()
            let bridge = try #require(try routes.link(named: names.bridge))
            let inside = try NetworkNamespace(pinnedAt: fixture.path("dead"))
            try routes.run(
                .createVeth(
                    names.cable(for: "dead"), bridge: bridge.index, peerName: "eth0",
                    peerHardwareAddress: [2, 0, 0, 0, 0, 1], peerNamespace: inside.rawDescriptor))

            let successor = try fixture.restarted()
            try await successor.open()
            try await successor.reconcile(live: ["alive"])

            #expect(try routes.link(named: names.cable(for: "dead")) == nil)
            #expect(try NetworkNamespace.pins(below: fixture.directory) == [fixture.path("alive")])
            try await successor.close(removeAll: false)
        }
    }

    @Test("a lease that cannot be read is set aside, and the container's cable is kept while it lives")
    func unreadable() async throws {
        try await NetworkFixture.with { fixture in
            let lease = try await fixture.attach("web")
            try await fixture.network.close(removeAll: false)
            let file = fixture.directory + "/run/network/leases/web.json"
            try Data("{".utf8).write(to: URL(fileURLWithPath: file))

            let successor = try fixture.restarted()
            try await successor.open()
            try await successor.reconcile(live: ["web"])

            #expect(await successor.leases().isEmpty)
            #expect(access(file + ".unreadable", F_OK) == 0)
            #expect(try RouteSocket().link(named: lease.hostInterface) != nil)
            try await successor.close(removeAll: false)
        }
    }

    @Test("the subnet stays the same, also without its record while the bridge is there")
    func subnet() async throws {
        try await NetworkFixture.with { fixture in
            let before = await fixture.network.nameServer
            try await fixture.network.close(removeAll: false)
            #expect(unlink(fixture.directory + "/state/network/subnet.json") == 0)

            let successor = try fixture.restarted()
            try await successor.open()

            #expect(await successor.nameServer == before)
            #expect(access(fixture.directory + "/state/network/subnet.json", F_OK) == 0)
            try await successor.close(removeAll: false)
        }
    }
}
