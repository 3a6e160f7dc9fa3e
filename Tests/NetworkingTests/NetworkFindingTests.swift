import Testing

@testable import Networking

@Suite("network findings")
struct NetworkFindingTests {
    @Test("chains that drop forwarded packets are named, others are not")
    func dropping() {
        let listing = """
            table inet martlet_0badcafe {
            \tchain forwarded {
            \t\ttype filter hook forward priority filter; policy accept;
            \t}
            }
            table ip filter {
            \tchain INPUT {
            \t\ttype filter hook input priority filter; policy drop;
            \t}
            \tchain FORWARD {
            \t\ttype filter hook forward priority filter; policy drop;
            \t}
            \tchain DOCKER {
            \t}
            }
            """

        #expect(NetworkFinding.droppingChains(in: listing) == ["ip filter FORWARD"])
    }

    @Test(
        "where networks can be made, nothing is missing",
        .enabled(if: NetworkFixture.isAvailable, "needs root and network namespaces"))
    func host() async throws {
        let findings = await NetworkFinding.examineHost()

        #expect(findings.filter { $0.status == .missing } == [])
        #expect(Set(findings.map(\.name)).isSuperset(of: ["network", "packet filter", "names"]))
        #expect(try await PacketFilter().apply("list tables\n").contains("martlet_00000000") == false)
    }
}
