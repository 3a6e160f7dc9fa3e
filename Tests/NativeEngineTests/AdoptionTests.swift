import Core
import Engines
import FoundationEssentials
import Glibc
import Images
import LinuxKernel
import Networking
import OCI
import Testing

@testable import NativeEngine

/// A second engine on the same layout, without the first having been told: what a killed daemon leaves.
@Suite("native engine after a crash", .enabled(if: Machine.isReady, Machine.reason))
struct AdoptionTests {
    @Test("a running container is taken up: its log goes on, it is stopped with its own status")
    func running() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            let id = ContainerID.random()
            var spec = harness.spec("run", "before")
            spec.network = .bridge
            spec.ports = [PublishedPort(containerPort: 80)]
            spec.environment = ["KEY": .secret("value")]
            try await first.createContainer(id, spec)
            try await first.startContainer(id)
            let before = try #require(try await first.container(id))

            let second = try await harness.open()
            let after = try #require(try await second.container(id))
            #expect(after.state == before.state)
            #expect(after.address == before.address)
            #expect(after.ports == before.ports)
            #expect(after.startedAt == before.startedAt)
            #expect(after.spec.environment["KEY"] == .withheld)
            try await second.createContainer(id, spec)
            let session = try await second.exec(id, ExecSpec(command: ["print", "inside"]))
            #expect(try await text(session) == "inside\n")

            let follower = Task { try await lines(second, id, follow: true) }
            #expect(try await second.stopContainer(id, grace: .seconds(30)) == ContainerExit(code: 0))
            #expect(try await follower.value == ["before"])
            // The first engine saw the same end.
            #expect(try await first.waitForExit(id) == ContainerExit(code: 0))
        }
    }

    @Test("a container that ended while nobody watched has its status")
    func endedUnseen() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            let id = ContainerID.random()
            try await first.createContainer(id, harness.spec("run", "x"))
            try await first.startContainer(id)
            let process = try await processHandle(first, id)
            await first.close()

            process.signal(SIGKILL)
            try await waitForFile(ContainerPaths(harness.layout, id).exitFile)
            let second = try await harness.open()

            #expect(try await second.container(id)?.state == .exited(ContainerExit(code: 137)))
            #expect(try await second.waitForExit(id) == ContainerExit(code: 137))
            try await second.startContainer(id)
            #expect(try await second.container(id)?.state.isAlive == true)
        }
    }

    @Test("an end that the monitor did not see is unknown")
    func monitorKilled() async throws {
        try await EngineHarness.with { engine, harness in
            let id = ContainerID.random()
            try await engine.createContainer(id, harness.spec("run", "x"))
            try await engine.startContainer(id)
            let container = try await engine.find(id)
            let monitor = try #require(await container.run?.monitor)

            monitor.signal(SIGKILL)
            try await monitor.waitForEnd()
            #expect(try await engine.container(id)?.state.isAlive == true)
            let process = try await processHandle(engine, id)
            process.signal(SIGKILL)

            #expect(try await engine.waitForExit(id) == ContainerExit(code: nil))
            try await engine.startContainer(id)
            #expect(try await engine.container(id)?.state.isAlive == true)
        }
    }

    @Test("a process that was created and never started is ended")
    func createdOnly() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            let id = ContainerID.random()
            let spec = harness.spec("run")
            try await first.createContainer(id, spec)
            try await first.startContainer(id)
            _ = try await first.stopContainer(id, grace: .zero)
            let container = try await first.find(id)
            try await container.exclusively { container in await container.clean() }
            // As a start that is cut off before its last step.
            let paths = ContainerPaths(harness.layout, id)
            let image = try #require(try await first.context.images.image(EngineHarness.image))
            _ = try await first.context.images.prepareSnapshot(
                id: id.rawValue, image: image.digest, mountPoint: paths.root)
            try await first.context.network.makeIsolated(namespacePath: paths.networkNamespace)
            let pid = try await first.context.monitor.create(id, spec: spec, paths: paths)
            let process = try ProcessHandle(processID: pid)

            let second = try await harness.open()

            try await process.waitForEnd()
            #expect(try await second.container(id)?.state.isAlive == false)
            try await second.startContainer(id)
            #expect(try await second.container(id)?.state.isAlive == true)
        }
    }

    @Test("what belongs to no container is collected")
    func leftovers() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            await first.close()
            let half = harness.layout.containerDirectory + "/half"
            let stray = ContainerPaths(harness.layout, try #require(ContainerID(rawValue: "stray")))
            let files = FileManager.default
            try files.createDirectory(atPath: half, withIntermediateDirectories: true)
            try files.createDirectory(atPath: stray.root, withIntermediateDirectories: true)
            try FileSystemMount.mount(type: "tmpfs", source: "stray", at: stray.root)

            let second = try await harness.open()

            #expect(!files.fileExists(atPath: half))
            #expect(!files.fileExists(atPath: stray.bundle))
            #expect(try await second.containers().isEmpty)
        }
    }

    @Test("a record that cannot be read is set aside, not deleted")
    func quarantine() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            let id = ContainerID.random()
            try await first.createContainer(id, harness.spec("run"))
            await first.close()
            try "not a record".write(
                toFile: ContainerPaths(harness.layout, id).record, atomically: true, encoding: .utf8)

            let second = try await harness.open()

            #expect(try await second.container(id) == nil)
            let names = try FileManager.default.contentsOfDirectory(atPath: harness.layout.containerDirectory)
            #expect(names.contains { $0.hasPrefix(".unreadable-") })
        }
    }

    @Test("secrets are in no record, and a restart after adoption still knows them")
    func secrets() async throws {
        try await EngineHarness.with(others: true) { first, harness in
            let id = ContainerID.random()
            var spec = harness.spec("env")
            spec.environment = ["TOKEN": .secret("hush-hush")]
            try await first.createContainer(id, spec)
            try await first.startContainer(id)
            _ = try await first.waitForExit(id)
            let record = try String(contentsOfFile: ContainerPaths(harness.layout, id).record, encoding: .utf8)
            #expect(!record.contains("hush-hush"))

            let second = try await harness.open()
            try await second.startContainer(id)
            _ = try await second.waitForExit(id)

            #expect(try await lines(second, id, follow: false).count { $0 == "TOKEN=hush-hush" } == 2)
        }
    }
}

func processHandle(_ engine: NativeEngine, _ id: ContainerID) async throws -> ProcessHandle {
    guard case .running(let pid) = try await engine.container(id)?.state else {
        throw EngineError(.containerNotRunning, "container `\(id)` is not running")
    }
    return try ProcessHandle(processID: pid)
}

func text(_ session: any ProcessSession, _ stream: OutputStream = .standardOutput) async throws -> String {
    var bytes: [UInt8] = []
    for try await piece in session.output where piece.stream == stream { bytes += piece.bytes }
    return String(decoding: bytes, as: UTF8.self)
}

func lines(_ engine: NativeEngine, _ id: ContainerID, follow: Bool, tail: Int? = nil) async throws -> [String] {
    var lines: [String] = []
    let options = LogOptions(follow: follow, tail: tail)
    for try await entry in try await engine.logs(id, options: options) { lines.append(entry.text) }
    return lines
}

/// Waits until a file exists, told by its directory.
func waitForFile(_ path: String) async throws {
    let directory = String(path[..<(path.lastIndex(of: "/") ?? path.endIndex)])
    let changes = try FileWatcher.shared.changes(of: directory, capacity: 64)
    if access(path, F_OK) == 0 { return }
    for await _ in changes where access(path, F_OK) == 0 { return }
}

/// Runs a command to its end in a container of its own and returns what it wrote.
func output(_ engine: NativeEngine, _ spec: ContainerSpec) async throws -> (exit: ContainerExit, text: String) {
    let id = ContainerID.random()
    try await engine.createContainer(id, spec)
    do {
        try await engine.startContainer(id)
        let exit = try await engine.waitForExit(id)
        let all = try await lines(engine, id, follow: false)
        try await engine.removeContainer(id, force: true)
        return (exit, all.joined(separator: "\n"))
    } catch {
        try await engine.removeContainer(id, force: true)
        throw error
    }
}
