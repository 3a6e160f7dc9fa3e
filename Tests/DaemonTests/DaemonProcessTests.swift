import Client
import Core
import Engines
import FoundationEssentials
import Glibc
import Logging
import Synchronization
import Testing
import Wire

@testable import Daemon

@Suite("the daemon")
struct DaemonProcessTests {
    /// A daemon over an engine without a host, in a directory of its own.
    private struct Running {
        let layout: InstanceLayout
        let log: Log
        var address: DaemonAddress { .unixSocket(path: layout.apiSocket) }
    }

    /// Collects what is logged, and tells when a line has come.
    private final class Log: Sendable {
        private let lines = Mutex<[String]>([])
        private let stream: AsyncStream<String>
        private let continuation: AsyncStream<String>.Continuation

        init() { (stream, continuation) = AsyncStream.makeStream() }

        func append(_ bytes: [UInt8]) {
            let line = String(decoding: bytes, as: UTF8.self)
            lines.withLock { $0.append(line) }
            continuation.yield(line)
        }

        var text: String { lines.withLock { $0.joined() } }

        func waitFor(_ token: String) async {
            for await line in stream where line.contains(token) { return }
        }
    }

    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        let root = "/tmp/mt-dmn-\(UInt32.random(in: 0..<UInt32.max))"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: root) }  // a leftover in /tmp harms nobody
        try await body(root)
    }

    /// Runs a daemon, and `body` once it is ready; ends it through its API, unless `body` has.
    private func run(
        root: String, configuration: String = "", engine: InMemoryEngine = InMemoryEngine(),
        _ body: (Running) async throws -> Void
    ) async throws {
        let layout = InstanceLayout(root: root)
        let log = Log()
        let text = "gateway: {http: {address: \"127.0.0.1:0\"}}\n" + configuration
        var options = DaemonProcess.Options()
        options.handlesSignals = false
        options.readyFile = root + "/ready"
        let daemon = DaemonProcess(
            layout: layout, configuration: try Configuration(text: text, file: "m.yaml", environment: [:]),
            options: options, makeEngine: { _, _, _ in EngineHandle(engine: engine) },
            logger: Logger(label: "test") { label in
                LineLogHandler(label: label, level: .info, format: .text, write: { log.append($0) })
            })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await daemon.run() } catch {
                    log.append(Array("not ready: \(error)\n".utf8))
                    throw error
                }
            }
            await log.waitFor("ready")
            let running = Running(layout: layout, log: log)
            try await body(running)
            // Gone already when the body has ended it.
            try? await DaemonClient.with(running.address) { try await $0.shutDown(removeEverything: false) }
            try await group.waitForAll()
        }
    }

    @Test("it serves, says so in the log and in the ready file, and ends when asked")
    func life() async throws {
        try await withDirectory { root in
            try await run(root: root) { daemon in
                let (version, health, configuration) = try await DaemonClient.with(daemon.address) { client in
                    (try await client.version(), try await client.health(), try await client.configuration())
                }
                var status = stat()
                stat(daemon.layout.apiSocket, &status)

                #expect(version.engine == "memory" && version.instance == daemon.layout.instanceName)
                #expect(health.status == "ok" && health.gateway.first?.hasPrefix("127.0.0.1:") == true)
                #expect(configuration.entries.first?.origin == "file:1")
                #expect(status.st_mode & 0o777 == 0o660)
                try await DaemonClient.with(daemon.address) { client in
                    try await client.shutDown(removeEverything: true)
                }
            }
            let ready = try String(contentsOfFile: root + "/ready", encoding: .utf8)
            #expect(ready.hasPrefix("ready 127.0.0.1:") && ready.hasSuffix("\n"))
        }
    }

    @Test("a container through the client: create, exec, logs, stop, delete")
    func containers() async throws {
        try await withDirectory { root in
            let engine = InMemoryEngine()
            await engine.script(image: "web:1")
            try await run(root: root, engine: engine) { daemon in
                try await DaemonClient.with(daemon.address) { client in
                    var settings = ContainerSettings(image: "web:1")
                    settings.name = "web"
                    let made = try await client.createContainer(CreateContainerRequest(settings: settings)) { _ in }
                    let session = try await client.exec("web", ExecRequest(command: ["print", "hi"]))
                    var output: [UInt8] = []
                    var exit: ExitInfo?
                    for try await frame in try await client.sessionOutput(session.id) {
                        if frame.kind == .exit {
                            exit = try WireJSON.decode(ExitInfo.self, from: frame.payload)
                        } else {
                            output += frame.payload
                        }
                    }
                    let stopped = try await client.stopContainer("web", graceSeconds: 1)
                    for try await _ in try await client.containerLogs("web", follow: true) {}
                    let jobs = try await client.jobs()
                    try await client.deleteContainer("web")
                    let problem = await #expect(throws: Problem.self) { _ = try await client.container("web") }

                    #expect(made.summary.phase == .running)
                    #expect(output == Array("hi\n".utf8) && exit?.code == 0)
                    #expect(stopped.summary.phase == .exited)
                    #expect(jobs.map(\.kind).contains("container-create"))
                    #expect(problem?.code == "container-not-found")
                }
            }
        }
    }

    @Test("followers and those who wait for an end are let go at once when it ends")
    func followersEnd() async throws {
        try await withDirectory { root in
            let engine = InMemoryEngine()
            await engine.script(image: "web:1")
            try await run(root: root, engine: engine) { daemon in
                try await DaemonClient.with(daemon.address) { client in
                    var settings = ContainerSettings(image: "web:1")
                    settings.name = "web"
                    _ = try await client.createContainer(CreateContainerRequest(settings: settings)) { _ in }
                    let end = Task { try await client.waitForContainer("web") }  // awaited below
                    let lines = try await client.containerLogs("web", follow: true)
                    try await client.shutDown(removeEverything: false)
                    for try await _ in lines {}
                    await #expect(throws: (any Error).self) { _ = try await end.value }
                }
                await daemon.log.waitFor("info ended")
                #expect(!daemon.log.text.contains("did not end in time"))
            }
        }
    }

    @Test("a request that hangs does not keep it from ending", .timeLimit(.minutes(1)))
    func stuckRequest() async throws {
        let stuck = Stuck()
        try await withDirectory { root in
            let engine = InMemoryEngine(sleep: { _ in await stuck.pass() })
            var script = ImageScript()
            script.process = { _ in
                var process = SimulatedProcess()
                process.statusWhenAsked = nil
                return process
            }
            await engine.script(image: "deaf:1", script)
            try await run(root: root, engine: engine) { daemon in
                try await DaemonClient.with(daemon.address) { client in
                    var settings = ContainerSettings(image: "deaf:1")
                    settings.name = "deaf"
                    _ = try await client.createContainer(CreateContainerRequest(settings: settings)) { _ in }
                    let stop = Task { try await client.stopContainer("deaf", graceSeconds: 1) }  // awaited below
                    await stuck.waitForArrival()
                    try await client.shutDown(removeEverything: false)
                    await #expect(throws: (any Error).self) { _ = try await stop.value }
                }
                await daemon.log.waitFor("info ended")
                #expect(daemon.log.text.contains("did not end in time"))
            }
        }
        await stuck.open()
    }

    /// Holds whoever comes, and does not react to cancellation.
    private actor Stuck {
        private var isOpen = false
        private var held: [CheckedContinuation<Void, Never>] = []
        private var arrivals: [CheckedContinuation<Void, Never>] = []

        func pass() async {
            if isOpen { return }
            await withCheckedContinuation { continuation in
                held.append(continuation)
                for arrival in arrivals { arrival.resume() }
                arrivals = []
            }
        }

        func waitForArrival() async {
            if !held.isEmpty { return }
            await withCheckedContinuation { arrivals.append($0) }
        }

        func open() {
            isOpen = true
            for continuation in held { continuation.resume() }
            held = []
        }
    }

    @Test("a second daemon on the same root is refused, and the first goes on")
    func lock() async throws {
        try await withDirectory { root in
            try await run(root: root) { daemon in
                let second = DaemonProcess(
                    layout: daemon.layout, configuration: try Configuration(text: "", file: "m.yaml", environment: [:]),
                    makeEngine: { _, _, _ in EngineHandle(engine: InMemoryEngine()) }, logger: Logger(label: "second"))

                let error = await #expect(throws: DaemonError.self) { try await second.run() }

                #expect(error?.code == .alreadyRunning)
                #expect(error?.message.contains("process \(getpid())") == true)
                #expect(error?.message.contains(root) == true)
                _ = try await DaemonClient.with(daemon.address) { try await $0.version() }
            }
        }
    }

    @Test("tcp with a token: the right one enters, others do not")
    func token() async throws {
        try await withDirectory { root in
            try "a-long-enough-token\n".write(toFile: root + "/token", atomically: true, encoding: .utf8)
            let configuration = "api: {tcp: {address: \"127.0.0.1:0\", token_file: \(root)/token}}"
            try await run(root: root, configuration: configuration) { daemon in
                let line = daemon.log.text.split(separator: "\n").first { $0.contains("api listens address=127") } ?? ""
                let place = String(line.split(separator: "=").last ?? "")

                let right = try DaemonAddress(parsing: place, token: "a-long-enough-token")
                let version = try await DaemonClient.with(right) { try await $0.version() }
                let none = try DaemonAddress(parsing: place)
                let problem = await #expect(throws: Problem.self) {
                    try await DaemonClient.with(none) { _ = try await $0.version() }
                }

                #expect(version.api == "v1")
                #expect(problem?.status == 401 && problem?.kind == .permissionDenied)
            }
        }
    }

    @Test(
        "tcp without a token must be asked for, and is for loopback only",
        arguments: [
            "api: {tcp: {address: \"127.0.0.1:0\"}}", "api: {tcp: {address: \"0.0.0.0:0\", allow_without_token: true}}",
            "api: {tcp: {address: \"127.0.0.1:0\", token_file: /nowhere}}",
        ])
    func unsafeListener(text: String) throws {
        let configuration = try Configuration(text: text, file: "m.yaml", environment: [:])

        #expect(throws: DaemonError.self) {
            try APIListeners.listeners(
                layout: InstanceLayout(root: "/tmp/x"), configuration: configuration, logger: Logger(label: "test"))
        }
    }

    @Test("the examination of the host tells of programs, rights and the network, with a way out of what is missing")
    func doctor() async {
        let report = await HostExamination.report(InstanceLayout(root: "/tmp/x"))

        let names = Set(report.findings.map(\.name))
        #expect(names.isSuperset(of: ["rights", "OCI runtime", "capabilities", "network", "packet filter", "names"]))
        for finding in report.findings where finding.status == .missing { #expect(finding.hint != nil, "\(finding)") }
    }

    @Test("memory is given back once nothing has been asked for a while")
    func idleMemory() async throws {
        let (releases, release) = AsyncStream<Void>.makeStream()
        let memory = IdleMemory(quiet: .milliseconds(1)) { release.yield() }
        let running = Task { try await memory.run() }  // cancelled below
        var iterator = releases.makeAsyncIterator()
        for _ in 0..<3 {
            memory.used()
            await iterator.next()
        }
        running.cancel()
        _ = await running.result
    }

    @Test("log lines: one line each, values quoted when need be")
    func logLines() {
        let lines = Mutex<[String]>([])
        func log(_ format: LineLogHandler.Format) {
            var logger = Logger(label: "test") { label in
                LineLogHandler(
                    label: label, level: .info, format: format,
                    write: { bytes in lines.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } })
            }
            logger[metadataKey: "a"] = "1"
            logger.info("some\nthing", metadata: ["b.c": "two words", "d": "x=\"y\"\n"])
            logger.debug("nothing")
        }

        log(.text)
        log(.json)

        let found = lines.withLock { $0 }
        #expect(found.count == 2)
        #expect(found[0].hasSuffix(" info some\\nthing a=1 b.c=\"two words\" d=\"x=\\\"y\\\"\\n\"\n"), "\(found[0])")
        let json = "\"message\":\"some\\nthing\",\"a\":\"1\",\"b.c\":\"two words\",\"d\":\"x=\\\"y\\\"\\n\"}\n"
        #expect(found[1].hasSuffix(json), "\(found[1])")
    }
}
