package import ArgumentParser
package import Client
internal import Core
internal import FoundationEssentials
internal import Wire

/// Which daemon a command talks to.
package struct ConnectionOptions: ParsableArguments {
    /// The instance's directory.
    @Option(help: ArgumentHelp("Directory of the instance (environment MARTLET_ROOT).", valueName: "dir"))
    package var root: String?
    /// The API's Unix socket.
    @Option(help: ArgumentHelp("The daemon's Unix socket (environment MARTLET_SOCKET).", valueName: "path"))
    package var socket: String?
    /// The API's TCP address.
    @Option(help: ArgumentHelp("The daemon's TCP address (environment MARTLET_HOST).", valueName: "host:port"))
    package var host: String?
    /// A file with the token for the TCP address.
    @Option(help: .tokenFile)
    package var tokenFile: String?

    /// Everything from the environment or the defaults.
    package init() {}

    /// Where the daemon listens: options win over the environment, and `--socket`, `--host` over `--root`.
    package func address(environment: [String: String] = ProcessInfo.processInfo.environment) throws -> DaemonAddress {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let socket { return .unixSocket(path: Paths.absolute(socket)) }
        if let host { return try DaemonAddress(parsing: host, token: try token(value("MARTLET_TOKEN"))) }
        if let root { return .unixSocket(path: InstanceLayout(root: Paths.absolute(root)).apiSocket) }
        if let socket = value("MARTLET_SOCKET") { return .unixSocket(path: Paths.absolute(socket)) }
        if let host = value("MARTLET_HOST") {
            return try DaemonAddress(parsing: host, token: try token(value("MARTLET_TOKEN")))
        }
        return .unixSocket(path: InstanceLayout(root: value("MARTLET_ROOT").map(Paths.absolute)).apiSocket)
    }

    /// The instance's directory from the option or the environment.
    package func instanceRoot(environment: [String: String] = ProcessInfo.processInfo.environment) -> String? {
        (root ?? environment["MARTLET_ROOT"].flatMap { $0.isEmpty ? nil : $0 }).map(Paths.absolute)
    }

    private func token(_ fromEnvironment: String?) throws -> String? {
        guard let tokenFile else { return fromEnvironment }
        guard let bytes = FileManager.default.contents(atPath: tokenFile) else {
            throw UsageError("token file `\(tokenFile)` cannot be read")
        }
        return String(decoding: bytes, as: UTF8.self).trimmingWhitespace()
    }

    /// Runs `body` with a client that is closed afterwards.
    package func withClient<Result>(_ body: (DaemonClient) async throws -> Result) async throws -> Result {
        try await DaemonClient.with(try address(), body)
    }
}

extension ArgumentHelp {
    fileprivate static let tokenFile = ArgumentHelp(
        "File with the token for --host (environment MARTLET_TOKEN holds the token).", valueName: "file")
}

/// How the answer is written.
package struct OutputOptions: ParsableArguments {
    /// Whether the answer is JSON.
    @Flag(help: "Print the answer as JSON.") package var json = false

    /// A table or text.
    package init() {}

    /// Prints the JSON of `value` if asked for, else what `text` gives.
    func print(_ value: some Encodable, _ text: () -> [String]) throws {
        for line in json ? [try WireJSON.encodePretty(value)] : text() { Console.print(line) }
    }
}

/// How a list is written.
struct ListOptions: ParsableArguments {
    @Flag(help: "Print the answer as JSON.") var json = false
    @Flag(name: .shortAndLong, help: "Print identifiers only.") var quiet = false

    /// Prints a list as JSON, as identifiers, or as a table.
    func print<Element: Encodable>(_ items: [Element], id: (Element) -> String, table: () -> Table) throws {
        if json {
            Console.print(try WireJSON.encodePretty(items))
        } else if quiet {
            for item in items { Console.print(id(item)) }
        } else {
            for line in table().lines { Console.print(line) }
        }
    }
}

/// What part of a log is printed.
struct LogSelection: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Go on until the container ends.") var follow = false
    @Option(name: [.customShort("n"), .long], help: ArgumentHelp("Only the last lines.", valueName: "lines")) var tail:
        Int?
    @Option(help: ArgumentHelp("Only lines of the last time span, such as 90s, 15m, 2h, 1d.", valueName: "span"))
    var since: String?
    @Flag(name: .shortAndLong, help: "Print the time of each line.") var timestamps = false

    func sinceMilliseconds(now: Int64 = Formats.now) throws -> Int64? {
        try since.map { now - (try TimeSpan.milliseconds($0)) }
    }

    func print(_ lines: some AsyncSequence<LogLine, any Error>, json: Bool) async throws {
        for try await line in lines {
            if json {
                Console.write(try WireJSON.encode(line) + [10], to: 1)
            } else {
                let text = timestamps ? "\(line.time) \(line.text)" : line.text
                Console.write(Array((text + "\n").utf8), to: line.stream == .stderr ? 2 : 1)
            }
        }
    }
}

/// Spans such as `90s`, `15m`, `2h`, `1d`.
enum TimeSpan {
    static func milliseconds(_ text: String) throws -> Int64 {
        let units: [Character: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        guard let last = text.last, let unit = units[last], let count = Int64(text.dropLast()), count >= 0,
            count < 1_000_000
        else { throw UsageError("time span `\(text)` is not valid: a number and one of s, m, h, d") }
        return count * unit
    }
}

/// Paths as the daemon needs them.
package enum Paths {
    /// The path, absolute, without `.`, `..` and trailing slash; `~/` is the home directory.
    package static func absolute(_ path: String) -> String {
        var text = path
        if text == "~" || text.hasPrefix("~/"), let home = ProcessInfo.processInfo.environment["HOME"] {
            text = home + text.dropFirst()
        }
        if !text.hasPrefix("/") { text = FileManager.default.currentDirectoryPath + "/" + text }
        var parts: [Substring] = []
        for part in text.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}

extension String {
    /// Without blanks and line ends at both sides.
    func trimmingWhitespace() -> String {
        var text = self[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }
}
