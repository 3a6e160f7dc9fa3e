package import Core
package import OCI

/// What a driver can do beyond the core of the protocol.
package struct EngineCapabilities: OptionSet, Sendable, Hashable {
    package let rawValue: Int
    /// Wraps a bit set.
    package init(rawValue: Int) { self.rawValue = rawValue }
    /// Builds images.
    package static let build = EngineCapabilities(rawValue: 1)
    /// Fetches images from registries.
    package static let pull = EngineCapabilities(rawValue: 2)
    /// Freezes and thaws containers.
    package static let pause = EngineCapabilities(rawValue: 4)
    /// Enforces resource limits.
    package static let limits = EngineCapabilities(rawValue: 8)
    /// Connects containers to a bridge, with names and published ports.
    package static let bridge = EngineCapabilities(rawValue: 16)
    /// Gives containers a pseudo-terminal.
    package static let terminal = EngineCapabilities(rawValue: 32)
    /// Runs containers whose root is a mounted directory.
    package static let mountRoots = EngineCapabilities(rawValue: 64)
    /// Reports resource use.
    package static let stats = EngineCapabilities(rawValue: 128)
}

/// When a pull goes to the registry.
package enum PullPolicy: String, Codable, Sendable, CaseIterable {
    case always, missing, never
}

/// How an image is pulled.
package struct ImagePullOptions: Sendable {
    /// When the registry is asked.
    package var policy = PullPolicy.missing
    /// Whether plain HTTP and unverified certificates are accepted; loopback registries are always tried that way too.
    package var insecure = false
    /// `user:password` for the registry.
    package var credentials: String?

    /// Pull when missing, verified.
    package init() {}
}

/// What is built.
package struct ImageBuildRequest: Sendable {
    /// Absolute path of the build context.
    package var contextDirectory: String
    /// Absolute path of the container file.
    package var containerFile: String
    /// The name the image gets.
    package var tag: ImageReference
    /// Build arguments.
    package var arguments: [String: String] = [:]
    /// Further build arguments, whose values must not be found in command lines, output, history or caches afterwards.
    package var secretArguments: [String: String] = [:]
    /// The stage to stop at.
    package var target: String?
    /// Labels put on the image.
    package var labels: [String: String] = [:]
    /// Whether earlier layers are not reused.
    package var noCache = false

    /// A build of `containerFile` in `contextDirectory`.
    package init(contextDirectory: String, containerFile: String, tag: ImageReference) {
        self.contextDirectory = contextDirectory
        self.containerFile = containerFile
        self.tag = tag
    }
}

/// One image of the local store.
package struct ImageRecord: Codable, Hashable, Sendable {
    /// Digest of its manifest: its identity.
    package var digest: Digest
    /// Its names, full form.
    package var references: [String]
    /// Bytes of its compressed layers.
    package var size: ByteCount
    /// Milliseconds since 1970 at which it entered this store.
    package var createdAt: Int64
    /// `amd64` and the like.
    package var architecture: String
    /// What the image says of how to run it.
    package var configuration: ImageRunConfiguration
    /// Digests of its layers' uncompressed content, lowest first.
    package var layers: [Digest]

    /// An image with everything known of it.
    package init(
        digest: Digest, references: [String], size: ByteCount, createdAt: Int64, architecture: String,
        configuration: ImageRunConfiguration, layers: [Digest]
    ) {
        self.digest = digest
        self.references = references
        self.size = size
        self.createdAt = createdAt
        self.architecture = architecture
        self.configuration = configuration
        self.layers = layers
    }
}

/// How an image wants to be run. Source: OCI image spec 1.1, "config".
package struct ImageRunConfiguration: Codable, Hashable, Sendable {
    /// `NAME=value` entries.
    package var environment: [String] = []
    /// First words of the process.
    package var entrypoint: [String] = []
    /// Further words, replaceable.
    package var command: [String] = []
    /// Working directory; empty means `/`.
    package var workingDirectory = ""
    /// User; empty means root.
    package var user = ""
    /// Exposed ports such as `80/tcp`, sorted.
    package var exposedPorts: [String] = []
    /// Volume paths, sorted.
    package var volumes: [String] = []
    /// Labels.
    package var labels: [String: String] = [:]
    /// The signal that asks the process to end; empty means SIGTERM.
    package var stopSignal = ""

    /// Nothing set.
    package init() {}
}

/// What a prune removed.
package struct ImagePruneReport: Codable, Hashable, Sendable {
    /// Names or digests removed.
    package var removed: [String]
    /// Bytes freed on disk.
    package var freed: ByteCount

    /// What was removed.
    package init(removed: [String], freed: ByteCount) {
        self.removed = removed
        self.freed = freed
    }
}

/// The state of a container as an engine observes it.
package enum ObservedState: Codable, Hashable, Sendable {
    case created
    case running(processID: Int32)
    case paused(processID: Int32)
    case exited(ContainerExit)

    /// Whether a process exists.
    package var isAlive: Bool {
        switch self {
        case .running, .paused: true
        case .created, .exited: false
        }
    }

    /// Its first process, while there is one.
    package var processID: Int32? {
        switch self {
        case .running(let processID), .paused(let processID): processID
        case .created, .exited: nil
        }
    }
}

/// One container as an engine observes it.
package struct ObservedContainer: Codable, Hashable, Sendable {
    /// Its identifier.
    package var id: ContainerID
    /// The specification it was created with; secret values may be withheld.
    package var spec: ContainerSpec
    /// Its state.
    package var state: ObservedState
    /// The image it was created from.
    package var imageDigest: Digest?
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Milliseconds since 1970 of the latest start.
    package var startedAt: Int64?
    /// Milliseconds since 1970 of the latest end.
    package var finishedAt: Int64?
    /// Its address on the bridge.
    package var address: String?
    /// Published ports with the host ports really taken.
    package var ports: [PublishedPort]

    /// A container that was just created.
    package init(id: ContainerID, spec: ContainerSpec, state: ObservedState, createdAt: Int64) {
        self.id = id
        self.spec = spec
        self.state = state
        self.createdAt = createdAt
        self.ports = spec.ports
    }
}

/// Which of the two output streams a piece of output came from.
package enum OutputStream: String, Codable, Hashable, Sendable {
    case standardOutput = "stdout"
    case standardError = "stderr"
}

/// What part of a log is wanted.
package struct LogOptions: Sendable, Hashable {
    /// Whether to go on until the container ends.
    package var follow = false
    /// Only the last entries; nil means all.
    package var tail: Int?
    /// Only entries written at or after this time, milliseconds since 1970.
    package var since: Int64?

    /// The whole log so far.
    package init(follow: Bool = false, tail: Int? = nil, since: Int64? = nil) {
        self.follow = follow
        self.tail = tail
        self.since = since
    }
}

/// One line of a log.
package struct LogEntry: Codable, Hashable, Sendable {
    /// RFC 3339 with nanoseconds, as the monitor wrote it.
    package var time: String
    /// Where it was written.
    package var stream: OutputStream
    /// The line without its end; invalid UTF-8 is replaced.
    package var text: String

    /// One line.
    package init(time: String, stream: OutputStream, text: String) {
        self.time = time
        self.stream = stream
        self.text = text
    }
}

/// A further process in a running container.
package struct ExecSpec: Codable, Hashable, Sendable {
    /// Program and arguments.
    package var command: [String]
    /// Added to the container's environment.
    package var environment: [String: String] = [:]
    /// The container's when nil.
    package var workingDirectory: String?
    /// The container's when nil.
    package var user: String?
    /// Whether it gets a pseudo-terminal.
    package var terminal = false
    /// Whether standard input is open.
    package var openInput = false
    /// First size of the terminal.
    package var size: TerminalSize?

    /// A process with every default.
    package init(command: [String]) { self.command = command }
}

/// The size of a terminal in characters.
package struct TerminalSize: Codable, Hashable, Sendable {
    /// Characters in a line.
    package var columns: UInt16
    /// Lines.
    package var rows: UInt16

    /// A size in characters.
    package init(columns: UInt16, rows: UInt16) {
        self.columns = columns
        self.rows = rows
    }
}

/// A piece of output of a process; with a terminal everything is standard output.
package struct ProcessOutput: Hashable, Sendable {
    /// Where it was written.
    package var stream: OutputStream
    /// What was written.
    package var bytes: [UInt8]

    /// A piece of output.
    package init(stream: OutputStream, bytes: [UInt8]) {
        self.stream = stream
        self.bytes = bytes
    }
}

/// A connection to the streams of a process in a container. Only one reader may consume ``output``.
package protocol ProcessSession: Sendable {
    /// Output as it comes, with back-pressure; finishes when both streams are closed.
    var output: AsyncThrowingStream<ProcessOutput, any Error> { get }
    /// Writes to standard input; waits while the process does not read.
    func write(_ bytes: [UInt8]) async throws
    /// Closes standard input.
    func closeInput() async throws
    /// Sets the terminal's size; ignored without terminal.
    func resize(to size: TerminalSize) async throws
    /// Sends a signal to the process.
    func signal(_ signal: Int32) async throws
    /// How the process ended, waiting for the end if need be.
    func waitForExit() async throws -> ContainerExit
    /// Ends the connection. An exec'd process without terminal goes on; the first process always goes on.
    func detach() async
}

/// What a container uses now.
package struct ContainerStats: Codable, Hashable, Sendable {
    /// Milliseconds since 1970 at which this was read.
    package var readAt: Int64
    /// Processor time used since the start, in nanoseconds.
    package var processorNanoseconds: Int64
    /// Memory in use, without page cache that can be dropped.
    package var memory: ByteCount
    /// The limit; nil when unlimited.
    package var memoryLimit: ByteCount?
    /// Processes and threads.
    package var processes: Int
    /// Bytes received and sent on the bridge interface.
    package var received: ByteCount
    package var sent: ByteCount
    /// Bytes read from and written to block devices.
    package var blockRead: ByteCount
    package var blockWritten: ByteCount

    /// Everything zero.
    package init(readAt: Int64) {
        self.readAt = readAt
        self.processorNanoseconds = 0
        self.memory = ByteCount(0)
        self.processes = 0
        self.received = ByteCount(0)
        self.sent = ByteCount(0)
        self.blockRead = ByteCount(0)
        self.blockWritten = ByteCount(0)
    }
}

/// Something that happened to a container.
package enum EngineEvent: Hashable, Sendable {
    case created(ContainerID)
    case started(ContainerID, processID: Int32)
    case exited(ContainerID, ContainerExit)
    case paused(ContainerID)
    case resumed(ContainerID)
    case removed(ContainerID)
    /// Events were lost; list again.
    case overflow
}

/// An IP address and a port.
package struct Endpoint: Codable, Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 address.
    package var host: String
    /// A port.
    package var port: UInt16

    /// An IP address and a port.
    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, with brackets around IPv6.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
