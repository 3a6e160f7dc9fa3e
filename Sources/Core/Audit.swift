/// How an audited action ended.
package enum AuditOutcome: String, Codable, Hashable, Sendable, CaseIterable {
    case succeeded, failed, cancelled, interrupted, denied
}

/// Who did what to which object, when, and how it ended.
package struct AuditRecord: Codable, Hashable, Sendable {
    /// Its place in the log; 0 before it is stored.
    package var number: Int64
    /// Milliseconds since 1970.
    package var time: Int64
    /// Who asked.
    package var initiator: String
    /// What was asked: the kind of a job, or another word of the same shape.
    package var action: String
    /// The object.
    package var target: String
    /// The job that did it.
    package var job: JobID?
    /// How it ended.
    package var outcome: AuditOutcome
    /// Why, when it did not succeed.
    package var message: String?

    /// An entry that is not stored yet.
    package init(
        time: Int64, initiator: String, action: String, target: String, job: JobID? = nil, outcome: AuditOutcome,
        message: String? = nil
    ) {
        self.number = 0
        self.time = time
        self.initiator = initiator
        self.action = action
        self.target = target
        self.job = job
        self.outcome = outcome
        self.message = message
    }
}
