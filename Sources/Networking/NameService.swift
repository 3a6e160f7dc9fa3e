internal import Glibc
internal import LinuxKernel
internal import Logging

/// Names for the containers of an instance, answered by aardvark-dns at the gateway's address.
///
/// The program outlives this process, as containers do, and is found again by its process identifier file and its command line.
/// It reads its whole configuration again at SIGHUP; changes that come while one is written are written together.
actor NameService {
    /// One container with all its names.
    struct Entry: Sendable, Hashable {
        let id: String
        let address: IPv4Address
        let names: [String]
    }

    private let program: String?
    private let directory: String
    private let network: String
    private let gateway: IPv4Address
    private let workers: Workers
    private let logger: Logger

    private var latest: [Entry] = []
    private var wanted = 0
    private var written = 0
    private var isWriting = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var hasFailed = false

    /// The program's name in messages.
    static let programName = "aardvark-dns"
    /// Where distributions put the program.
    static let programPaths = ["/usr/lib/podman/aardvark-dns", "/usr/libexec/podman/aardvark-dns", programName]

    init(
        program: String?, directory: String, network: String, gateway: IPv4Address, workers: Workers, logger: Logger
    ) {
        self.program = program
        self.directory = directory
        self.network = network
        self.gateway = gateway
        self.workers = workers
        self.logger = logger
    }

    /// The configuration: the gateway, then a line per container of identifier, IPv4 address, IPv6 address (none, hence two
    /// blanks) and names. A line with fewer fields would end the program.
    static func configuration(gateway: IPv4Address, entries: [Entry]) -> String {
        let lines = entries.sorted { $0.id < $1.id }.map { entry in
            let names = entry.names.isEmpty ? [String(entry.id.prefix(63))] : entry.names
            return "\(entry.id) \(entry.address)  \(names.joined(separator: ","))\n"
        }
        return "\(gateway)\n" + lines.joined()
    }

    /// Makes `entries` the names that resolve, starting the program when there is something to answer.
    /// Returns when they, or later ones, are in force. Failures are logged: a container without names still works.
    func publish(_ entries: [Entry]) async {
        guard program != nil else { return }
        latest = entries
        wanted += 1
        let mine = wanted
        while written < mine {
            if isWriting {
                await withCheckedContinuation { waiters.append($0) }
                continue
            }
            isWriting = true
            let version = wanted
            await apply(latest)
            written = version
            isWriting = false
            let resumed = waiters
            waiters = []
            for waiter in resumed { waiter.resume() }
        }
    }

    /// Whether a later change may try to start the program again after it failed.
    func forgetFailure() { hasFailed = false }

    /// Ends the program, if it runs.
    func stop() async {
        guard let program else { return }
        let directory = directory
        do {
            try await workers.run {
                guard let process = Self.runningProcess(program, directory) else { return }
                guard process.signal(SIGTERM), !process.waitForEnd(milliseconds: 2000) else { return }
                _ = process.signal(SIGKILL)
                _ = process.waitForEnd(milliseconds: 2000)
            }
        } catch {
            logger.warning("name service did not stop", metadata: ["error": "\(error)"])
        }
    }

    /// Whether the program runs.
    func isRunning() async -> Bool {
        guard let program else { return false }
        let directory = directory
        // The body throws nothing.
        return (try? await workers.run { Self.runningProcess(program, directory) != nil }) ?? false
    }

    private func apply(_ entries: [Entry]) async {
        guard let program, !hasFailed else { return }
        let text = Self.configuration(gateway: gateway, entries: entries)
        let (directory, network) = (directory, network)
        do {
            let isTold = try await workers.run {
                let file = "\(directory)/\(network)"
                let process = Self.runningProcess(program, directory)
                // While it reads its files it answers nobody: do not make it do so for nothing. No file: not equal.
                if process != nil, (try? NetworkFiles.read(file)) == Array(text.utf8) { return true }
                // Beside the directory, not in it: the program reads every file there.
                try NetworkFiles.replace(
                    file, with: Array(text.utf8), durable: false, sibling: directory + ".new")
                return process?.signal(SIGHUP) ?? false
            }
            if !isTold, !entries.isEmpty { try await start(program) }
        } catch {
            hasFailed = true
            logger.warning("container names do not resolve", metadata: ["error": "\(error)"])
        }
    }

    /// The program puts itself in the background and returns once it answers.
    private func start(_ program: String) async throws {
        let result = try await Program.run(ProgramInvocation(program, Self.arguments(directory)))
        guard result.exitCode == 0 else {
            throw NetworkError.system("\(Self.programName) ended with \(result.exitCode): \(result.errorText)", nil)
        }
        logger.debug("name service started", metadata: ["network.gateway": "\(gateway)"])
    }

    private static func arguments(_ directory: String) -> [String] { ["--config", directory, "-p", "53", "run"] }

    private static func runningProcess(_ program: String, _ directory: String) -> ForeignProcess? {
        // No file, no process.
        guard let bytes = try? NetworkFiles.read(directory + "/aardvark.pid"),
            let identifier = Int32(String(decoding: bytes.filter { (48...57).contains($0) }, as: UTF8.self))
        else { return nil }
        return ForeignProcess(processID: identifier) { $0.dropFirst().elementsEqual(arguments(directory)) }
    }
}
