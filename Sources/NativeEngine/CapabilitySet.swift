internal import Core
internal import Engines
internal import LinuxKernel

/// The capabilities of processes in containers. Source: capabilities(7); the defaults are Docker's.
enum CapabilitySet {
    /// All names in the order of their numbers.
    static let names = [
        "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
        "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
        "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
        "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
        "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
        "CHECKPOINT_RESTORE",
    ].map { "CAP_" + $0 }

    static let defaults: Set<String> = Set(
        [
            "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE",
            "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP",
        ].map { "CAP_" + $0 })

    /// What this process may hand on: its bounding set.
    static func available() -> Set<String> {
        let status = SmallFile.text("/proc/self/status")
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapBnd:") }),
            let bits = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
        else { return [] }
        return Set(names.enumerated().filter { bits & 1 << UInt64($0.offset) != 0 }.map(\.element))
    }

    /// The default set without what is dropped, with what is added; only what the host itself has.
    static func resolve(_ security: SecurityOptions, available: Set<String>) throws -> Set<String> {
        var set = defaults
        let dropped = try security.droppedCapabilities.map(normalised)
        let added = try security.addedCapabilities.map(normalised)
        if dropped.contains("CAP_ALL") { set = [] }
        if added.contains("CAP_ALL") { set = available }
        set.formUnion(added.filter { $0 != "CAP_ALL" })
        set.subtract(dropped)
        let missing = Set(added).subtracting(["CAP_ALL"]).subtracting(available)
        guard missing.isEmpty else {
            throw EngineError(
                .hostLacks, "this host cannot grant \(missing.sorted().joined(separator: ", "))",
                hint: "do not ask for what `martlet doctor` lists as missing")
        }
        return set.intersection(available)
    }

    private static func normalised(_ name: String) throws -> String {
        let upper = name.uppercased()
        let full = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
        guard full == "CAP_ALL" || names.contains(full) else {
            throw EngineError(
                .invalidSpec, "capability `\(name)` is not known", hint: "names are those of capabilities(7)")
        }
        return full
    }
}
