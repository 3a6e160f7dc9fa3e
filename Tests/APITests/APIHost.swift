import Apps
import Containers
import Core
import Engines
import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import Logging
import NIOCore
import State
import Testing
import Wire

@testable import API

/// An API over an engine without a host, on a port of its own.
struct APIHost {
    let client: any TestClientProtocol
    let engine: InMemoryEngine
    let directory: String
    let routes: [APIRoute]

    /// Runs `body` against an API; everything ends with it.
    static func run(
        access: AccessPolicy = .open, _ body: @escaping @Sendable (APIHost) async throws -> Void
    ) async throws {
        let directory = "/tmp/mt-api-\(UInt32.random(in: 0..<UInt32.max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }  // a leftover in /tmp harms nobody
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let layout = InstanceLayout(root: directory)
        let database = try Database(path: ":memory:")
        let engine = InMemoryEngine()
        await engine.script(image: "web:1")
        let jobs = JobCoordinator(store: JobStore(database), logger: logger)
        let containers = ContainerController(
            engine: engine, store: ContainerStore(database), instance: layout.instanceName, logger: logger)
        let apps = AppService(
            layout: layout, configuration: AppsConfiguration(), database: database, jobs: jobs, containers: containers,
            engine: engine, publisher: NoRoutes(), logger: logger)
        let services = APIServices(
            engine: engine, containers: containers, jobs: jobs, apps: apps, layout: layout, system: FixedSystem())
        let server = APIServer(services: services, listeners: [], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await containers.run() }
            group.addTask { await server.runHelpers() }
            try await Application(responder: server.responder(access: access), logger: logger).test(.ahc(.http)) {
                client in
                try await body(APIHost(client: client, engine: engine, directory: directory, routes: server.routes))
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }  // they end by cancellation
        }
    }

    /// Sends a request and reads the whole answer.
    @discardableResult
    func send(
        _ method: HTTPRequest.Method, _ uri: String, json: String? = nil, body: ByteBuffer? = nil,
        headers: HTTPFields = [:]
    ) async throws -> TestResponse {
        var all = headers
        if json != nil { all[.contentType] = "application/json" }
        return try await client.execute(
            uri: uri, method: method, headers: all, body: json.map { ByteBuffer(string: $0) } ?? body)
    }

    /// Sends a request whose answer must have a status, and decodes it.
    @discardableResult
    func read<Value: Decodable>(
        _ type: Value.Type, _ method: HTTPRequest.Method, _ uri: String, json: String? = nil, status: Int = 200,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Value {
        let response = try await send(method, uri, json: json)
        #expect(response.status.code == status, "\(response.text)", sourceLocation: sourceLocation)
        return try WireJSON.decode(type, from: response.body.readableBytesView)
    }

    /// Sends a request that must fail.
    func problem(
        _ method: HTTPRequest.Method, _ uri: String, json: String? = nil, status: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Problem {
        let response = try await send(method, uri, json: json)
        #expect(response.status.code == status, "\(response.text)", sourceLocation: sourceLocation)
        #expect(response.headers[.contentType] == Problem.mediaType, sourceLocation: sourceLocation)
        return try WireJSON.decode(Problem.self, from: response.body.readableBytesView)
    }
}

extension TestResponse {
    /// The body as text.
    var text: String { String(buffer: body) }

    /// The lines of the body.
    var lines: [String] { text.split(separator: "\n").map(String.init) }
}

/// Nobody sees the routes.
private struct NoRoutes: RoutePublisher {
    func publish(_ routes: [PublishedRoute]) {}
    func drain(_ backend: String, deadline: Duration) async -> Bool { true }
    func activity(of backend: String) -> PublishedActivity { PublishedActivity() }
}

/// A system that is always the same.
struct FixedSystem: SystemInformation {
    func version() async -> VersionInfo {
        VersionInfo(version: "1", api: "v1", commit: nil, instance: "00000000", engine: "memory", processID: 1)
    }
    func health() async -> HealthInfo {
        HealthInfo(status: "ok", uptimeMilliseconds: 1, runningContainers: 0, gateway: [])
    }
    func doctor() async throws -> DoctorReport { DoctorReport(findings: []) }
    func configuration() async -> ConfigurationReport { ConfigurationReport(file: "", entries: []) }
    func url(ofApp address: String) async -> String? { "http://127.0.0.1:1\(address)" }
    func shutDown(removeEverything: Bool) async throws {}
}
