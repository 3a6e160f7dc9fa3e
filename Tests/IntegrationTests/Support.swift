import Dispatch
import FoundationEssentials
import Glibc
import LinuxKernel
import Synchronization

/// A value behind a lock that can be captured.
final class Locked<Value: Sendable>: Sendable {
    private let value: Mutex<Value>
    init(_ value: Value) { self.value = Mutex(value) }
    func withLock<T: Sendable>(_ body: (inout Value) throws -> T) rethrows -> T {
        try value.withLock { value in
            var copy = value
            defer { value = copy }
            return try body(&copy)
        }
    }
}

/// Runs blocking work away from the concurrency pool.
func offPool<T: Sendable>(_ work: @escaping @Sendable () throws -> T) async throws -> T {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async { continuation.resume(with: Result { try work() }) }
    }
}

/// What the machine can do for these tests.
enum Machine {
    /// Whether containers can be run here.
    static let canRunContainers: Bool =
        geteuid() == 0 && Program.find("conmon") != nil && (Program.find("crun") ?? Program.find("runc")) != nil
    /// Whether images can be built here.
    static let canBuild: Bool =
        canRunContainers && Program.find("buildah") != nil && Program.find("gcc") != nil && access(busybox, X_OK) == 0
    /// Whether a registry can be run here.
    static let canServeImages: Bool =
        canBuild && Program.find("docker-registry") != nil && Program.find("skopeo") != nil
    /// A static busybox.
    static let busybox = "/bin/busybox"

    /// The small web server of `Fixtures/web.c`, built once.
    static let webServer: String = {
        let source = #filePath.replacing("Support.swift", with: "Fixtures/web.c")
        let target = "/tmp/mt-web-\(getpid())"
        let status = system("gcc -O1 -static -pthread -o \(target) \(source)")
        precondition(status == 0, "gcc cannot build \(source)")
        atexit { unlink("/tmp/mt-web-\(getpid())") }
        return target
    }()
}

/// The state of the machine that a test must leave as it found it.
struct MachineState: Equatable {
    var mounts: Set<String>
    var interfaces: Set<String>
    var processes: Set<String>
    var cgroups: Set<String>

    /// What belongs to the host at `root`, or to any host of these tests.
    static func of(root: String) throws -> MachineState {
        let mountinfo = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
        let mounts = mountinfo.split(separator: "\n").filter { $0.contains(root) }.map(String.init)
        let interfaces = try FileManager.default.contentsOfDirectory(atPath: "/sys/class/net")
        var processes: Set<String> = []
        for name in try FileManager.default.contentsOfDirectory(atPath: "/proc") where Int(name) != nil {
            // A process may end while it is looked at.
            guard let line = try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8) else { continue }
            if line.contains(root) { processes.insert(name + " " + line.replacing("\0", with: " ")) }
        }
        let groups = (try? FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup/pids")) ?? []
        return MachineState(
            mounts: Set(mounts), interfaces: Set(interfaces.filter { $0.hasPrefix("mt") }), processes: processes,
            cgroups: Set(groups.filter { $0.hasPrefix("martlet") }))
    }
}
