package import Core
internal import OCI

/// An engine without a host: containers are values that tests drive. It passes the same conformance suite as the real ones.
///
/// What containers do is decided per image by ``ImageScript``; tests drive single containers with
/// ``exit(_:code:outOfMemory:)`` and ``emit(_:_:to:)``, and look at what was asked in ``calls``.
package actor InMemoryEngine: Engine {
    /// One request that reached the engine.
    package enum Call: Hashable, Sendable {
        case pull(String), build(String), load(String), removeImage(String)
        case create(ContainerID), start(ContainerID), stop(ContainerID), kill(ContainerID, Int32)
        case pause(ContainerID), resume(ContainerID), remove(ContainerID), exec(ContainerID, [String])
    }

    /// What a build does: reports progress, then yields the image's script.
    package typealias Builder = @Sendable (ImageBuildRequest, @escaping ProgressSink) async throws -> ImageScript

    package nonisolated let name = "memory"
    package nonisolated let capabilities: EngineCapabilities
    nonisolated let hub = EventHub()
    let sleep: @Sendable (Duration) async throws -> Void
    let now: @Sendable () -> Int64

    var cells: [ContainerID: SimulatedContainer] = [:]
    var local: [String: SimulatedImage] = [:]
    var registry: [String: ImageScript] = [:]
    var archives: [String: [String: ImageScript]] = [:]
    var builder: Builder = { request, progress in
        progress(.step("build \(request.tag.familiar)"))
        progress(.log("STEP 1: FROM scratch"))
        return ImageScript()
    }
    /// What a pull waits for.
    var pullGate: Gate?
    /// Every request so far.
    package private(set) var calls: [Call] = []
    private var nextAddress = 2
    private var nextHostPort: UInt16 = 40_000

    /// An engine without images.
    /// - Parameters:
    ///   - capabilities: what it claims to support; everything but mounted roots by default.
    ///   - sleep: how the grace of a stop passes.
    ///   - now: milliseconds since 1970.
    package init(
        capabilities: EngineCapabilities = [.build, .pull, .pause, .limits, .bridge, .terminal, .stats],
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) },
        now: @escaping @Sendable () -> Int64 = { LogTime.now() }
    ) {
        self.capabilities = capabilities
        self.sleep = sleep
        self.now = now
    }

    // MARK: Driving

    /// Puts an image into the local store; containers made of it follow `script`.
    package func script(image: String, _ script: ImageScript = ImageScript()) {
        let name = Self.fullName(image)
        local[name] = SimulatedImage(name: name, script: script, createdAt: now())
    }

    /// Makes an image available to pulls.
    package func publish(image: String, _ script: ImageScript = ImageScript()) {
        registry[Self.fullName(image)] = script
    }

    /// Makes loads from `path` yield images.
    package func archive(_ path: String, _ images: [String: ImageScript]) { archives[path] = images }

    /// Decides what builds do.
    package func onBuild(_ builder: @escaping Builder) { self.builder = builder }

    /// Holds every pull until `gate` is open.
    package func holdPulls(_ gate: Gate?) { pullGate = gate }

    /// Ends the first process of a container by itself.
    package func exit(_ id: ContainerID, code: Int32?, outOfMemory: Bool = false) {
        end(id, ContainerExit(code: code, outOfMemory: outOfMemory))
    }

    /// Lets the first process of a container write a line.
    package func emit(_ id: ContainerID, _ text: String, to stream: OutputStream = .standardOutput) {
        write(id, ProcessOutput(stream: stream, bytes: Array(text.utf8) + [10]))
    }

    /// Makes a container vanish as if somebody had removed it behind the engine's back; no event says so.
    package func lose(_ id: ContainerID) { cells[id] = nil }

    // MARK: Containers

    package func createContainer(_ id: ContainerID, _ spec: ContainerSpec) async throws {
        record(.create(id))
        try spec.validate()
        try spec.require(capabilities, of: name)
        if let existing = cells[id] {
            guard existing.spec.isEquivalent(to: spec) else {
                throw EngineError(.containerExists, "container `\(id)` exists with another specification")
            }
            return
        }
        if let name = spec.name, let other = cells.values.first(where: { $0.spec.name == name }) {
            throw EngineError(.nameTaken, "name `\(name)` is taken by container `\(other.id)`")
        }
        guard let image = findImage(spec.image) else { throw EngineError.imageNotFound(spec.image) }
        _ = try spec.processArguments(image.script.configuration)
        cells[id] = SimulatedContainer(id: id, spec: spec, image: image, createdAt: now())
        hub.publish(.created(id))
    }

    package func startContainer(_ id: ContainerID) async throws {
        record(.start(id))
        let cell = try find(id)
        if cell.isAlive { return }
        if let gate = cell.image.script.startGate { try await gate.pass() }
        guard cells[id] === cell else { throw EngineError.notFound(id) }
        if cell.isAlive { return }
        if let error = cell.image.script.startError { throw error }
        let process = try cell.image.script.process(
            SimulatedRequest(
                id: id, arguments: cell.spec.processArguments(cell.image.script.configuration),
                environment: cell.environment(adding: [:]), isExec: false))
        cell.ports = assignPorts(cell.spec)
        if cell.spec.network == .bridge, cell.address == nil {
            cell.address = "10.99.\(nextAddress >> 8).\(nextAddress & 255)"
            nextAddress += 1
        }
        cell.process = process
        cell.startedAt = now()
        cell.state = .running(processID: cell.nextProcessID())
        cell.processID.map { hub.publish(.started(id, processID: $0)) }
        process.output.forEach { write(id, $0) }
        if let code = process.exit { end(id, ContainerExit(code: code)) }
    }

    package func stopContainer(_ id: ContainerID, grace: Duration) async throws -> ContainerExit {
        record(.stop(id))
        let cell = try find(id)
        guard cell.isAlive else { return cell.lastExit ?? ContainerExit(code: nil) }
        let run = cell.runs
        cell.state = cell.processID.map { .running(processID: $0) } ?? cell.state  // a paused one is thawed
        if let status = cell.process.statusWhenAsked {
            end(id, ContainerExit(code: status))
        } else {
            try await sleep(grace)
            if cell.runs == run { end(id, ContainerExit(code: 137)) }
        }
        return cell.lastExit ?? ContainerExit(code: nil)
    }

    package func killContainer(_ id: ContainerID, signal: Int32) async throws {
        record(.kill(id, signal))
        let cell = try findAlive(id)
        switch signal {
        case 9: end(id, ContainerExit(code: 137))
        case 15: if let status = cell.process.statusWhenAsked { end(id, ContainerExit(code: status)) }
        default: break
        }
    }

    package func pauseContainer(_ id: ContainerID) async throws {
        record(.pause(id))
        try require(.pause, "pausing")
        let cell = try findAlive(id)
        guard case .running(let pid) = cell.state else { return }
        cell.state = .paused(processID: pid)
        hub.publish(.paused(id))
    }

    package func resumeContainer(_ id: ContainerID) async throws {
        record(.resume(id))
        try require(.pause, "pausing")
        let cell = try findAlive(id)
        guard case .paused(let pid) = cell.state else { return }
        cell.state = .running(processID: pid)
        hub.publish(.resumed(id))
    }

    package func removeContainer(_ id: ContainerID, force: Bool) async throws {
        record(.remove(id))
        guard let cell = cells[id] else { return }
        if cell.isAlive {
            guard force else {
                throw EngineError(
                    .containerRunning, "container `\(id)` is running", hint: "stop it, or force the removal")
            }
            end(id, ContainerExit(code: 137))
        }
        cells[id] = nil
        cell.removed()
        hub.publish(.removed(id))
    }

    package func container(_ id: ContainerID) async throws -> ObservedContainer? { cells[id]?.observed }

    package func containers() async throws -> [ObservedContainer] {
        cells.values.map(\.observed).sorted { ($0.createdAt, $0.id.rawValue) < ($1.createdAt, $1.id.rawValue) }
    }

    package func waitForExit(_ id: ContainerID) async throws -> ContainerExit {
        let cell = try find(id)
        if !cell.isAlive, let exit = cell.lastExit { return exit }
        return try await cell.exitWaiters.wait()
    }

    package nonisolated func events() -> AsyncStream<EngineEvent> { hub.events() }

    package func address(of id: ContainerID, port: UInt16) async throws -> Endpoint {
        let cell = try findAlive(id)
        if let endpoint = cell.image.script.endpoint { return endpoint(id, port) }
        return Endpoint(host: cell.spec.network == .host ? "127.0.0.1" : cell.address ?? "127.0.0.1", port: port)
    }

    // MARK: Shared

    func record(_ call: Call) { calls.append(call) }

    func require(_ capability: EngineCapabilities, _ words: String) throws {
        guard capabilities.contains(capability) else { throw EngineError.unsupported(engine: name, capability: words) }
    }

    func find(_ id: ContainerID) throws -> SimulatedContainer {
        guard let cell = cells[id] else { throw EngineError.notFound(id) }
        return cell
    }

    func findAlive(_ id: ContainerID) throws -> SimulatedContainer {
        let cell = try find(id)
        guard cell.isAlive else { throw EngineError(.containerNotRunning, "container `\(id)` is not running") }
        return cell
    }

    func write(_ id: ContainerID, _ output: ProcessOutput) {
        cells[id]?.append(output, time: LogTime.text(milliseconds: now()))
    }

    private func end(_ id: ContainerID, _ exit: ContainerExit) {
        guard let cell = cells[id], cell.isAlive else { return }
        cell.end(exit, at: now())
        hub.publish(.exited(id, exit))
    }

    private func assignPorts(_ spec: ContainerSpec) -> [PublishedPort] {
        spec.ports.map { port in
            guard port.hostPort == 0 else { return port }
            var port = port
            port.hostPort = nextHostPort
            nextHostPort += 1
            return port
        }
    }
}
