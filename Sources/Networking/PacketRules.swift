internal import Core
internal import LinuxKernel

/// The packet filter's table of an instance, as scripts for nftables; each script is one transaction.
///
/// Rules are few and fixed. What differs per container are elements of two maps, so a packet costs the same and a change
/// is as small with a thousand published ports as with one.
struct PacketRules: Sendable, Hashable {
    let names: NetworkNames
    let subnet: IPv4Subnet

    /// Ports published on one address of the host.
    static let addressMap = "published_at"
    /// Ports published on every address of the host.
    static let anyMap = "published_everywhere"

    /// Replaces the whole table; whatever was in it before is gone, in one step.
    func whole(_ leases: [NetworkLease]) -> String {
        let bridge = "\"\(names.bridge)\""
        let at = "dnat ip to ip daddr . meta l4proto . th dport map @\(Self.addressMap)"
        let everywhere = "fib daddr type local dnat ip to meta l4proto . th dport map @\(Self.anyMap)"
        return """
            \(removal)
            table inet \(names.table) {
                map \(Self.addressMap) {
                    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\(block(leases, any: false))
                }
                map \(Self.anyMap) {
                    type inet_proto . inet_service : ipv4_addr . inet_service\(block(leases, any: true))
                }
                chain guard {
                    type filter hook prerouting priority -300; policy accept;
                    iifname \(bridge) ip daddr 127.0.0.0/8 drop
                }
                chain publish_arriving {
                    type nat hook prerouting priority -110; policy accept;
                    ip daddr 127.0.0.0/8 return
                    \(at)
                    \(everywhere)
                }
                chain publish_local {
                    type nat hook output priority -110; policy accept;
                    \(at)
                    \(everywhere)
                }
                chain outward {
                    type nat hook postrouting priority 90; policy accept;
                    oifname \(bridge) ip saddr 127.0.0.0/8 masquerade
                    oifname \(bridge) ip saddr \(subnet) ct status dnat masquerade
                    oifname != \(bridge) ip saddr \(subnet) masquerade
                }
                chain forwarded {
                    type filter hook forward priority 0; policy accept;
                    iifname \(bridge) oifname \(bridge) accept
                    oifname \(bridge) ct state established,related accept
                    oifname \(bridge) ct status dnat accept
                    oifname \(bridge) drop
                }
            }

            """
    }

    /// Removes the table, whether or not it exists.
    var removal: String { "add table inet \(names.table)\ndelete table inet \(names.table)" }

    /// Publishes the ports of a lease; publishing them again changes nothing.
    func publishing(_ lease: NetworkLease) -> String { statements("add", lease) }

    /// Withdraws the ports of a lease, whether or not they are published.
    func withdrawing(_ lease: NetworkLease) -> String { statements("add", lease) + statements("delete", lease) }

    private func statements(_ verb: String, _ lease: NetworkLease) -> String {
        [false, true].map { any in
            let elements = Self.elements(of: lease, any: any)
            guard !elements.isEmpty else { return "" }
            let map = any ? Self.anyMap : Self.addressMap
            return "\(verb) element inet \(names.table) \(map) { \(elements.joined(separator: ", ")) }\n"
        }.joined()
    }

    private func block(_ leases: [NetworkLease], any: Bool) -> String {
        let elements = leases.flatMap { Self.elements(of: $0, any: any) }
        return elements.isEmpty ? "" : "\n            elements = { \(elements.joined(separator: ", ")) }"
    }

    private static func elements(of lease: NetworkLease, any: Bool) -> [String] {
        lease.ports.compactMap { port in
            // Every recorded address was parsed once; one that does not parse now was tampered with and is left out.
            guard let address = IPv4Address(port.hostAddress), (address == .any) == any else { return nil }
            let key = "\(port.transport.rawValue) . \(port.hostPort)"
            return "\(any ? key : "\(address) . \(key)") : \(lease.address) . \(port.containerPort)"
        }
    }
}
