internal import Core
internal import Engines
internal import LinuxKernel

/// Reads what a container uses from its control group and its network namespace.
enum ContainerUsage {
    static func read(
        _ group: ControlGroup, process: Int32, limit: ByteCount?, ownNetwork: Bool
    ) -> ContainerStats {
        var stats = ContainerStats(readAt: LogTime.now())
        switch group.mode {
        case .unified: readUnified(group, &stats)
        case .hybrid, .legacy: readSeparate(group, &stats)
        }
        stats.memoryLimit = limit
        if ownNetwork { readNetwork(process, &stats) }
        return stats
    }

    /// Whether the kernel ended a process of the group for lack of memory. Asked before the group is removed.
    static func ranOutOfMemory(_ group: ControlGroup) -> Bool {
        let file = group.mode == .unified ? "memory.events" : "memory.oom_control"
        return (group.number("memory", file, key: "oom_kill") ?? 0) > 0
    }

    private static func readUnified(_ group: ControlGroup, _ stats: inout ContainerStats) {
        stats.processorNanoseconds = (group.number("", "cpu.stat", key: "usage_usec") ?? 0) * 1000
        let current = group.number("", "memory.current") ?? 0
        stats.memory = ByteCount(max(0, current - (group.number("", "memory.stat", key: "inactive_file") ?? 0)))
        stats.processes = Int(group.number("", "pids.current") ?? Int64(group.processes().count))
        for line in group.text("", "io.stat").split(separator: "\n") {
            for word in line.split(separator: " ").dropFirst() {
                let parts = word.split(separator: "=")
                guard parts.count == 2, let value = Int64(parts[1]) else { continue }
                if parts[0] == "rbytes" { stats.blockRead = ByteCount(stats.blockRead.rawValue + value) }
                if parts[0] == "wbytes" { stats.blockWritten = ByteCount(stats.blockWritten.rawValue + value) }
            }
        }
    }

    private static func readSeparate(_ group: ControlGroup, _ stats: inout ContainerStats) {
        stats.processorNanoseconds = group.number("cpuacct", "cpuacct.usage") ?? 0
        let current = group.number("memory", "memory.usage_in_bytes") ?? 0
        let cache = group.number("memory", "memory.stat", key: "total_inactive_file") ?? 0
        stats.memory = ByteCount(max(0, current - cache))
        stats.processes = Int(group.number("pids", "pids.current") ?? 0)
        for line in group.text("blkio", "blkio.throttle.io_service_bytes_recursive").split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 3, let value = Int64(words[2]) else { continue }
            if words[1] == "Read" { stats.blockRead = ByteCount(stats.blockRead.rawValue + value) }
            if words[1] == "Write" { stats.blockWritten = ByteCount(stats.blockWritten.rawValue + value) }
        }
    }

    private static func readNetwork(_ process: Int32, _ stats: inout ContainerStats) {
        for line in SmallFile.text("/proc/\(process)/net/dev").split(separator: "\n") {
            let halves = line.split(separator: ":")
            guard halves.count == 2, halves[0].drop(while: { $0 == " " }) == "eth0" else { continue }
            let numbers = halves[1].split(separator: " ").map { Int64($0) ?? 0 }
            guard numbers.count > 8 else { continue }
            stats.received = ByteCount(numbers[0])
            stats.sent = ByteCount(numbers[8])
        }
    }
}
