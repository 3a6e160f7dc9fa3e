import Core
import Engines
import OCI
import Testing

@Suite("in-memory engine")
struct InMemoryEngineTests {
    @Test("conforms", arguments: EngineConformance.checks)
    func conforms(check: EngineConformance.Check) async throws {
        let engine = InMemoryEngine()
        await engine.script(image: "localhost/fixture:1")

        try await check.run(engine, EngineFixture(image: "localhost/fixture:1"))
    }

    @Test("what it does not claim is refused", arguments: EngineConformance.checks)
    func refuses(check: EngineConformance.Check) async throws {
        let engine = InMemoryEngine(capabilities: [])
        await engine.script(image: "localhost/fixture:1")

        try await check.run(engine, EngineFixture(image: "localhost/fixture:1"))
    }

    @Test("a start is held by its gate")
    func startGate() async throws {
        let engine = InMemoryEngine()
        let gate = Gate()
        var script = ImageScript()
        script.startGate = gate
        await engine.script(image: "held", script)
        let id = ContainerID.random()
        try await engine.createContainer(id, ContainerSpec(image: "held"))

        let start = Task { try await engine.startContainer(id) }
        await gate.waitForArrival()
        #expect(try await engine.container(id)?.state == .created)
        await gate.open()
        try await start.value

        #expect(try await engine.container(id)?.state.isAlive == true)
    }

    @Test("tests end containers and write their logs")
    func driving() async throws {
        let engine = InMemoryEngine()
        await engine.script(image: "app")
        let id = ContainerID.random()
        try await engine.createContainer(id, ContainerSpec(image: "app"))
        try await engine.startContainer(id)

        await engine.emit(id, "last words", to: .standardError)
        await engine.exit(id, code: 137, outOfMemory: true)

        #expect(try await engine.waitForExit(id) == ContainerExit(code: 137, outOfMemory: true))
        var lines: [String] = []
        for try await entry in try await engine.logs(id, options: LogOptions()) { lines.append(entry.text) }
        #expect(lines == ["last words"])
        #expect(await engine.calls == [.create(id), .start(id)])
    }

    @Test("pulls come from the scripted registry, a cancelled one leaves nothing")
    func pull() async throws {
        let engine = InMemoryEngine()
        let reference = try #require(ImageReference(parsing: "registry.example/app:1"))
        await engine.publish(image: "registry.example/app:1")
        let gate = Gate()
        await engine.holdPulls(gate)

        let pull = Task { try await engine.pullImage(reference, options: ImagePullOptions()) { _ in } }
        await gate.waitForArrival()
        pull.cancel()
        await #expect(throws: CancellationError.self) { _ = try await pull.value }
        #expect(try await engine.image("registry.example/app:1") == nil)

        await engine.holdPulls(nil)
        _ = try await engine.pullImage(reference, options: ImagePullOptions()) { _ in }
        #expect(try await engine.image("registry.example/app:1") != nil)
    }

    @Test("a reader that lags behind is told")
    func overflow() async {
        let hub = EventHub(capacity: 2)
        let events = hub.events()
        for _ in 0..<5 { hub.publish(.created(.random())) }
        hub.finish()

        var seen: [EngineEvent] = []
        for await event in events { seen.append(event) }

        #expect(seen.count == 2)
        #expect(seen.contains(.overflow))
    }
}
