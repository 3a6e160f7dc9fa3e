import Core
import FoundationEssentials
import Glibc
import LinuxKernel

/// A real daemon on a root of its own, driven as a user drives it: by the command line, and over HTTP.
///
/// ``run(_:)`` starts it, hands it to the test and removes everything it made, whatever the test does.
final class TestHost: Sendable {
    /// The root of the instance, short enough for a socket's path.
    let root: String
    private let daemon = Locked<Daemon?>(nil)

    private struct Daemon {
        let process: ChildProcess
        let gatewayPort: UInt16
    }

    private init() throws {
        var template = Array("/tmp/mt-XXXXXX".utf8CString)
        guard let path = template.withUnsafeMutableBufferPointer({ mkdtemp($0.baseAddress!) }) else {
            throw TestFailure("mkdtemp: errno \(errno)")
        }
        root = String(cString: path)
    }

    /// Runs `body` against a fresh daemon; afterwards all of its containers, mounts and networks are gone.
    static func run<T>(configuration: String = "", _ body: (TestHost) async throws -> T) async throws -> T {
        let host = try TestHost()
        // The same port after a crash: an app's public address is part of its container's environment.
        let full = "gateway:\n  http:\n    address: 127.0.0.1:\(try Loopback.freePort())\n" + configuration
        try full.write(toFile: host.root + "/martlet.yaml", atomically: true, encoding: .utf8)
        let result: Result<T, any Error>
        do {
            try await host.start()
            result = .success(try await body(host))
        } catch {
            result = .failure(TestFailure("\(error)\n--- the daemon's log:\n\(host.logTail())"))
        }
        try await host.removeEverything()
        return try result.get()
    }

    // MARK: The daemon

    private static let givenBinary: String? = {
        guard let path = ProcessInfo.processInfo.environment["MARTLET_BINARY"], !path.isEmpty else { return nil }
        return path
    }()

    /// Whether a release binary is under test, as `scripts/test` builds it.
    static var isGivenBinary: Bool { givenBinary != nil }

    /// The binary under test: `MARTLET_BINARY` of the environment, else the one beside the test bundle.
    static let binary: String = {
        if let path = givenBinary { return path }
        var parts = CommandLine.arguments[0].split(separator: "/", omittingEmptySubsequences: false)
        while !parts.isEmpty {
            parts.removeLast()
            let candidate = parts.joined(separator: "/") + "/martlet"
            if access(candidate, X_OK) == 0, !isDirectory(candidate) { return candidate }
        }
        return "martlet"
    }()

    /// Starts the daemon and returns once it is ready.
    func start() async throws {
        let log = OwnedDescriptor(adopting: open(root + "/serve.log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600))
        let ready = try ChildPipe(childReads: false)
        let process = try ChildProcess.spawn(
            ProgramInvocation(Self.binary, ["serve", "--root", root, "--ready-file", "/dev/fd/3"]),
            descriptors: [nil, log.rawValue, log.rawValue, ready.theirs.rawValue], grouping: .ownSession)
        let pipe = ready.ours
        _ = consume ready
        // The end of the daemon ends the pipe, too.
        let line = String(decoding: try await pipe.read(), as: UTF8.self)
        // `ready 127.0.0.1:25222`
        let digits = line.split(separator: ":").last?.filter { $0.isNumber } ?? ""
        guard line.hasPrefix("ready "), let port = UInt16(digits) else {
            throw TestFailure("the daemon did not become ready (`\(line)`):\n\(logTail())")
        }
        daemon.withLock { $0 = Daemon(process: process, gatewayPort: port) }
    }

    /// The port on which apps are served.
    func gatewayPort() throws -> UInt16 {
        guard let port = daemon.withLock({ $0?.gatewayPort }) else { throw TestFailure("the daemon does not run") }
        return port
    }

    /// Ends the daemon at once, as a crash would.
    func kill9() async throws { try await end(with: SIGKILL) }

    /// Asks the daemon to end; containers go on.
    func terminate() async throws { try await end(with: SIGTERM) }

    private func end(with signal: Int32) async throws {
        let running = daemon.withLock { daemon in
            defer { daemon = nil }
            return daemon
        }
        guard let running else { return }
        running.process.signal(signal)
        _ = await running.process.wait()
    }

    private func removeEverything() async throws {
        if daemon.withLock({ $0 == nil }) { try await start() }
        let result = try await martlet("shutdown", "--remove-all")
        guard result.exitCode == 0 else { throw TestFailure("shutdown: \(result.errorText)\n\(logTail())") }
        try await end(with: SIGTERM)
        let leftovers = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
            .split(separator: "\n").filter { $0.contains(" \(root)/") }
        guard leftovers.isEmpty else { throw TestFailure("mounts left behind:\n\(leftovers.joined(separator: "\n"))") }
        try FileManager.default.removeItem(atPath: root)
    }

    /// The last lines that the daemon wrote.
    func logTail(_ lines: Int = 60) -> String {
        let text = (try? String(contentsOfFile: root + "/serve.log", encoding: .utf8)) ?? "(no log)"
        return text.split(separator: "\n").suffix(lines).joined(separator: "\n")
    }

    // MARK: The command line

    /// Runs a client command against this host.
    @discardableResult
    func martlet(_ arguments: String..., input: String? = nil) async throws -> ProgramResult {
        try await martlet(arguments, input: input)
    }

    /// Runs a client command against this host.
    func martlet(_ arguments: [String], input: String? = nil) async throws -> ProgramResult {
        // Options go before the words of a command to be run in a container.
        let noun = arguments.first == "run" ? 1 : min(2, arguments.count)
        var all = arguments
        all.insert(
            contentsOf: ["--root", root], at: arguments.first == "shutdown" || arguments.first == "version" ? 1 : noun)
        return try await Program.run(ProgramInvocation(Self.binary, all), input: input.map { Array($0.utf8) })
    }

    /// Runs a client command that must succeed.
    @discardableResult
    func succeed(_ arguments: String..., input: String? = nil) async throws -> String {
        let result = try await martlet(arguments, input: input)
        guard result.exitCode == 0 else {
            throw TestFailure(
                "`martlet \(arguments.joined(separator: " "))` exited with \(result.exitCode): \(result.errorText)")
        }
        return result.outputText
    }

    /// Runs a client command with `--json` and reads its answer.
    func json<T: Decodable>(_ type: T.Type, _ arguments: String...) async throws -> T {
        let result = try await martlet(arguments + ["--json"])
        guard result.exitCode == 0 else {
            throw TestFailure(
                "`martlet \(arguments.joined(separator: " "))` exited with \(result.exitCode): \(result.errorText)")
        }
        do {
            return try JSONDecoder().decode(type, from: Data(result.output))
        } catch {
            throw TestFailure("`martlet \(arguments.joined(separator: " "))` printed \(result.outputText): \(error)")
        }
    }

    // MARK: Files

    /// Writes files below a new folder of the root and returns its path.
    func folder(_ name: String, _ files: [String: String]) throws -> String {
        let path = "\(root)/\(name)"
        for (file, text) in files {
            let target = "\(path)/\(file)"
            let parent = target.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(
                separator: "/")
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
            try text.write(toFile: target, atomically: true, encoding: .utf8)
        }
        return path
    }

    /// Copies a program into a folder.
    func copyProgram(_ source: String, to target: String) throws {
        try? FileManager.default.removeItem(atPath: target)  // absent the first time
        try FileManager.default.copyItem(atPath: source, toPath: target)
        chmod(target, 0o755)
    }
}

/// What went wrong in a test's own machinery.
struct TestFailure: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

private func isDirectory(_ path: String) -> Bool {
    var isDirectory = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory
}
