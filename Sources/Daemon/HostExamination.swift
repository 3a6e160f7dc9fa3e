package import Core
internal import Glibc
internal import LinuxKernel
internal import NativeEngine
package import Wire

/// Examines the host.
package enum HostExamination {
    /// What the host has and lacks for the instance of a layout; nothing is changed.
    package static func report(_ layout: InstanceLayout) async -> DoctorReport {
        var findings = [rights(), controlGroups(), overlay()]
        findings.append(runtime())
        findings += programs()
        findings.append(forwarding())
        findings += await NativeEngine.examineHost().map(DoctorFinding.init)
        findings.append(socketPath(layout))
        return DoctorReport(findings: findings)
    }

    private static func rights() -> DoctorFinding {
        geteuid() == 0
            ? DoctorFinding(name: "rights", status: .ok, detail: "root", hint: nil)
            : DoctorFinding(
                name: "rights", status: .missing, detail: "user \(geteuid())", hint: "containers need root: use sudo")
    }

    private static func controlGroups() -> DoctorFinding {
        let name = "control groups"
        if exists("/sys/fs/cgroup/cgroup.controllers") {
            return DoctorFinding(name: name, status: .ok, detail: "version 2", hint: nil)
        }
        let version1 = ["memory", "cpu", "pids", "freezer"].filter { exists("/sys/fs/cgroup/\($0)") }
        if version1.count == 4 { return DoctorFinding(name: name, status: .ok, detail: "version 1", hint: nil) }
        return DoctorFinding(
            name: name, status: version1.isEmpty ? .missing : .warning,
            detail: version1.isEmpty ? "none mounted" : "version 1 with \(version1.joined(separator: ", ")) only",
            hint: "mount them, for example with the package cgroupfs-mount")
    }

    private static func overlay() -> DoctorFinding {
        // A kernel without the list has no overlay either.
        let known = (try? readText("/proc/filesystems"))?.contains("\toverlay\n") ?? false
        return known
            ? DoctorFinding(name: "overlay file system", status: .ok, detail: "in the kernel", hint: nil)
            : DoctorFinding(
                name: "overlay file system", status: .warning, detail: "not loaded", hint: "modprobe overlay")
    }

    private static func runtime() -> DoctorFinding {
        guard let path = Program.find("crun") ?? Program.find("runc") else {
            return DoctorFinding(
                name: "OCI runtime", status: .missing, detail: "neither crun nor runc", hint: "apt-get install crun")
        }
        return DoctorFinding(name: "OCI runtime", status: .ok, detail: path, hint: nil)
    }

    private static func programs() -> [DoctorFinding] {
        let wanted: [(name: String, purpose: String, isNeeded: Bool)] = [
            ("conmon", "watches containers", true), ("skopeo", "fetches images", false),
            ("buildah", "builds images", false),
        ]
        return wanted.map { program in
            let path = Program.find(program.name) ?? Program.find("/usr/lib/podman/\(program.name)")
            return DoctorFinding(
                name: program.name, status: path != nil ? .ok : program.isNeeded ? .missing : .warning,
                detail: path ?? "not found; it \(program.purpose)",
                hint: path == nil ? "apt-get install \(program.name)" : nil)
        }
    }

    private static func forwarding() -> DoctorFinding {
        // A host without the file has no IPv4.
        let value = (try? readText("/proc/sys/net/ipv4/ip_forward"))?.prefix(1)
        return value == "1"
            ? DoctorFinding(name: "IPv4 forwarding", status: .ok, detail: "on", hint: nil)
            : DoctorFinding(
                name: "IPv4 forwarding", status: .warning, detail: "off",
                hint: "the daemon switches it on; a firewall may have to allow it")
    }

    private static func socketPath(_ layout: InstanceLayout) -> DoctorFinding {
        let length = layout.apiSocket.utf8.count
        return length <= 107
            ? DoctorFinding(name: "socket path", status: .ok, detail: layout.apiSocket, hint: nil)
            : DoctorFinding(
                name: "socket path", status: .missing, detail: "\(length) bytes, more than the 107 a socket may have",
                hint: "choose a shorter --root, or set api.socket")
    }

    private static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    private static func readText(_ path: String) throws -> String {
        let descriptor = OwnedDescriptor(adopting: open(path, O_RDONLY | O_CLOEXEC))
        guard descriptor.rawValue >= 0 else { throw DaemonError.fileSystem("open", path, errno) }
        var bytes = [UInt8](repeating: 0, count: 16384)
        let count = read(descriptor.rawValue, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

extension DoctorFinding {
    /// A finding of the engine.
    fileprivate init(_ finding: HostFinding) {
        let status: FindingChoice
        switch finding.status {
        case .ok: status = .ok
        case .warning: status = .warning
        case .missing: status = .missing
        }
        self.init(name: finding.name, status: status, detail: finding.detail, hint: finding.hint)
    }
}
