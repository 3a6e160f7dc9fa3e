package import Core

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
