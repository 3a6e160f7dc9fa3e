internal import ArgumentParser
internal import Core
internal import Starlark

/// `martlet starlark …`.
struct StarlarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "starlark", abstract: "Run, check and format Starlark programs.",
        discussion: """
            A file runs with or without the word `run`; without a file, on a terminal, there is a prompt.
            No daemon is needed.

            Examples:
              martlet starlark
              martlet starlark build.star
              martlet starlark --check app.star --dialect openrun
              martlet starlark fmt app.star
            """,
        subcommands: [StarlarkRun.self, StarlarkCheck.self, StarlarkFormat.self, StarlarkBench.self],
        defaultSubcommand: StarlarkRun.self)
}

/// The dialects by name.
enum DialectChoice: String, ExpressibleByArgument, CaseIterable {
    case standard, openrun, permissive

    var dialect: Dialect {
        switch self {
        case .standard: return .standard
        case .openrun: return .openRun
        case .permissive: return .permissive
        }
    }

    /// Names that a host of this dialect supplies and that this program cannot.
    var hostNames: Set<String> {
        switch self {
        case .standard, .permissive: return []
        case .openrun: return ["ace", "param", "doc", "table", "config"]
        }
    }
}

/// A failure of the `starlark` commands that is not the program's.
struct StarlarkCommandError: MartletError {
    let kind: ErrorKind
    let message: String
    let hint: String?

    static func unreadable(_ path: String, _ reason: String, hint: String? = nil) -> Self {
        Self(kind: .notFound, message: "`\(path)` cannot be read: \(reason)", hint: hint)
    }

    static func notText(_ path: String, line: Int) -> Self {
        Self(kind: .invalidArgument, message: "`\(path)` is not UTF-8: line \(line)", hint: nil)
    }

    static func unwritable(_ path: String, _ reason: String) -> Self {
        Self(kind: .permissionDenied, message: "`\(path)` cannot be written: \(reason)", hint: nil)
    }
}
