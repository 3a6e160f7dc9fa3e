import Containers
import Core
import Engines
import FoundationEssentials
import Jobs
import Logging
import OCI
import State
import Synchronization
import Testing

@testable import Apps

/// An app service over the in-memory engine, with everything around it, in a directory of its own.
final class AppHost: Sendable {
    let layout: InstanceLayout
    let database: Database
    let engine: InMemoryEngine
    let containers: ContainerController
    let service: AppService
    let routes: RecordingPublisher
    let prober: ScriptedProber
    let root: String

    private init(
        root: String, configuration: AppsConfiguration, secrets: [String: String], time: any TimeSource,
        capabilities: EngineCapabilities? = nil, sharing other: AppHost?
    ) async throws {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        self.root = root
        layout = InstanceLayout(root: root)
        database = try other?.database ?? Database(path: ":memory:")
        engine = other?.engine ?? capabilities.map { InMemoryEngine(capabilities: $0) } ?? InMemoryEngine()
        prober = other?.prober ?? ScriptedProber()
        routes = RecordingPublisher()
        containers = ContainerController(
            engine: engine, store: ContainerStore(database), instance: layout.instanceName, logger: logger,
            prober: prober)
        service = AppService(
            layout: layout, configuration: configuration, database: database,
            jobs: JobCoordinator(store: JobStore(database), logger: logger), containers: containers, engine: engine,
            publisher: routes, secrets: ["env": EnvironmentSecrets(secrets)], time: time, logger: logger)
    }

    /// Runs `body` with a host whose engine builds containers that serve.
    static func run(
        _ configuration: AppsConfiguration = AppsConfiguration(), secrets: [String: String] = [:],
        time: any TimeSource = SystemTimeSource(), capabilities: EngineCapabilities? = nil,
        _ body: @Sendable (AppHost) async throws -> Void
    ) async throws {
        let root = FileManager.default.temporaryDirectory.path + "/martlet-apps-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        do {
            let host = try await AppHost(
                root: root, configuration: configuration, secrets: secrets, time: time, capabilities: capabilities,
                sharing: nil)
            await host.engine.onBuild { request, progress in
                progress(.log("STEP 1"))
                return Self.script(of: request)
            }
            try await host.serve(body)
        } catch {
            try? FileManager.default.removeItem(atPath: root)  // the failure matters more
            throw error
        }
        try FileManager.default.removeItem(atPath: root)
    }

    /// Runs `body` with what a new daemon finds after this one has gone.
    func afterRestart(
        _ configuration: AppsConfiguration? = nil, _ body: @Sendable (AppHost) async throws -> Void
    ) async throws {
        await service.shutdown()
        let next = try await AppHost(
            root: root, configuration: configuration ?? service.configuration, secrets: [:], time: SystemTimeSource(),
            sharing: self)
        try await next.serve(body)
    }

    private func serve(_ body: @Sendable (AppHost) async throws -> Void) async throws {
        try await containers.adopt()
        try await service.restore()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // Both end with the cancellation below.
            group.addTask { try? await self.containers.run() }
            group.addTask { try? await self.service.run() }
            defer { group.cancelAll() }
            try await body(self)
        }
    }

    /// What a built image does: `EXIT=n` in the container file ends it, everything else runs on.
    @Sendable private static func script(of request: ImageBuildRequest) -> ImageScript {
        let text = (try? String(contentsOfFile: request.containerFile, encoding: .utf8)) ?? ""  // missing: empty
        if let range = text.range(of: "EXIT="), let code = Int32(text[range.upperBound...].prefix { $0.isNumber }) {
            return .exiting(code, lines: ["leaving early"])
        }
        var script = ImageScript()
        script.process = { _ in SimulatedProcess(lines: ["started"]) }
        return script
    }

    // MARK: Sources

    /// Writes a source folder and returns its path.
    @discardableResult
    func source(_ name: String, _ files: [String: String]) throws -> String {
        let path = "\(root)/\(name)"
        for (file, text) in files {
            let full = "\(path)/\(file)"
            let parent = full[..<(full.lastIndex(of: "/") ?? full.startIndex)]
            try FileManager.default.createDirectory(atPath: String(parent), withIntermediateDirectories: true)
            try text.write(toFile: full, atomically: true, encoding: .utf8)
        }
        return path
    }

    /// Makes a symbolic link in the host's directory.
    func link(_ path: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: "\(root)/\(path)", withDestinationPath: target)
    }

    /// Everything below the host's directory, relative to it.
    func allPaths() -> [String] {
        // A directory that vanishes meanwhile holds nothing.
        (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
    }

    /// Whether a path exists.
    func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    /// Creates an app of these files.
    @discardableResult
    func create(
        _ address: String, _ files: [String: String], approve: Bool = true, params: [String: String] = [:],
        arguments: [String: String] = [:], options: [String: String] = [:]
    ) async throws -> AppChange {
        let name = "src" + address.replacing("/", with: "_")
        return try await service.create(
            AppCreateRequest(
                source: try source(name, files), address: address, approve: approve, params: params,
                containerOptions: options, buildArguments: arguments))
    }

    // MARK: Requests

    /// Sends a request through the routes as published now.
    func get(
        _ path: String, accept: String = "*/*", host: String = "localhost",
        headers: [(name: String, value: String)] = [], method: String = "GET"
    ) async throws -> AppResponse {
        var head = Self.head(method, path, accept, host)
        head.headers += headers
        return try await send(AppRequest(head), host: host)
    }

    /// Submits a form.
    func post(
        _ path: String, _ body: String, accept: String = "application/json", host: String = "localhost"
    ) async throws -> AppResponse {
        var head = Self.head("POST", path, accept, host)
        head.headers.append(("Content-Type", "application/x-www-form-urlencoded"))
        return try await send(AppRequest(head, body: Array(body.utf8)), host: host)
    }

    private static func head(_ method: String, _ path: String, _ accept: String, _ host: String) -> AppRequestHead {
        let parts = path.split(separator: "?", maxSplits: 1).map(String.init)
        return AppRequestHead(
            method: method, path: parts[0], query: parts.count > 1 ? parts[1] : "",
            headers: [("Host", host), ("Accept", accept)])
    }

    private func send(_ request: AppRequest, host: String) async throws -> AppResponse {
        guard let route = routes.match(host: host, path: request.head.path) else {
            return await UnknownAppResponder().respond(to: request)
        }
        if let refusal = route.writeRefusal, request.head.method != "GET" { return .text(refusal, status: 403) }
        switch route.target {
        case .proxy(let backend): return Self.answer(backend)
        case .respond(let responder): return await responder.respond(to: request)
        case .wake(let callback):
            switch await callback(request.head) {
            case .proxy(let backend): return Self.answer(backend)
            case .respond(let response): return response
            }
        }
    }

    /// Sends a request to a route whose backend refuses connections.
    func getAfterFailure(_ path: String) async throws -> AppResponse {
        let head = Self.head("GET", path, "*/*", "localhost")
        guard case .proxy(let backend)? = routes.match(host: "localhost", path: path)?.target,
            let onRefused = backend.onRefused
        else { return try await get(path) }
        switch await onRefused(head) {
        case .proxy(let backend): return Self.answer(backend)
        case .respond(let response): return response
        }
    }

    private static func answer(_ backend: PublishedBackend) -> AppResponse { .text(backend.id) }

    // MARK: Looking

    /// A status that says a container has ended.
    func ended(_ id: ContainerID) async throws -> ContainerStatus {
        var status = try await containers.container(id.rawValue)
        status.phase = .exited
        return status
    }

    /// Observed containers.
    func observed() async throws -> [ObservedContainer] { try await engine.containers() }

    /// The environment of the only container.
    func environment() async throws -> [String: EnvironmentValue] {
        try #require(try await observed().first).spec.environment
    }

    /// The mounts of the newest container by target.
    func mounts() async throws -> [String: BindMount] {
        let newest = try #require(try await observed().last)
        return Dictionary(uniqueKeysWithValues: newest.spec.mounts.map { ($0.target, $0) })
    }

    /// The text of a file.
    func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// The permission bits of a file.
    func mode(_ path: String) -> Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)  // missing: no bits
        return attributes?[.posixPermissions] as? Int ?? 0
    }

    /// The names of local images.
    func imageNames() async throws -> [String] { try await engine.images().flatMap(\.references).sorted() }
}

/// Keeps what was published last.
final class RecordingPublisher: RoutePublisher {
    private let table = Mutex<[PublishedRoute]>([])
    private let drained = Mutex<[String]>([])

    func publish(_ routes: [PublishedRoute]) { table.withLock { $0 = routes } }

    func drain(_ backend: String, deadline: Duration) async -> Bool {
        drained.withLock { $0.append(backend) }
        return true
    }

    private let seen = Mutex(PublishedActivity())

    /// Decides what every backend seems to have done.
    func set(_ activity: PublishedActivity) { seen.withLock { $0 = activity } }

    func activity(of backend: String) -> PublishedActivity { seen.withLock { $0 } }

    /// Backends that were drained.
    var drains: [String] { drained.withLock { $0 } }

    /// The routes as they are now.
    var routes: [PublishedRoute] { table.withLock { $0 } }

    func match(host: String, path: String) -> PublishedRoute? {
        routes.filter { ($0.host == nil || $0.host == host) && AppAddress.covers($0.pathPrefix, path) }
            .max { $0.pathPrefix.utf8.count < $1.pathPrefix.utf8.count }
    }
}

/// Answers health checks as told.
final class ScriptedProber: HealthProber {
    private let answer = Mutex<ProbeResult>(.healthy)
    private let asked = Mutex<[String]>([])

    func set(_ result: ProbeResult) { answer.withLock { $0 = result } }

    /// Paths that were asked for.
    var paths: [String] { asked.withLock { $0 } }

    func http(
        scheme: String, at endpoint: Endpoint, path: String, statuses: ClosedRange<Int>, timeout: Duration
    ) async -> ProbeResult {
        asked.withLock { $0.append(path) }
        return answer.withLock { $0 }
    }

    func tcp(_ endpoint: Endpoint, timeout: Duration) async -> ProbeResult { answer.withLock { $0 } }

    func shutdown() async {}
}

/// Keeps what it is given.
final class Recorder<T: Sendable>: Sendable {
    private let content = Mutex<[T]>([])

    func add(_ value: T) { content.withLock { $0.append(value) } }

    /// Everything so far.
    var all: [T] { content.withLock { $0 } }
}
