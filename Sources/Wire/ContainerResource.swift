/// `POST /v1/containers`: the settings and what else shall happen.
package struct CreateContainerRequest: Codable, Hashable, Sendable {
    /// What the container shall be; its fields stand beside the other ones in the JSON.
    package var settings: ContainerSettings
    /// The identifier; a random one when nil. A repeat with the same identifier and settings changes nothing.
    package var id: String?
    /// Whether it is started too; true by default.
    package var start: Bool?
    /// When the registry is asked for the image; `missing` by default.
    package var pull: PullChoice?

    /// A container with `settings` that is started.
    package init(settings: ContainerSettings) { self.settings = settings }

    private enum CodingKeys: String, CodingKey { case id, start, pull }

    package init(from decoder: any Decoder) throws {
        settings = try ContainerSettings(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        id = try container.decodeIfPresent(String.self, forKey: .id)
        start = try container.decodeIfPresent(Bool.self, forKey: .start)
        pull = try container.decodeIfPresent(PullChoice.self, forKey: .pull)
    }

    package func encode(to encoder: any Encoder) throws {
        try settings.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(id, forKey: .id)
        try container.encodeIfPresent(start, forKey: .start)
        try container.encodeIfPresent(pull, forKey: .pull)
    }
}

/// When a registry is asked for an image.
package enum PullChoice: String, WireChoice {
    case always, missing, never
}

/// How a container is to be found now.
package enum PhaseChoice: String, WireChoice {
    case created, starting, running, unhealthy, paused, stopping, exited, restarting, failed, deleted
}

/// One container, short: an element of `GET /v1/containers`.
package struct ContainerSummary: Codable, Hashable, Sendable {
    /// Its identifier.
    package var id: String
    /// Its name.
    package var name: String?
    /// Reference or digest of its image.
    package var image: String
    /// `user`, or `app/<id>`.
    package var owner: String
    /// How it is now.
    package var phase: PhaseChoice
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Milliseconds since 1970 of the latest start.
    package var startedAt: Int64?
    /// Milliseconds since 1970 of the latest end.
    package var finishedAt: Int64?
    /// How it ended last.
    package var exit: ExitInfo?
    /// Automatic starts since the last requested one.
    package var restarts: Int
    /// The address on the instance's bridge.
    package var address: String?
    /// Published ports with the host ports really taken.
    package var ports: [PortSettings]
    /// Why it failed, for people.
    package var message: String?

    /// A container that has never run.
    package init(id: String, image: String, owner: String, phase: PhaseChoice, createdAt: Int64) {
        self.id = id
        self.image = image
        self.owner = owner
        self.phase = phase
        self.createdAt = createdAt
        self.restarts = 0
        self.ports = []
    }
}

/// One container with everything known of it.
package struct ContainerInfo: Codable, Hashable, Sendable {
    /// What a list shows; its fields stand beside the other ones in the JSON.
    package var summary: ContainerSummary
    /// The host's process identifier while it runs.
    package var processID: Int32?
    /// What it shall be.
    package var settings: ContainerSettings

    /// A container and its settings.
    package init(summary: ContainerSummary, processID: Int32?, settings: ContainerSettings) {
        self.summary = summary
        self.processID = processID
        self.settings = settings
    }

    private enum CodingKeys: String, CodingKey { case processID, settings }

    package init(from decoder: any Decoder) throws {
        summary = try ContainerSummary(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        processID = try container.decodeIfPresent(Int32.self, forKey: .processID)
        settings = try container.decode(ContainerSettings.self, forKey: .settings)
    }

    package func encode(to encoder: any Encoder) throws {
        try summary.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(processID, forKey: .processID)
        try container.encode(settings, forKey: .settings)
    }
}

/// How a process ended.
package struct ExitInfo: Codable, Hashable, Sendable {
    /// The exit status, 128 + n after signal n; nil when nobody saw it end.
    package var code: Int32?
    /// Whether the kernel ended it for lack of memory.
    package var outOfMemory: Bool

    /// An exit.
    package init(code: Int32?, outOfMemory: Bool = false) {
        self.code = code
        self.outOfMemory = outOfMemory
    }
}

/// `POST …/stop` and `…/restart`; the body may be left out.
package struct StopContainerRequest: Codable, Hashable, Sendable {
    /// Seconds before SIGKILL; the container's own setting when nil.
    package var graceSeconds: Int?

    /// A stop with the container's own grace.
    package init(graceSeconds: Int? = nil) { self.graceSeconds = graceSeconds }
}

/// `POST …/kill` and `POST /v1/sessions/{id}/signal`; the body may be left out.
package struct SignalRequest: Codable, Hashable, Sendable {
    /// `SIGTERM`, `TERM` or a number; `SIGKILL` when nil.
    package var signal: String?

    /// A signal by name or number.
    package init(signal: String? = nil) { self.signal = signal }
}

/// One line of a log.
package struct LogLine: Codable, Hashable, Sendable {
    /// RFC 3339 with nanoseconds.
    package var time: String
    /// Where it was written.
    package var stream: StreamChoice
    /// The line without its end.
    package var text: String

    /// One line.
    package init(time: String, stream: StreamChoice, text: String) {
        self.time = time
        self.stream = stream
        self.text = text
    }
}

/// One of the two output streams.
package enum StreamChoice: String, WireChoice {
    case stdout, stderr
}

/// What a container uses now.
package struct StatsSample: Codable, Hashable, Sendable {
    /// Milliseconds since 1970.
    package var readAt: Int64
    /// Processor time since the start.
    package var processorNanoseconds: Int64
    /// Memory in use without page cache.
    package var memoryBytes: Int64
    /// Nil when unlimited.
    package var memoryLimitBytes: Int64?
    /// Processes and threads.
    package var processes: Int
    /// Bytes received on the bridge interface.
    package var receivedBytes: Int64
    /// Bytes sent on the bridge interface.
    package var sentBytes: Int64
    /// Bytes read from block devices.
    package var blockReadBytes: Int64
    /// Bytes written to block devices.
    package var blockWrittenBytes: Int64

    /// Everything zero.
    package init(readAt: Int64) {
        self.readAt = readAt
        self.processorNanoseconds = 0
        self.memoryBytes = 0
        self.processes = 0
        self.receivedBytes = 0
        self.sentBytes = 0
        self.blockReadBytes = 0
        self.blockWrittenBytes = 0
    }
}
