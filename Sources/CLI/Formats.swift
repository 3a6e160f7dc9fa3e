internal import Core
internal import Wire

/// How values look in tables.
enum Formats {
    /// Milliseconds since 1970, now.
    static var now: Int64 { SystemTimeSource().milliseconds }

    /// `12 s`, `4 min`, `3 h`, `9 d`.
    static func duration(milliseconds: Int64) -> String {
        let seconds = max(0, milliseconds) / 1000
        switch seconds {
        case ..<120: return "\(seconds) s"
        case ..<7200: return "\(seconds / 60) min"
        case ..<172_800: return "\(seconds / 3600) h"
        default: return "\(seconds / 86_400) d"
        }
    }

    /// `4 min ago`.
    static func age(_ time: Int64?, now: Int64 = now) -> String {
        time.map { "\(duration(milliseconds: now - $0)) ago" } ?? "-"
    }

    /// `127.0.0.1:8080->80/tcp`.
    static func port(_ port: PortSettings) -> String {
        let host = port.hostAddress ?? "127.0.0.1"
        let shown = host.contains(":") ? "[\(host)]" : host
        return "\(shown):\(port.hostPort ?? 0)->\(port.containerPort)/\((port.transport ?? .tcp).rawValue)"
    }

    /// The phase with what explains it: `exited (1)`, `running (4 min)`.
    static func phase(_ container: ContainerSummary, now: Int64 = now) -> String {
        let name = container.phase.rawValue
        switch container.phase {
        case .exited, .restarting, .failed:
            guard let exit = container.exit else { return name }
            if exit.outOfMemory { return "\(name) (out of memory)" }
            return exit.code.map { "\(name) (\($0))" } ?? name
        case .running, .unhealthy, .paused, .starting, .stopping:
            guard let started = container.startedAt else { return name }
            return "\(name) (\(duration(milliseconds: now - started)))"
        case .created, .deleted: return name
        }
    }

    /// How long a piece of work took: `35 ms`, `1.2 s`, `4 min`.
    static func elapsed(milliseconds: Int64) -> String {
        let elapsed = max(0, milliseconds)
        switch elapsed {
        case ..<1000: return "\(elapsed) ms"
        case ..<10_000: return "\(elapsed / 1000).\(elapsed % 1000 / 100) s"
        default: return duration(milliseconds: elapsed)
        }
    }

    /// The first 12 digits of an identifier or digest. An identifier that is a name, as those of an app's containers, is
    /// not cut: its first letters say nothing.
    static func short(_ id: String) -> String {
        let digits = id.hasPrefix("sha256:") ? id.dropFirst(7) : id[...]
        return digits.allSatisfy(\.isHexDigit) ? String(digits.prefix(12)) : id
    }

    /// The shortest name people write for an image.
    static func familiar(_ reference: String) -> String {
        for prefix in ["docker.io/library/", "docker.io/", "localhost/"] where reference.hasPrefix(prefix) {
            return String(reference.dropFirst(prefix.count))
        }
        return reference
    }

    static func bytes(_ count: Int64) -> String { ByteCount(count).description }
}
