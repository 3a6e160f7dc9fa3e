/// What a container shall be, as requests say it and answers repeat it; a nil field means the default.
package struct ContainerSettings: Codable, Hashable, Sendable {
    /// Display and DNS name, unique in the instance.
    package var name: String?
    /// Reference or digest of the image.
    package var image: String
    /// Replaces the image's entrypoint; an empty list clears it.
    package var entrypoint: [String]?
    /// Replaces the image's command.
    package var command: [String]?
    /// Added to the image's environment.
    package var environment: [String: String]?
    /// As ``environment``, for values that no answer, log or database shows; answers hold stars.
    package var secretEnvironment: [String: String]?
    /// The working directory inside.
    package var workingDirectory: String?
    /// `name`, `uid`, `user:group`.
    package var user: String?
    /// Host name inside.
    package var hostname: String?
    /// Free labels.
    package var labels: [String: String]?
    /// Host directories and files visible inside.
    package var mounts: [MountSettings]?
    /// Ports reachable from the host.
    package var ports: [PortSettings]?
    /// How it is connected; `bridge` by default.
    package var network: NetworkChoice?
    /// Further names under which other containers find it.
    package var networkAliases: [String]?
    /// Upper bounds on what it may use.
    package var limits: LimitSettings?
    /// What it may do beyond an ordinary process.
    package var security: SecuritySettings?
    /// Whether the process gets a pseudo-terminal.
    package var terminal: Bool?
    /// Whether standard input is kept open for attach.
    package var openInput: Bool?
    /// `no` (default), `on-failure[:n]`, `always`, `unless-stopped`.
    package var restart: String?
    /// How readiness is judged.
    package var health: HealthSettings?
    /// The signal that asks the process to end, such as `SIGTERM`.
    package var stopSignal: String?
    /// How long a stop waits before SIGKILL; 10 by default.
    package var stopGraceSeconds: Int?
    /// Whether the container is deleted once its process has ended.
    package var removeOnExit: Bool?

    /// A container of `image` with every default.
    package init(image: String) { self.image = image }
}

/// How a container is connected.
package enum NetworkChoice: String, WireChoice {
    case bridge, none, host
}

/// TCP or UDP.
package enum TransportChoice: String, WireChoice {
    case tcp, udp
}

/// A host directory or file that appears inside.
package struct MountSettings: Codable, Hashable, Sendable {
    /// An absolute path on the host.
    package var source: String
    /// An absolute path inside.
    package var target: String
    /// Whether writes are refused; false by default.
    package var readOnly: Bool?

    /// A bind of `source` at `target`.
    package init(source: String, target: String, readOnly: Bool? = nil) {
        self.source = source
        self.target = target
        self.readOnly = readOnly
    }
}

/// A published port.
package struct PortSettings: Codable, Hashable, Sendable {
    /// `127.0.0.1` by default.
    package var hostAddress: String?
    /// A free port when nil or 0.
    package var hostPort: UInt16?
    /// The port inside.
    package var containerPort: UInt16
    /// `tcp` by default.
    package var transport: TransportChoice?

    /// A published port.
    package init(
        hostAddress: String? = nil, hostPort: UInt16? = nil, containerPort: UInt16, transport: TransportChoice? = nil
    ) {
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.containerPort = containerPort
        self.transport = transport
    }
}

/// Upper bounds; a nil field means the default.
package struct LimitSettings: Codable, Hashable, Sendable {
    /// Bytes of memory; unlimited by default.
    package var memoryBytes: Int64?
    /// Thousandths of a core; unlimited by default.
    package var milliCPUs: Int?
    /// Processes and threads; 512 by default, -1 for unlimited.
    package var processes: Int?

    /// The defaults.
    package init() {}
}

/// What a container may do; a nil field means the default.
package struct SecuritySettings: Codable, Hashable, Sendable {
    /// Capabilities added to the default set.
    package var addedCapabilities: [String]?
    /// Capabilities taken away; `ALL` takes all.
    package var droppedCapabilities: [String]?
    /// Whether the root file system refuses writes; false by default.
    package var readOnlyRoot: Bool?
    /// Whether set-user-ID programs gain nothing; true by default.
    package var noNewPrivileges: Bool?

    /// The defaults.
    package init() {}
}

/// How readiness is judged; exactly one of `http`, `tcp`, `command` is set.
package struct HealthSettings: Codable, Hashable, Sendable {
    /// A GET.
    package var http: HTTPProbeSettings?
    /// A TCP connection.
    package var tcp: TCPProbeSettings?
    /// A command inside that exits with 0.
    package var command: [String]?
    /// Time for one answer; 5000 by default.
    package var timeoutMilliseconds: Int?
    /// Attempts after a start; 75 by default.
    package var startAttempts: Int?
    /// Pause between checks of a healthy container; 20000 by default, 0 switches them off.
    package var intervalMilliseconds: Int?
    /// Failed checks in a row before it counts as unhealthy; 3 by default.
    package var failuresUntilUnhealthy: Int?

    /// Nothing set.
    package init() {}
}

/// A GET that asks whether a container is ready.
package struct HTTPProbeSettings: Codable, Hashable, Sendable {
    /// `http` by default, or `https`.
    package var scheme: String?
    /// The port inside.
    package var port: UInt16
    /// `/` by default.
    package var path: String?
    /// Lowest status that counts as ready; 200 by default.
    package var lowestStatus: Int?
    /// Highest status that counts as ready; 299 by default.
    package var highestStatus: Int?

    /// A GET of `/` at `port`.
    package init(port: UInt16) { self.port = port }
}

/// A TCP connection that asks whether a container is ready.
package struct TCPProbeSettings: Codable, Hashable, Sendable {
    /// The port inside.
    package var port: UInt16

    /// A connection to `port`.
    package init(port: UInt16) { self.port = port }
}
