/// How a container is to be found now, as its supervisor sees it.
package enum ContainerPhase: String, Codable, Hashable, Sendable, CaseIterable {
    /// Known, never started.
    case created
    /// Being started; its health is not known yet.
    case starting
    /// Its process runs and, where a health check is set, it is healthy.
    case running
    /// Its process runs, its health check fails.
    case unhealthy
    /// Its process is frozen.
    case paused
    /// It has been asked to end.
    case stopping
    /// Its process has ended and will not be started by itself.
    case exited
    /// Its process has ended and will be started again after a pause.
    case restarting
    /// It could not be started, or was restarted too often.
    case failed
    /// It no longer exists; the last news of it. Never seen in a list.
    case deleted
}

/// How a process ended.
package struct ContainerExit: Codable, Hashable, Sendable {
    /// The exit status; 128 + n when signal n ended it, 137 also when memory ran out; nil when nobody saw it end.
    package var code: Int32?
    /// Whether the kernel ended it for lack of memory.
    package var outOfMemory: Bool

    /// An exit; a nil code says that nobody saw it.
    package init(code: Int32?, outOfMemory: Bool = false) {
        self.code = code
        self.outOfMemory = outOfMemory
    }
}

/// One container with its desired and its observed state.
package struct ContainerStatus: Codable, Hashable, Sendable {
    /// Its identifier.
    package var id: ContainerID
    /// What it shall be.
    package var spec: ContainerSpec
    /// Who deletes it.
    package var owner: ContainerOwner
    /// How it is now.
    package var phase: ContainerPhase
    /// The host's process identifier of its first process while it runs.
    package var processID: Int32?
    /// Milliseconds since 1970 of its creation.
    package var createdAt: Int64
    /// Milliseconds since 1970 of its latest start.
    package var startedAt: Int64?
    /// Milliseconds since 1970 of its latest end.
    package var finishedAt: Int64?
    /// How it ended last.
    package var exit: ContainerExit?
    /// Automatic starts since the last requested one.
    package var restarts: Int
    /// The address on the instance's bridge.
    package var address: String?
    /// Published ports with the host ports really taken.
    package var ports: [PublishedPort]
    /// Why it failed, for people.
    package var message: String?

    /// A status of a container that has never run.
    package init(id: ContainerID, spec: ContainerSpec, owner: ContainerOwner, createdAt: Int64) {
        self.id = id
        self.spec = spec
        self.owner = owner
        self.phase = .created
        self.createdAt = createdAt
        self.restarts = 0
        self.ports = spec.ports
    }
}

/// Who owns a container and deletes it.
package enum ContainerOwner: Hashable, Sendable, Codable, CustomStringConvertible {
    /// A person, through `run` or the API.
    case user
    /// An app, by its identifier.
    case app(String)

    /// `user` or `app/<id>`; also the value of the label `martlet.owner`.
    package var description: String {
        switch self {
        case .user: "user"
        case .app(let id): "app/\(id)"
        }
    }

    /// Reads what ``description`` writes.
    package init?(parsing text: String) {
        if text == "user" {
            self = .user
        } else if text.hasPrefix("app/"), text.utf8.count > 4 {
            self = .app(String(text.dropFirst(4)))
        } else {
            return nil
        }
    }

    /// Reads the text form.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let owner = ContainerOwner(parsing: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "owner `\(text)` is not known")
        }
        self = owner
    }

    /// Writes the text form.
    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
