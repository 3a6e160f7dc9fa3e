internal import Glibc
internal import LinuxKernel

/// Something about the host that the network needs or suffers from.
package struct NetworkFinding: Sendable, Hashable {
    /// How it stands.
    package enum Status: String, Sendable, Hashable, CaseIterable {
        case ok
        /// It works with the restriction that `detail` names.
        case warning
        /// Nothing works without it.
        case missing
    }

    /// What was looked at.
    package let name: String
    /// How it stands.
    package let status: Status
    /// What was found.
    package let detail: String
    /// The way out, when there is one.
    package let hint: String?

    /// Looks at the host without changing it: interfaces are tried in a namespace that vanishes at once, packet filter rules
    /// are only checked by the kernel.
    package static func examineHost() async -> [NetworkFinding] {
        let workers = Workers(count: 1)
        var findings: [NetworkFinding] = []
        do {
            try await workers.run { try tryInterfaces() }
            findings.append(NetworkFinding(name: "network", status: .ok, detail: "bridge and veth", hint: nil))
        } catch {
            findings.append(
                NetworkFinding(
                    name: "network", status: .missing, detail: "\(error)",
                    hint: "run as root on a kernel with CONFIG_NET_NS, CONFIG_BRIDGE and CONFIG_VETH"))
        }
        findings += await examineFilter()
        findings.append(examineNames())
        return findings
    }

    private static func tryInterfaces() throws {
        let created = try NetworkNamespace.create()
        let other = try NetworkNamespace.create()
        try created.routes.run(.createBridge("b0", hardwareAddress: [2, 0, 0, 0, 0, 1]))
        let bridge = try created.routes.link(named: "b0")?.index ?? 0
        try created.routes.run(
            .createVeth(
                "v0", bridge: bridge, peerName: "eth0", peerHardwareAddress: [2, 0, 0, 0, 0, 2],
                peerNamespace: other.namespace.rawDescriptor))
    }

    private static func examineFilter() async -> [NetworkFinding] {
        do {
            let filter = try PacketFilter()
            let subnet = IPv4Subnet(containing: IPv4Address(rawValue: 10 << 24 | 88 << 16), prefixLength: 16)
            if let names = NetworkNames(instance: "00000000") {
                try await filter.check(PacketRules(names: names, subnet: subnet).whole([]))
            }
            let ok = NetworkFinding(name: "packet filter", status: .ok, detail: "nf_tables with maps", hint: nil)
            let chains = droppingChains(in: try await filter.apply("list chains\n"))
            return [ok]
                + chains.map { chain in
                    NetworkFinding(
                        name: "forwarding", status: .warning,
                        detail: "chain `\(chain)` drops forwarded packets: containers do not reach the outside",
                        hint:
                            "accept what enters or leaves by `mt-*` there, as in: iptables -I DOCKER-USER -i mt-+ -j ACCEPT"
                    )
                }
        } catch {
            return [
                NetworkFinding(
                    name: "packet filter", status: .missing, detail: "\(error)",
                    hint: "run as root on a kernel with CONFIG_NF_TABLES_INET, CONFIG_NFT_NAT and CONFIG_NFT_FIB_INET")
            ]
        }
    }

    /// The base chains that drop what is forwarded unless a rule accepts it, from the output of `list chains`.
    static func droppingChains(in listing: String) -> [String] {
        var found: [String] = []
        var table = ""
        var chain = ""
        for line in listing.split(separator: "\n") {
            let words = line.split { $0 == " " || $0 == "\t" || $0 == ";" }
            switch words.first {
            case "table": table = words.dropFirst().prefix { $0 != "{" }.joined(separator: " ")
            case "chain": chain = words.count > 1 ? String(words[1]) : ""
            case "type" where words.contains("forward") && words.suffix(2).elementsEqual(["policy", "drop"]):
                found.append("\(table) \(chain)")
            default: break
            }
        }
        return found
    }

    private static func examineNames() -> NetworkFinding {
        guard let program = NameService.programPaths.lazy.compactMap(Program.find).first else {
            return NetworkFinding(
                name: "names", status: .warning,
                detail: "\(NameService.programName) was not found: containers do not find each other by name",
                hint: "install the package \(NameService.programName)")
        }
        return NetworkFinding(name: "names", status: .ok, detail: program, hint: nil)
    }
}
