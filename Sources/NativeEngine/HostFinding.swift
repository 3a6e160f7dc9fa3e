internal import Networking

/// Something about the host that the engine needs or suffers from.
package struct HostFinding: Sendable, Hashable {
    /// How it stands.
    package enum Status: Sendable, Hashable {
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
}

extension NativeEngine {
    /// What the host has and lacks beyond programs: capabilities, networks, the packet filter, names. Nothing is changed.
    package static func examineHost() async -> [HostFinding] {
        [examineCapabilities()]
            + (await NetworkFinding.examineHost()).map { finding in
                let status: HostFinding.Status
                switch finding.status {
                case .ok: status = .ok
                case .warning: status = .warning
                case .missing: status = .missing
                }
                return HostFinding(name: finding.name, status: status, detail: finding.detail, hint: finding.hint)
            }
    }

    private static func examineCapabilities() -> HostFinding {
        let available = CapabilitySet.available()
        let needed = ["CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_MKNOD", "CAP_CHOWN"]
        let missing = needed.filter { !available.contains($0) }
        guard missing.isEmpty else {
            return HostFinding(
                name: "capabilities", status: .missing, detail: "without \(missing.joined(separator: ", "))",
                hint: "run as root, and outside of containers that drop capabilities")
        }
        return HostFinding(
            name: "capabilities", status: .ok, detail: "\(available.count) of the kernel's", hint: nil)
    }
}
