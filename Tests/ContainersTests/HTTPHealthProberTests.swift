import Core
import Engines
import Testing

@testable import Containers

@Suite("HTTPHealthProber", .timeLimit(.minutes(1)))
struct HTTPHealthProberTests {
    func probe(
        _ path: String, scheme: String = "http", at endpoint: Endpoint, _ statuses: ClosedRange<Int> = 200...299,
        timeout: Duration = .seconds(20)
    ) async -> ProbeResult {
        let prober = HTTPHealthProber()
        let result = await prober.http(
            scheme: scheme, at: endpoint, path: path, statuses: statuses, timeout: timeout)
        await prober.shutdown()
        return result
    }

    @Test(
        "the final status decides",
        arguments: [
            ("/", 200...299, ProbeResult.healthy), ("", 200...299, .healthy), ("/status/204", 200...299, .healthy),
            ("/status/404", 200...299, .failed("status 404")), ("/status/404", 400...499, .healthy),
            ("/status/503", 200...499, .failed("status 503")), ("/redirect/1", 200...299, .healthy),
            ("/redirect/10", 200...200, .healthy),
        ] as [(String, ClosedRange<Int>, ProbeResult)])
    func statuses(path: String, statuses: ClosedRange<Int>, result: ProbeResult) async throws {
        let server = try await StubServer()

        #expect(await probe(path, at: server.endpoint, statuses) == result)
        try await server.close()
    }

    @Test("more than ten redirects are a failure")
    func redirects() async throws {
        let server = try await StubServer()

        guard case .failed = await probe("/redirect/12", at: server.endpoint) else {
            Issue.record("it followed them all")
            return
        }
        try await server.close()
    }

    @Test("a body is not waited for")
    func endlessBody() async throws {
        let server = try await StubServer()

        #expect(await probe("/endless", at: server.endpoint) == .healthy)
        try await server.close()
    }

    @Test("an answer that does not come in time is a failure")
    func silent() async throws {
        let server = try await StubServer()

        let result = await probe("/silent", at: server.endpoint, timeout: .milliseconds(20))

        #expect(result == .failed("no answer in 0.02 seconds"))
        try await server.close()
    }

    @Test("a certificate nobody trusts is good enough")
    func https() async throws {
        let server = try await StubServer(tls: true)

        #expect(await probe("/", scheme: "https", at: server.endpoint) == .healthy)
        try await server.close()
    }

    @Test("a port where nobody listens is told apart from a wrong answer")
    func refused() async throws {
        let endpoint = try await StubServer.closedPort()

        #expect(await probe("/", at: endpoint) == .refused("connection refused"))
        #expect(
            await HTTPHealthProber().tcp(endpoint, timeout: .seconds(5)) == .refused("connection refused"))
    }

    @Test("a connection that is accepted is enough for TCP")
    func tcp() async throws {
        let server = try await StubServer()

        #expect(await HTTPHealthProber().tcp(server.endpoint, timeout: .seconds(5)) == .healthy)
        try await server.close()
    }

    @Test("a container that serves is ready over a real connection")
    func endToEnd() async throws {
        let server = try await StubServer()
        let engine = InMemoryEngine()
        await engine.script(image: "web", .serving(server.endpoint))
        let bench = try await Bench()
        let controller = ContainerController(
            engine: engine, store: bench.store, instance: "0a0b0c0d", logger: Bench.logger)

        try await bench.supervised(controller) { controller in
            let id = try await controller.create(spec("web") { $0.health = check }, owner: .user).id
            try await controller.start(id)
            #expect(try await controller.waitUntilReady(id).phase == .running)
            #expect(try await controller.address(of: id, port: 80) == server.endpoint)
        }
        try await server.close()
    }
}
