internal import Core
internal import Glibc
internal import LinuxKernel

/// What the kernel of this host offers; read once.
struct HostProfile: Sendable {
    let controlGroups: ControlGroupMode
    let controllers: Set<String>
    let capabilities: Set<String>
    /// Whether swap can be limited.
    let limitsSwap: Bool

    static func read() -> HostProfile {
        let mode = ControlGroupMode.detect()
        return HostProfile(
            controlGroups: mode, controllers: Set(ControlGroup.controllers(mode)),
            capabilities: CapabilitySet.available(),
            limitsSwap: mode != .unified && Files.exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"))
    }
}
