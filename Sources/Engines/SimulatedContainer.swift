internal import Core
internal import OCI

/// An image of an ``InMemoryEngine``.
struct SimulatedImage: Sendable {
    let name: String
    let digest: Digest
    var script: ImageScript
    var references: [String]
    let createdAt: Int64

    init(name: String, script: ImageScript, createdAt: Int64) {
        self.name = name
        self.digest = Digest(of: Array("\(name)\(createdAt)".utf8))
        self.script = script
        self.references = [name]
        self.createdAt = createdAt
    }

    var record: ImageRecord {
        ImageRecord(
            digest: digest, references: references, size: .mebibytes(1), createdAt: createdAt, architecture: "amd64",
            configuration: script.configuration, layers: [Digest(of: Array(name.utf8))])
    }
}

/// A container of an ``InMemoryEngine``; only ever touched by the engine's actor.
final class SimulatedContainer {
    let id: ContainerID
    let spec: ContainerSpec
    let image: SimulatedImage
    let createdAt: Int64
    var state = ObservedState.created
    var process = SimulatedProcess()
    var startedAt: Int64?
    var finishedAt: Int64?
    var lastExit: ContainerExit?
    var address: String?
    var ports: [PublishedPort]
    var log: [LogEntry] = []
    var followers: [AsyncThrowingStream<LogEntry, any Error>.Continuation] = []
    var sessions: [SimulatedSession] = []
    /// How many runs have ended.
    var runs = 0
    let exitWaiters = ExitWaiters()
    private var lastProcessID: Int32 = 1000

    init(id: ContainerID, spec: ContainerSpec, image: SimulatedImage, createdAt: Int64) {
        self.id = id
        self.spec = spec
        self.image = image
        self.createdAt = createdAt
        self.ports = spec.ports
    }

    var isAlive: Bool { state.isAlive }

    var processID: Int32? {
        switch state {
        case .running(let pid), .paused(let pid): pid
        case .created, .exited: nil
        }
    }

    var observed: ObservedContainer {
        var observed = ObservedContainer(id: id, spec: spec, state: state, createdAt: createdAt)
        observed.imageDigest = image.digest
        observed.startedAt = startedAt
        observed.finishedAt = finishedAt
        observed.address = isAlive ? address : nil
        observed.ports = ports
        return observed
    }

    func nextProcessID() -> Int32 {
        lastProcessID += 1
        return lastProcessID
    }

    func environment(adding more: [String: String]) -> [String: String] {
        var all: [String: String] = [:]
        for entry in image.script.configuration.environment {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            all[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        for (name, value) in spec.environment { all[name] = value.exposed }
        return all.merging(more) { $1 }
    }

    func append(_ output: ProcessOutput, time: String) {
        sessions.forEach { $0.deliver(output) }
        var text = String(decoding: output.bytes, as: UTF8.self)
        if text.hasSuffix("\n") { text.removeLast() }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let entry = LogEntry(time: time, stream: output.stream, text: String(line))
            log.append(entry)
            followers.forEach { $0.yield(entry) }
        }
    }

    func end(_ exit: ContainerExit, at time: Int64) {
        state = .exited(exit)
        lastExit = exit
        finishedAt = time
        runs += 1
        followers.forEach { $0.finish() }
        followers = []
        sessions.forEach { $0.end(exit) }
        sessions = []
        exitWaiters.resume(.success(exit))
    }

    func removed() {
        followers.forEach { $0.finish() }
        exitWaiters.resume(.failure(EngineError.notFound(id)))
    }
}
