internal import Core
internal import Engines
internal import FoundationEssentials
internal import OCI

/// What is kept of a container across restarts of daemon and machine. Whether it runs is never in here: that is asked.
struct ContainerRecord: Codable, Sendable {
    var id: ContainerID
    /// The specification without the values of secrets.
    var spec: ContainerSpec
    var imageDigest: Digest
    /// The image's stop signal; empty for none.
    var stopSignal: String
    var createdAt: Int64
    var startedAt: Int64?
    var finishedAt: Int64?
    var exit: ContainerExit?
    var address: String?
    var ports: [PublishedPort]

    init(id: ContainerID, spec: ContainerSpec, imageDigest: Digest, stopSignal: String, createdAt: Int64) {
        self.id = id
        self.spec = spec
        self.imageDigest = imageDigest
        self.stopSignal = stopSignal
        self.createdAt = createdAt
        self.ports = spec.ports
    }

    func save(_ path: String) throws { try Files.write(Array(try JSONEncoder().encode(self)), to: path) }

    /// Nil when there is none.
    static func load(_ path: String) throws -> ContainerRecord? {
        guard let bytes = try Files.read(path) else { return nil }
        return try JSONDecoder().decode(ContainerRecord.self, from: Data(bytes))
    }
}
