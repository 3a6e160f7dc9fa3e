package import Core

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

/// The audit log: appended to, read newest first, shortened only by age.
package struct AuditStore: Sendable {
    private let database: Database

    /// The audit log in `database`.
    package init(_ database: Database) { self.database = database }

    /// Appends an entry.
    package func append(_ record: AuditRecord) async throws {
        try await database.write { try Self.insert(record, $0) }
    }

    /// The newest entries, newest first; with `before`, those older than that number.
    package func records(limit: Int, before: Int64? = nil) async throws -> [AuditRecord] {
        try await database.read { connection in
            try connection.rows(
                "SELECT * FROM audit WHERE number < ? ORDER BY number DESC LIMIT ?",
                .integer(before ?? Int64.max), .integer(Int64(max(0, limit)))
            ).compactMap(Self.record)
        }
    }

    /// Removes entries older than `time`; returns how many.
    @discardableResult
    package func removeRecords(before time: Int64) async throws -> Int {
        try await database.write { try $0.execute("DELETE FROM audit WHERE time < ?", .integer(time)) }
    }

    static func insert(_ record: AuditRecord, _ connection: Connection) throws {
        try connection.execute(
            """
            INSERT INTO audit (time, initiator, action, target, job_id, outcome, message)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            .integer(record.time), .text(record.initiator), .text(record.action), .text(record.target),
            SQLValue(record.job?.rawValue), .text(record.outcome.rawValue), SQLValue(record.message))
    }

    private static func record(_ row: SQLRow) -> AuditRecord? {
        guard let outcome = AuditOutcome(rawValue: row.text("outcome")) else { return nil }
        var record = AuditRecord(
            time: row.integer("time"), initiator: row.text("initiator"), action: row.text("action"),
            target: row.text("target"), job: row.optionalText("job_id").flatMap(JobID.init(rawValue:)),
            outcome: outcome, message: row.optionalText("message"))
        record.number = row.integer("number")
        return record
    }
}
