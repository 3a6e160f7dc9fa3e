import Core
import Glibc
import LinuxKernel
import Testing

@testable import Networking

@Suite("packet filter")
struct PacketRulesTests {
    private func rules() throws -> PacketRules {
        PacketRules(
            names: try #require(NetworkNames(instance: "0badcafe")), subnet: try #require(IPv4Subnet("10.88.0.0/16")))
    }

    private func lease(_ ports: [NetworkPort]) throws -> NetworkLease {
        NetworkLease(
            id: "web", name: nil, aliases: [], address: try #require(IPv4Address("10.88.0.2")),
            gateway: try #require(IPv4Address("10.88.0.1")), prefixLength: 16, hostInterface: "v0badcafeabcdef",
            namespacePath: "/x", ports: ports)
    }

    @Test("ports become elements of the map their host address asks for")
    func publishing() throws {
        let lease = try lease([
            NetworkPort(hostPort: 8080, containerPort: 80),
            NetworkPort(hostAddress: "0.0.0.0", hostPort: 53, containerPort: 5353, transport: .udp),
        ])

        #expect(
            try rules().publishing(lease) == """
                add element inet martlet_0badcafe published_at { 127.0.0.1 . tcp . 8080 : 10.88.0.2 . 80 }
                add element inet martlet_0badcafe published_everywhere { udp . 53 : 10.88.0.2 . 5353 }

                """)
        #expect(try rules().withdrawing(lease).split(separator: "\n").count == 4)
        #expect(try rules().publishing(self.lease([])) == "")
    }

    @Test("the table replaces an older one and holds the elements of every lease")
    func whole() throws {
        let script = try rules().whole([try lease([NetworkPort(hostPort: 8080, containerPort: 80)])])

        #expect(script.hasPrefix("add table inet martlet_0badcafe\ndelete table inet martlet_0badcafe\n"))
        #expect(script.contains("elements = { 127.0.0.1 . tcp . 8080 : 10.88.0.2 . 80 }"))
        #expect(script.contains("oifname != \"mt-0badcafe\" ip saddr 10.88.0.0/16 masquerade"))
    }

    @Test("a refused script says why", .enabled(if: geteuid() == 0, "needs root"))
    func refused() async throws {
        let filter = try PacketFilter()

        let error = await #expect(throws: NetworkError.self) {
            try await filter.apply("delete table inet martlet_absent\n")
        }
        #expect(error?.code == .ruleset)
        #expect(error?.message.contains("No such file or directory") == true)
    }
}
