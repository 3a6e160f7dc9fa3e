internal import Core
internal import FoundationEssentials
internal import Glibc

/// The lines of earlier prompts, in a file that only its user can read.
///
/// A history that cannot be read or written is no reason to refuse a prompt: it is then kept in memory only.
struct PromptHistory {
    /// Lines that are kept.
    static let limit = 1000

    private(set) var lines: [String] = []
    private let path: String?

    /// `$XDG_DATA_HOME/martlet/starlark_history`, by default beneath `~/.local/share`; nil without a home.
    static func defaultPath(_ environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        if let data = environment["XDG_DATA_HOME"], data.hasPrefix("/") { return data + "/martlet/starlark_history" }
        guard let home = environment["HOME"], home.hasPrefix("/") else { return nil }
        return home + "/.local/share/martlet/starlark_history"
    }

    /// Reads the file, if there is one; shortens it when it has grown to twice the limit.
    init(path: String?) {
        self.path = path
        guard let path, let bytes = FileManager.default.contents(atPath: path) else { return }
        let all = String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        lines = all.suffix(Self.limit)
        if all.count >= 2 * Self.limit {
            try? StarlarkFormat.replace(path, with: Array((lines.joined(separator: "\n") + "\n").utf8))  // see above
        }
    }

    /// Adds a line, unless it is blank or repeats the last one.
    mutating func add(_ line: String) {
        guard !line.allSatisfy(\.isWhitespace), line != lines.last else { return }
        lines.append(line)
        if lines.count > Self.limit { lines.removeFirst() }
        guard let path else { return }
        let directory = String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)])
        // See above.
        try? FileManager.default.createDirectory(
            atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return }
        Console.write(Array((line + "\n").utf8), to: descriptor)
        close(descriptor)
    }
}
