/// What a container shall be: the input of an engine and the desired state of the control plane.
package struct ContainerSpec: Codable, Hashable, Sendable {
    /// Display and DNS name; unique in an instance.
    package var name: ContainerName?
    /// Reference or digest of a local image.
    package var image: String
    /// Replaces the image's entrypoint; nil keeps it, an empty list clears it.
    package var entrypoint: [String]?
    /// Replaces the image's command; nil keeps it (unless the entrypoint is replaced).
    package var command: [String]?
    /// Added to the image's environment, wins over it.
    package var environment: [String: EnvironmentValue] = [:]
    /// Replaces the image's working directory.
    package var workingDirectory: String?
    /// Replaces the image's user: `name`, `uid`, `user:group`.
    package var user: String?
    /// Host name inside; the container's name or identifier when nil.
    package var hostname: String?
    /// Free labels; `martlet.…` keys say who owns the container.
    package var labels: [String: String] = [:]
    /// Host directories and files visible inside.
    package var mounts: [BindMount] = []
    /// Ports reachable from the host.
    package var ports: [PublishedPort] = []
    /// How the container is connected.
    package var network = NetworkMode.bridge
    /// Further names under which other containers find this one.
    package var networkAliases: [String] = []
    /// Upper bounds on what it may use.
    package var limits = ResourceLimits()
    /// What it may do beyond an ordinary process.
    package var security = SecurityOptions()
    /// Whether the process gets a pseudo-terminal.
    package var terminal = false
    /// Whether standard input is kept open for attach.
    package var openInput = false
    /// What happens when the process ends.
    package var restart = RestartPolicy.no
    /// How readiness is judged; nil means ready as soon as it runs.
    package var health: HealthCheck?
    /// The signal asking the process to end; the image's, else SIGTERM, when nil.
    package var stopSignal: String?
    /// How long a stop waits before SIGKILL, in seconds.
    package var stopGraceSeconds = 10
    /// Whether the container is deleted once its process has ended.
    package var removeOnExit = false

    /// A container of `image` with every default.
    package init(image: String) { self.image = image }
}

/// The value of an environment variable; secrets show up in no description and in no encoding.
package enum EnvironmentValue: Hashable, Sendable, Codable, CustomStringConvertible, ExpressibleByStringLiteral {
    case plain(String)
    case secret(String)
    /// A secret that was decoded from stored state, which never holds its value.
    case withheld

    /// A plain value.
    package init(stringLiteral value: String) { self = .plain(value) }

    /// The value for the process; nil when it was withheld.
    package var exposed: String? {
        switch self {
        case .plain(let text), .secret(let text): text
        case .withheld: nil
        }
    }

    /// The plain value, or stars.
    package var description: String {
        switch self {
        case .plain(let text): text
        case .secret, .withheld: "******"
        }
    }

    private enum CodingKeys: String, CodingKey { case secret }

    /// Reads a string, or `{"secret": true}` as ``withheld``.
    package init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {  // not a string: the other form
            self = .plain(text)
        } else {
            _ = try decoder.container(keyedBy: CodingKeys.self).decode(Bool.self, forKey: .secret)
            self = .withheld
        }
    }

    /// Writes a plain value as a string and a secret as `{"secret": true}`.
    package func encode(to encoder: any Encoder) throws {
        switch self {
        case .plain(let text):
            var container = encoder.singleValueContainer()
            try container.encode(text)
        case .secret, .withheld:
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(true, forKey: .secret)
        }
    }
}

/// A host directory or file that appears inside a container.
package struct BindMount: Codable, Hashable, Sendable {
    /// An absolute path on the host; it must exist.
    package var source: String
    /// An absolute path inside.
    package var target: String
    /// Whether writes are refused.
    package var readOnly: Bool
    /// Whether the source, a new and empty directory, gets what the image has at the target before the first start.
    package var takesImageContent: Bool

    /// A bind of `source` at `target`.
    package init(source: String, target: String, readOnly: Bool = false, takesImageContent: Bool = false) {
        self.source = source
        self.target = target
        self.readOnly = readOnly
        self.takesImageContent = takesImageContent
    }

    /// Reads a mount; records of earlier releases do not say where its content comes from.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        source = try container.decode(String.self, forKey: .source)
        target = try container.decode(String.self, forKey: .target)
        readOnly = try container.decode(Bool.self, forKey: .readOnly)
        takesImageContent = try container.decodeIfPresent(Bool.self, forKey: .takesImageContent) ?? false
    }
}

/// A transport protocol of a published port.
package enum TransportProtocol: String, Codable, Hashable, Sendable, CaseIterable {
    case tcp, udp
}

/// A port of the container that is reachable through an address of the host.
package struct PublishedPort: Codable, Hashable, Sendable {
    /// The host address; `127.0.0.1` by default.
    package var hostAddress: String
    /// The host port; 0 asks for a free one.
    package var hostPort: UInt16
    /// The port inside.
    package var containerPort: UInt16
    /// TCP or UDP.
    package var transport: TransportProtocol

    /// A published port; a host port of 0 asks for a free one.
    package init(
        hostAddress: String = "127.0.0.1", hostPort: UInt16 = 0, containerPort: UInt16,
        transport: TransportProtocol = .tcp
    ) {
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.containerPort = containerPort
        self.transport = transport
    }
}

/// How a container is connected.
package enum NetworkMode: String, Codable, Hashable, Sendable, CaseIterable {
    /// An own network namespace on the instance's bridge.
    case bridge
    /// An own network namespace with loopback only.
    case none
    /// The host's network namespace.
    case host
}

/// Upper bounds on what a container may use; nil means unlimited.
package struct ResourceLimits: Codable, Hashable, Sendable {
    /// Memory without swap.
    package var memory: ByteCount?
    /// Processor time in thousandths of a core: 500 is half a core.
    package var milliCPUs: Int?
    /// Number of processes and threads.
    package var processes: Int? = 512

    /// No bounds but the default one on processes.
    package init() {}
}

/// What a container may do beyond an ordinary process.
package struct SecurityOptions: Codable, Hashable, Sendable {
    /// Capabilities added to the default set, such as `CAP_NET_ADMIN` or `NET_ADMIN`.
    package var addedCapabilities: [String] = []
    /// Capabilities taken from the default set; `ALL` takes all.
    package var droppedCapabilities: [String] = []
    /// Whether the root file system refuses writes.
    package var readOnlyRoot = false
    /// Whether set-user-ID programs gain nothing.
    package var noNewPrivileges = true

    /// The defaults.
    package init() {}
}

/// What happens when the process of a container ends.
package enum RestartPolicy: Codable, Hashable, Sendable, CustomStringConvertible {
    /// It stays as it is.
    case no
    /// It is started again after a non-zero exit, at most `maximum` times in a row (nil: without bound).
    case onFailure(maximum: Int?)
    /// It is started again whatever the exit, also after a restart of the daemon.
    case always
    /// As ``always``, except after it was stopped by request.
    case unlessStopped

    /// Reads `no`, `on-failure`, `on-failure:5`, `always`, `unless-stopped`; nil for anything else.
    package init?(parsing text: String) {
        switch text {
        case "no": self = .no
        case "on-failure": self = .onFailure(maximum: nil)
        case "always": self = .always
        case "unless-stopped": self = .unlessStopped
        default:
            guard text.hasPrefix("on-failure:"), let maximum = Int(text.dropFirst(11)), maximum > 0 else { return nil }
            self = .onFailure(maximum: maximum)
        }
    }

    /// The form that ``init(parsing:)`` reads.
    package var description: String {
        switch self {
        case .no: "no"
        case .onFailure(nil): "on-failure"
        case .onFailure(let maximum?): "on-failure:\(maximum)"
        case .always: "always"
        case .unlessStopped: "unless-stopped"
        }
    }

    /// Reads the text form.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let policy = RestartPolicy(parsing: text) else {
            throw DecodingError.dataCorruptedError(
                in: container,
                debugDescription: "restart policy `\(text)` is none of no, on-failure[:n], always, unless-stopped")
        }
        self = policy
    }

    /// Writes the text form.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// How readiness is judged.
package struct HealthCheck: Codable, Hashable, Sendable {
    /// What is asked.
    package enum Probe: Codable, Hashable, Sendable {
        /// A GET; ready when the final status (redirects followed) is one of `statuses`.
        case http(scheme: String, port: UInt16, path: String, statuses: ClosedRange<Int>)
        /// A TCP connection that is accepted.
        case tcp(port: UInt16)
        /// A command inside that exits with 0.
        case command([String])
    }

    /// What is asked.
    package var probe: Probe
    /// Time for one answer, in milliseconds.
    package var timeoutMilliseconds = 5000
    /// Attempts after a start before the container counts as failed; pauses double from 50 ms to 2 s.
    package var startAttempts = 75
    /// Pause between checks once it is healthy, in milliseconds; 0 switches them off.
    package var intervalMilliseconds = 20_000
    /// Failed checks in a row before a healthy container counts as unhealthy.
    package var failuresUntilUnhealthy = 3

    /// A check with the default timing.
    package init(probe: Probe) { self.probe = probe }
}
