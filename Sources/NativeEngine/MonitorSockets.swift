internal import Glibc
internal import LinuxKernel

/// The sockets a monitor holds, to see when it has taken a connection: until then the connection waits in the kernel's
/// queue, and the monitor passes output on to those it has taken only.
///
/// Nothing else opens or closes sockets of a monitor whose container has been created and not started.
struct MonitorSockets: Sendable {
    private let monitor: ProcessHandle
    private let count: Int

    /// Counts them; to be called before connecting.
    init(_ monitor: ProcessHandle) {
        self.monitor = monitor
        self.count = Self.count(monitor)
    }

    /// Waits until there is one more. False when there is none after ten seconds, or the monitor has ended.
    func waitForAnother() async throws -> Bool {
        try await Blocking.run { [self] in
            // The kernel tells nobody that a connection is taken; a monitor that gets to run needs microseconds.
            for attempt in 0..<10_000 {
                if Self.count(monitor) > count { return true }
                if monitor.hasEnded { return false }
                usleep(attempt < 20 ? 100 : 1000)
            }
            return false
        }
    }

    private static func count(_ monitor: ProcessHandle) -> Int {
        let path = "/proc/\(monitor.processID)/fd"
        guard let directory = opendir(path) else { return 0 }
        defer { closedir(directory) }
        var count = 0
        var target = [CChar](repeating: 0, count: 8)
        while let entry = readdir(directory) {
            let isSocket = withUnsafePointer(to: &entry.pointee.d_name) { name in
                name.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    readlinkat(dirfd(directory), name, &target, 7) == 7
                        && target.starts(with: "socket:".utf8.map { CChar($0) })
                }
            }
            if isSocket { count += 1 }
        }
        return count
    }
}
