import Core
import Engines
import Logging
import State
import Synchronization

@testable import Containers

/// A controller over a simulated engine, a private database, a scripted prober and a time that stands still.
struct Bench {
    let database: Database
    let store: ContainerStore
    let engine: InMemoryEngine
    let time = ManualTimeSource()
    let prober = ScriptedProber()
    let controller: ContainerController

    /// - Parameters:
    ///   - sleep: how the grace of a stop passes; at once by default.
    ///   - logger: nobody reads the log by default.
    init(
        sleep: @escaping @Sendable (Duration) async throws -> Void = { _ in }, logger: Logger = Self.logger
    ) async throws {
        let database = try Database(path: ":memory:")
        let engine = InMemoryEngine(sleep: sleep)
        var stubborn = ImageScript()
        stubborn.process = { _ in
            var process = SimulatedProcess()
            process.statusWhenAsked = nil
            return process
        }
        await engine.script(image: "stubborn", stubborn)
        await engine.script(image: "app")
        await engine.script(image: "job", .exiting(0, lines: ["done"]))
        await engine.script(image: "crash", .exiting(3, lines: ["first", "last words"]))
        self.database = database
        self.store = ContainerStore(database)
        self.engine = engine
        controller = Self.controller(engine, store, time, prober, logger)
    }

    static var logger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

    /// A further controller over the same engine and database, as after a restart of the daemon.
    func restarted() -> ContainerController { Self.controller(engine, store, time, prober) }

    private static func controller(
        _ engine: any Engine, _ store: ContainerStore, _ time: any TimeSource, _ prober: any HealthProber,
        _ logger: Logger = Self.logger
    ) -> ContainerController {
        ContainerController(
            engine: engine, store: store, instance: "0a0b0c0d", time: time, logger: logger, prober: prober)
    }

    /// Runs `body` while the controller supervises.
    func supervised(
        _ other: ContainerController? = nil, _ body: @escaping @Sendable (ContainerController) async throws -> Void
    ) async throws {
        let controller = other ?? controller
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { do { try await controller.run() } catch is CancellationError {} }
            try await body(controller)
            group.cancelAll()
        }
    }

    /// A container that has been started.
    func started(
        _ image: String = "app", _ change: (inout ContainerSpec) -> Void = { _ in }
    ) async throws -> ContainerID {
        let id = try await controller.create(spec(image, change), owner: .user).id
        try await controller.start(id)
        return id
    }
}

func spec(_ image: String = "app", _ change: (inout ContainerSpec) -> Void = { _ in }) -> ContainerSpec {
    var spec = ContainerSpec(image: image)
    change(&spec)
    return spec
}

extension ContainerController {
    /// Waits until the container shows what is asked for.
    @discardableResult
    func until(
        _ id: ContainerID, _ isIt: (ContainerStatus) -> Bool
    ) async throws -> ContainerStatus {
        let updates = updates()
        if let status = world.board.status(of: id), isIt(status) { return status }
        for await status in updates where status.id == id && isIt(status) { return status }
        throw CancellationError()
    }

    /// Waits until nothing is left of the container.
    func untilDeleted(_ id: ContainerID) async throws {
        let updates = updates()
        guard world.board.status(of: id) != nil else { return }
        for await status in updates where status.id == id && status.phase == .deleted { return }
        throw CancellationError()
    }

    @discardableResult
    func until(_ id: ContainerID, _ phase: ContainerPhase) async throws -> ContainerStatus {
        try await until(id) { $0.phase == phase }
    }
}

/// Keeps the lines of a log.
final class RecordedLog: Sendable {
    private let lines = Mutex<[String]>([])

    /// The messages at level `info` and above, in order.
    var messages: [String] { lines.withLock { $0 } }

    /// A logger that writes here.
    var logger: Logger {
        Logger(label: "test") { _ in Handler(log: self) }
    }

    private struct Handler: LogHandler {
        let log: RecordedLog
        var metadata = Logger.Metadata()
        var logLevel = Logger.Level.info

        init(log: RecordedLog) { self.log = log }

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) { log.lines.withLock { $0.append("\(event.message)") } }
    }
}

/// Answers probes as it was told, then always with the last answer.
final class ScriptedProber: HealthProber {
    private struct State {
        var answers: [ProbeResult] = [.healthy]
        var listens = false
        var asked: [String] = []
    }

    private let state = Mutex(State())

    /// What was asked.
    var asked: [String] { state.withLock { $0.asked } }

    func answer(_ answers: ProbeResult...) { state.withLock { $0.answers = answers } }

    /// What the look for a listener finds between two attempts.
    func listen(_ listens: Bool) { state.withLock { $0.listens = listens } }

    func http(
        scheme: String, at endpoint: Endpoint, path: String, statuses: ClosedRange<Int>, timeout: Duration
    ) async -> ProbeResult {
        state.withLock { state in
            state.asked.append("\(scheme)://\(endpoint)\(path)")
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
    }

    func tcp(_ endpoint: Endpoint, timeout: Duration) async -> ProbeResult {
        state.withLock { $0.listens ? .healthy : .refused("connection refused") }
    }

    func shutdown() async {}
}

let check = HealthCheck(probe: .http(scheme: "http", port: 80, path: "/up", statuses: 200...299))
