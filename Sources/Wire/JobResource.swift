/// One change under way, or its record.
package struct JobInfo: Codable, Hashable, Sendable {
    /// 32 hexadecimal digits.
    package var id: String
    /// What is done, such as `imagePull`.
    package var kind: String
    /// What it is done to.
    package var target: String
    /// How far it is.
    package var state: JobStateChoice
    /// Who asked for it.
    package var initiator: String
    /// Milliseconds since 1970.
    package var createdAt: Int64
    /// Milliseconds since 1970.
    package var startedAt: Int64?
    /// Milliseconds since 1970.
    package var finishedAt: Int64?
    /// The result as JSON text, after success.
    package var result: String?
    /// The failure, after one.
    package var error: JobFailureInfo?
    /// Number of the latest event.
    package var lastSequence: Int

    /// A job that has not begun.
    package init(id: String, kind: String, target: String, state: JobStateChoice, initiator: String, createdAt: Int64) {
        self.id = id
        self.kind = kind
        self.target = target
        self.state = state
        self.initiator = initiator
        self.createdAt = createdAt
        self.lastSequence = 0
    }
}

/// How far a job is.
package enum JobStateChoice: String, WireChoice {
    case queued, running, succeeded, failed, cancelled, interrupted

    /// Whether nothing more will happen.
    package var isFinal: Bool {
        switch self {
        case .queued, .running: false
        case .succeeded, .failed, .cancelled, .interrupted: true
        }
    }
}

/// Why a job failed.
package struct JobFailureInfo: Codable, Hashable, Sendable {
    /// What the outside may conclude, such as `notFound`.
    package var kind: String
    /// A stable code.
    package var code: String?
    /// What happened.
    package var message: String
    /// The way out.
    package var hint: String?

    /// A failure.
    package init(kind: String, code: String?, message: String, hint: String?) {
        self.kind = kind
        self.code = code
        self.message = message
        self.hint = hint
    }
}

/// One observation of a job; exactly one of `step`, `bytes`, `log` is set.
package struct JobEventInfo: Codable, Hashable, Sendable {
    /// Counts from 1 in each job.
    package var sequence: Int
    /// Milliseconds since 1970.
    package var time: Int64
    /// A named step began.
    package var step: String?
    /// Bytes of an item were moved.
    package var bytes: TransferInfo?
    /// One line of output.
    package var log: String?

    /// An event; what it is, is set afterwards.
    package init(sequence: Int, time: Int64) {
        self.sequence = sequence
        self.time = time
    }
}

/// How much of an item has been moved.
package struct TransferInfo: Codable, Hashable, Sendable {
    /// A layer, a file.
    package var item: String
    /// Bytes moved.
    package var done: Int64
    /// Bytes altogether; nil when not known.
    package var total: Int64?

    /// A transfer.
    package init(item: String, done: Int64, total: Int64?) {
        self.item = item
        self.done = done
        self.total = total
    }
}
