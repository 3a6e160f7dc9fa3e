internal import Core
internal import Engines
internal import LinuxKernel
internal import OCI

/// Makes the `config.json` of a container.
struct BundleConfiguration {
    let id: ContainerID
    let spec: ContainerSpec
    let image: ImageRunConfiguration
    let paths: ContainerPaths
    let host: HostProfile
    /// Values of secrets that the specification only names.
    let withheld: [String: String]
    let filters: FilterCache

    /// The configuration; needs the root file system in place, for users and directories.
    func make(root: DirectoryHandle) throws -> RuntimeSpec {
        let account = try AccountFiles(root: root).account(spec.user ?? image.user)
        var process = RuntimeProcess(args: try spec.processArguments(image))
        process.terminal = spec.terminal
        process.user = account.user
        process.cwd = workingDirectory
        process.env = try environment(home: account.home)
        let capabilities = try CapabilitySet.resolve(spec.security, available: host.capabilities)
        process.capabilities = capabilitySets(capabilities, isRoot: account.user.uid == 0)
        process.noNewPrivileges = spec.security.noNewPrivileges
        try makeWorkingDirectory(root, account.user)

        var result = RuntimeSpec(
            process: process, root: RuntimeRoot(path: paths.root, readonly: spec.security.readOnlyRoot))
        result.hostname = hostname
        result.mounts = mounts
        result.annotations = annotations(capabilities)
        result.linux = linux(capabilities)
        return result
    }

    /// The host name inside: at most 64 characters.
    var hostname: String { spec.hostname ?? String((spec.name?.rawValue ?? id.rawValue).prefix(63)) }

    private var workingDirectory: String {
        if let directory = spec.workingDirectory { return directory }
        if image.workingDirectory.isEmpty { return "/" }
        return image.workingDirectory.hasPrefix("/") ? image.workingDirectory : "/" + image.workingDirectory
    }

    /// As Docker does, a working directory that the image lacks is made, and belongs to the user.
    private func makeWorkingDirectory(_ root: DirectoryHandle, _ user: RuntimeUser) throws {
        let path = String(workingDirectory.drop { $0 == "/" })
        guard !path.isEmpty, !spec.security.readOnlyRoot, try root.status(path) == nil else { return }
        if spec.mounts.contains(where: { workingDirectory == $0.target || workingDirectory.hasPrefix($0.target + "/") })
        {
            return
        }
        try root.makeDirectories(path)
        try root.setOwner(path, user: user.uid, group: user.gid)
    }

    /// The image's variables, then those of the specification; `PATH`, `HOME`, `HOSTNAME` and `TERM` have defaults.
    func environment(home: String?) throws -> [String] {
        var values = [
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": home ?? "/",
            "HOSTNAME": hostname,
        ]
        if spec.terminal { values["TERM"] = "xterm" }
        for entry in image.environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            values[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        for (name, value) in spec.environment {
            guard let text = value.exposed ?? withheld[name] else {
                throw EngineError(
                    .invalidSpec, "the value of secret `\(name)` of container `\(id)` is not known any more",
                    hint: "delete and create the container again")
            }
            values[name] = text
        }
        return values.map { "\($0.key)=\($0.value)" }.sorted()
    }

    /// The labels, without those that would steer the runtime.
    private func annotations(_ capabilities: Set<String>) -> [String: String]? {
        var annotations = spec.labels.filter { !$0.key.hasPrefix("run.oci.") && !$0.key.hasPrefix("org.systemd.") }
        annotations[FilterCache.annotation] = filters.filter(capabilities)
        return annotations.isEmpty ? nil : annotations
    }

    private func capabilitySets(_ capabilities: Set<String>, isRoot: Bool) -> RuntimeCapabilities {
        let all = capabilities.sorted()
        if isRoot { return RuntimeCapabilities(bounding: all, effective: all, permitted: all) }
        // Another user holds only what was asked for by name; the bounding set is for set-user-ID programs.
        let named = Set(spec.security.addedCapabilities.map { $0.uppercased() })
        let held = all.filter { named.contains($0) || named.contains(String($0.dropFirst(4))) }
        return RuntimeCapabilities(
            bounding: all, effective: held, inheritable: held, permitted: held, ambient: held)
    }

    private var mounts: [RuntimeMount] {
        let quiet = ["nosuid", "noexec", "nodev"]
        var mounts = [
            RuntimeMount(destination: "/proc", type: "proc", source: "proc", options: quiet),
            RuntimeMount(
                destination: "/dev", type: "tmpfs", source: "tmpfs",
                options: ["nosuid", "strictatime", "mode=755", "size=65536k"]),
            RuntimeMount(
                destination: "/dev/pts", type: "devpts", source: "devpts",
                options: ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
            RuntimeMount(destination: "/sys", type: "sysfs", source: "sysfs", options: quiet + ["ro"]),
            RuntimeMount(
                destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: quiet + ["relatime", "ro"]),
            RuntimeMount(destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: quiet),
            RuntimeMount(
                destination: "/dev/shm", type: "tmpfs", source: "shm", options: quiet + ["mode=1777", "size=65536k"]),
        ]
        for (target, source) in [
            ("/etc/resolv.conf", paths.resolver), ("/etc/hostname", paths.hostname), ("/etc/hosts", paths.hosts),
        ] where !spec.mounts.contains(where: { $0.target == target }) {
            mounts.append(
                RuntimeMount(destination: target, type: "bind", source: source, options: ["bind", "rprivate", "rw"]))
        }
        mounts += spec.mounts.map { mount in
            RuntimeMount(
                destination: mount.target, type: "bind", source: mount.source,
                options: ["rbind", "rprivate", mount.readOnly ? "ro" : "rw"])
        }
        return mounts
    }

    private func linux(_ capabilities: Set<String>) -> RuntimeLinux {
        var linux = RuntimeLinux()
        linux.namespaces = [.pid, .mount, .ipc, .uts, .cgroup].map { RuntimeNamespace($0) }
        switch spec.network {
        case .bridge, .none:
            linux.namespaces?.append(RuntimeNamespace(.network, path: paths.networkNamespace))
            linux.sysctl = ["net.ipv4.ip_unprivileged_port_start": "0"]
        case .host: break
        }
        linux.cgroupsPath = paths.controlGroup
        linux.resources = resources
        linux.seccomp = SeccompProfile.make(capabilities: capabilities)
        linux.maskedPaths = [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
            "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
        ]
        linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
        return linux
    }

    private var resources: RuntimeResources {
        var resources = RuntimeResources()
        // Without this list runtimes differ: one allows every device. Numbers: Linux's devices.txt.
        resources.devices = [
            RuntimeDeviceRule(allow: false, access: "rwm"),
            RuntimeDeviceRule(allow: true, type: "c", access: "m"),
            RuntimeDeviceRule(allow: true, type: "b", access: "m"),
        ]
        let nodes: [(Int64, Int64?)] = [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, nil)]
        resources.devices? += nodes.map {
            RuntimeDeviceRule(allow: true, type: "c", major: $0.0, minor: $0.1, access: "rwm")
        }
        if let memory = spec.limits.memory {
            resources.memory = RuntimeMemory(limit: memory.rawValue)
            if host.limitsSwap { resources.memory?.swap = memory.rawValue }
        }
        if let cpus = spec.limits.milliCPUs {
            resources.cpu = RuntimeCPU(quota: Int64(cpus) * 100, period: 100_000)
        }
        if let processes = spec.limits.processes, host.controllers.contains("pids") {
            resources.pids = RuntimePIDs(limit: Int64(processes))
        }
        return resources
    }
}
