internal import Core
internal import Engines
internal import OCI
internal import Wire

extension PhaseChoice {
    init(_ phase: ContainerPhase) {
        switch phase {
        case .created: self = .created
        case .starting: self = .starting
        case .running: self = .running
        case .unhealthy: self = .unhealthy
        case .paused: self = .paused
        case .stopping: self = .stopping
        case .exited: self = .exited
        case .restarting: self = .restarting
        case .failed: self = .failed
        case .deleted: self = .deleted
        }
    }
}

extension ExitInfo {
    init(_ exit: ContainerExit) { self.init(code: exit.code, outOfMemory: exit.outOfMemory) }
}

extension ContainerSummary {
    init(_ status: ContainerStatus) {
        self.init(
            id: status.id.rawValue, image: status.spec.image, owner: status.owner.description,
            phase: PhaseChoice(status.phase), createdAt: status.createdAt)
        name = status.spec.name?.rawValue
        startedAt = status.startedAt
        finishedAt = status.finishedAt
        exit = status.exit.map(ExitInfo.init)
        restarts = status.restarts
        address = status.address
        ports = status.ports.map(PortSettings.init)
        message = status.message
    }
}

extension ContainerInfo {
    init(_ status: ContainerStatus) {
        self.init(
            summary: ContainerSummary(status), processID: status.processID, settings: ContainerSettings(status.spec))
    }
}

extension LogLine {
    init(_ entry: LogEntry) {
        self.init(time: entry.time, stream: entry.stream == .standardError ? .stderr : .stdout, text: entry.text)
    }
}

extension StatsSample {
    init(_ stats: ContainerStats) {
        self.init(readAt: stats.readAt)
        processorNanoseconds = stats.processorNanoseconds
        memoryBytes = stats.memory.rawValue
        memoryLimitBytes = stats.memoryLimit?.rawValue
        processes = stats.processes
        receivedBytes = stats.received.rawValue
        sentBytes = stats.sent.rawValue
        blockReadBytes = stats.blockRead.rawValue
        blockWrittenBytes = stats.blockWritten.rawValue
    }
}

extension ImageInfo {
    init(_ record: ImageRecord) {
        self.init(
            digest: record.digest.rawValue, references: record.references, sizeBytes: record.size.rawValue,
            createdAt: record.createdAt, architecture: record.architecture)
        environment = record.configuration.environment
        entrypoint = record.configuration.entrypoint
        command = record.configuration.command
        workingDirectory = record.configuration.workingDirectory
        user = record.configuration.user
        exposedPorts = record.configuration.exposedPorts
        volumes = record.configuration.volumes
        labels = record.configuration.labels
        layers = record.layers.map(\.rawValue)
    }
}

extension PullPolicy {
    init(_ choice: PullChoice) {
        switch choice {
        case .always: self = .always
        case .missing: self = .missing
        case .never: self = .never
        }
    }
}

extension JobStateChoice {
    init(_ state: JobState) {
        switch state {
        case .queued: self = .queued
        case .running: self = .running
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .cancelled: self = .cancelled
        case .interrupted: self = .interrupted
        }
    }
}

extension JobInfo {
    init(_ record: JobRecord) {
        self.init(
            id: record.id.rawValue, kind: record.kind.rawValue, target: record.target,
            state: JobStateChoice(record.state),
            initiator: record.initiator, createdAt: record.createdAt)
        startedAt = record.startedAt
        finishedAt = record.finishedAt
        result = record.result
        error = record.error.map {
            JobFailureInfo(kind: $0.kind.rawValue, code: $0.code, message: $0.message, hint: $0.hint)
        }
        lastSequence = record.lastSequence
    }
}

extension JobEventInfo {
    init(_ event: JobEvent) {
        self.init(sequence: event.sequence, time: event.time)
        switch event.event {
        case .step(let name): step = name
        case .bytes(let item, let done, let total):
            bytes = TransferInfo(item: item, done: done.rawValue, total: total?.rawValue)
        case .log(let line): log = line
        }
    }
}
