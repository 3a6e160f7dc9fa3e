/// What a job does.
package enum JobKind: String, Codable, Hashable, Sendable, CaseIterable {
    case imagePull = "image-pull"
    case imageBuild = "image-build"
    case imageLoad = "image-load"
    case imageDelete = "image-delete"
    case imagePrune = "image-prune"
    case containerCreate = "container-create"
    case containerStart = "container-start"
    case containerStop = "container-stop"
    case containerRestart = "container-restart"
    case containerPause = "container-pause"
    case containerResume = "container-resume"
    case containerKill = "container-kill"
    case containerDelete = "container-delete"
    case containerRun = "container-run"
    case appCreate = "app-create"
    case appReload = "app-reload"
    case appApprove = "app-approve"
    case appUpdate = "app-update"
    case appDelete = "app-delete"
    case appStart = "app-start"
    case appStop = "app-stop"
    case appAction = "app-action"
    case systemPrune = "system-prune"
}

/// Where a job stands.
///     queued ──▶ running ──▶ succeeded | failed | cancelled        queued, running ──(daemon ends)──▶ interrupted
package enum JobState: String, Codable, Hashable, Sendable, CaseIterable {
    case queued, running, succeeded, failed, cancelled, interrupted

    /// Whether nothing more will happen.
    package var isFinal: Bool {
        switch self {
        case .queued, .running: false
        case .succeeded, .failed, .cancelled, .interrupted: true
        }
    }
}

/// Why a job did not succeed; what is left of its error once it is stored.
package struct JobFailure: Codable, Hashable, Sendable {
    /// What the outside may conclude.
    package var kind: ErrorKind
    /// The stable code, when the error had one.
    package var code: String?
    /// What happened, to which object.
    package var message: String
    /// The way out, when there is one.
    package var hint: String?

    /// A failure made of its parts.
    package init(kind: ErrorKind, code: String? = nil, message: String, hint: String? = nil) {
        self.kind = kind
        self.code = code
        self.message = message
        self.hint = hint
    }

    /// What is to be kept of `error`.
    package init(_ error: any Error) {
        switch error {
        case let error as any MartletError:
            self.init(kind: error.kind, code: error.stableCode, message: error.description, hint: error.hint)
        case is CancellationError:
            self.init(kind: .cancelled, message: "it was cancelled")
        default:
            self.init(kind: .internalError, message: String(describing: error))
        }
    }
}

/// One job as it is stored and shown. Times are milliseconds since 1970.
package struct JobRecord: Codable, Hashable, Sendable {
    /// Its identifier.
    package var id: JobID
    /// What it does.
    package var kind: JobKind
    /// What it changes: `container/<id>`, `image/<name>`, `app/<id>`.
    package var target: String
    /// Where it stands.
    package var state: JobState
    /// Who asked for it.
    package var initiator: String
    /// When it was accepted.
    package var createdAt: Int64
    /// When its work began.
    package var startedAt: Int64?
    /// When it ended.
    package var finishedAt: Int64?
    /// What it returned, as JSON.
    package var result: String?
    /// Why it did not succeed.
    package var error: JobFailure?
    /// The sequence number of its latest event; 0 without events.
    package var lastSequence: Int

    /// A job that was just accepted.
    package init(id: JobID, kind: JobKind, target: String, initiator: String, createdAt: Int64) {
        self.id = id
        self.kind = kind
        self.target = target
        self.state = .queued
        self.initiator = initiator
        self.createdAt = createdAt
        self.lastSequence = 0
    }
}

/// One piece of progress of a job. Sequence numbers ascend from 1; gaps are events that were dropped for space.
package struct JobEvent: Codable, Hashable, Sendable {
    /// Its place in the job.
    package var sequence: Int
    /// Milliseconds since 1970.
    package var time: Int64
    /// What was observed.
    package var event: ProgressEvent

    /// An event made of its parts.
    package init(sequence: Int, time: Int64, event: ProgressEvent) {
        self.sequence = sequence
        self.time = time
        self.event = event
    }
}
