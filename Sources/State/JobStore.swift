package import Core

/// The jobs that were accepted, with their events and their place in the audit log.
package struct JobStore: Sendable {
    private let database: Database

    /// The jobs in `database`.
    package init(_ database: Database) { self.database = database }

    // MARK: The life of a job

    /// Records an accepted job.
    /// - Throws: ``StateError`` `.constraint` when the identifier is taken.
    package func insert(_ record: JobRecord, fingerprint: String?) async throws {
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO jobs (id, kind, target, fingerprint, initiator, state, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                """,
                .text(record.id.rawValue), .text(record.kind.rawValue), .text(record.target), SQLValue(fingerprint),
                .text(record.initiator), .text(record.state.rawValue), .integer(record.createdAt))
        }
    }

    /// Records that `alias` joined `id` and shall be answered with it.
    package func addAlias(_ alias: JobID, of id: JobID) async throws {
        try await database.write { connection in
            try connection.execute(
                "INSERT OR IGNORE INTO job_aliases (id, job_id) VALUES (?, ?)", .text(alias.rawValue),
                .text(id.rawValue))
        }
    }

    /// Records that the work began.
    package func setRunning(_ id: JobID, at time: Int64) async throws {
        try await database.write { connection in
            try connection.execute(
                "UPDATE jobs SET state = 'running', started_at = ? WHERE id = ? AND state = 'queued'",
                .integer(time), .text(id.rawValue))
        }
    }

    /// Records the end of a job, its last events and its audit entry in one transaction.
    package func finish(_ record: JobRecord, events: [JobEvent], dropping: [Int]) async throws {
        let stored = try Self.encoded(events)
        try await database.write { connection in
            try Self.write(stored, dropping, of: record.id, connection)
            try Self.finish(record, connection)
        }
    }

    /// Adds events and removes the sequence numbers in `dropping`.
    package func append(_ events: [JobEvent], dropping: [Int], to id: JobID) async throws {
        let stored = try Self.encoded(events)
        try await database.write { try Self.write(stored, dropping, of: id, $0) }
    }

    /// Ends every unfinished job that is not in `alive`; returns them as they are now.
    package func interruptUnfinished(except alive: Set<JobID>, at time: Int64, because failure: JobFailure) async throws
        -> [JobRecord]
    {
        try await database.write { connection in
            let unfinished = try connection.rows("SELECT * FROM jobs WHERE state IN ('queued','running')")
            return try unfinished.compactMap(Self.record).filter { !alive.contains($0.id) }.map { job in
                var job = job
                job.state = .interrupted
                job.finishedAt = time
                job.error = failure
                try Self.finish(job, connection)
                return job
            }
        }
    }

    // MARK: Questions

    /// The job with this identifier, or the one it joined; nil when there is none.
    package func job(_ id: JobID) async throws -> JobRecord? {
        try await database.read { connection in
            let row = try connection.row(
                """
                SELECT * FROM jobs WHERE id = coalesce((SELECT job_id FROM job_aliases WHERE id = ?1), ?1)
                """, .text(id.rawValue))
            return row.flatMap(Self.record)
        }
    }

    /// The fingerprint a job was submitted with.
    package func fingerprint(of id: JobID) async throws -> String? {
        try await database.read { connection in
            try connection.row("SELECT fingerprint FROM jobs WHERE id = ?", .text(id.rawValue))?
                .optionalText("fingerprint")
        }
    }

    /// The newest jobs, newest first.
    package func jobs(limit: Int) async throws -> [JobRecord] {
        try await database.read { connection in
            try connection.rows(
                "SELECT * FROM jobs ORDER BY created_at DESC, rowid DESC LIMIT ?", .integer(Int64(max(0, limit)))
            ).compactMap(Self.record)
        }
    }

    /// The stored events with a sequence number above `sequence`, in order.
    package func events(of id: JobID, after sequence: Int) async throws -> [JobEvent] {
        try await database.read { connection in
            try connection.rows(
                "SELECT sequence, time, event FROM job_events WHERE job_id = ? AND sequence > ? ORDER BY sequence",
                .text(id.rawValue), .integer(Int64(sequence))
            ).map { row in
                JobEvent(
                    sequence: Int(row.integer("sequence")), time: row.integer("time"),
                    event: try StoredJSON.value(ProgressEvent.self, from: row.text("event")))
            }
        }
    }

    /// Removes finished jobs beyond the newest `count` or finished before `time`, and the events of those beyond the
    /// newest `events`; returns how many jobs. Audit entries stay.
    @discardableResult
    package func removeFinished(
        keeping count: Int, keepingEventsOf events: Int, finishedBefore time: Int64
    ) async throws -> Int {
        try await database.write { connection in
            try connection.execute(
                """
                DELETE FROM job_events WHERE job_id IN (
                    SELECT id FROM jobs WHERE finished_at IS NOT NULL
                    ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?)
                """, .integer(Int64(max(0, events))))
            return try connection.execute(
                """
                DELETE FROM jobs WHERE finished_at IS NOT NULL AND (finished_at < ?1 OR id IN (
                    SELECT id FROM jobs WHERE finished_at IS NOT NULL
                    ORDER BY created_at DESC, rowid DESC LIMIT -1 OFFSET ?2))
                """, .integer(time), .integer(Int64(max(0, count))))
        }
    }

    /// The newest audit entries, newest first; with `before`, those older than that number.
    package func audit(limit: Int, before: Int64?) async throws -> [AuditRecord] {
        try await AuditStore(database).records(limit: limit, before: before)
    }

    /// Removes audit entries older than `time`; returns how many.
    @discardableResult
    package func removeAudit(before time: Int64) async throws -> Int {
        try await AuditStore(database).removeRecords(before: time)
    }

    // MARK: Rows

    private static func encoded(_ events: [JobEvent]) throws -> [(sequence: Int, time: Int64, json: String)] {
        try events.map { ($0.sequence, $0.time, try StoredJSON.text($0.event)) }
    }

    private static func write(
        _ events: [(sequence: Int, time: Int64, json: String)], _ dropping: [Int], of id: JobID,
        _ connection: Connection
    ) throws {
        for event in events {
            try connection.execute(
                "INSERT OR REPLACE INTO job_events (job_id, sequence, time, event) VALUES (?, ?, ?, ?)",
                .text(id.rawValue), .integer(Int64(event.sequence)), .integer(event.time), .text(event.json))
        }
        for sequence in dropping {
            try connection.execute(
                "DELETE FROM job_events WHERE job_id = ? AND sequence = ?", .text(id.rawValue),
                .integer(Int64(sequence)))
        }
        if let last = events.map(\.sequence).max() {
            try connection.execute(
                "UPDATE jobs SET last_sequence = max(last_sequence, ?) WHERE id = ?", .integer(Int64(last)),
                .text(id.rawValue))
        }
    }

    private static func finish(_ record: JobRecord, _ connection: Connection) throws {
        let changed = try connection.execute(
            """
            UPDATE jobs SET state = ?, started_at = ?, finished_at = ?, result = ?, error_kind = ?, error_code = ?,
                error_message = ?, error_hint = ?, last_sequence = max(last_sequence, ?)
            WHERE id = ? AND finished_at IS NULL
            """,
            .text(record.state.rawValue), SQLValue(record.startedAt), SQLValue(record.finishedAt),
            SQLValue(record.result), SQLValue(record.error?.kind.rawValue), SQLValue(record.error?.code),
            SQLValue(record.error?.message), SQLValue(record.error?.hint), .integer(Int64(record.lastSequence)),
            .text(record.id.rawValue))
        guard changed == 1, let outcome = AuditOutcome(record.state), let time = record.finishedAt else { return }
        try AuditStore.insert(
            AuditRecord(
                time: time, initiator: record.initiator, action: record.kind.rawValue, target: record.target,
                job: record.id, outcome: outcome, message: record.error?.message), connection)
    }

    private static func record(_ row: SQLRow) -> JobRecord? {
        guard let id = JobID(rawValue: row.text("id")), let kind = JobKind(rawValue: row.text("kind")),
            let state = JobState(rawValue: row.text("state"))
        else { return nil }
        var record = JobRecord(
            id: id, kind: kind, target: row.text("target"), initiator: row.text("initiator"),
            createdAt: row.integer("created_at"))
        record.state = state
        record.startedAt = row.optionalInteger("started_at")
        record.finishedAt = row.optionalInteger("finished_at")
        record.result = row.optionalText("result")
        record.lastSequence = Int(row.integer("last_sequence"))
        if let kind = row.optionalText("error_kind") {
            record.error = JobFailure(
                kind: ErrorKind(rawValue: kind) ?? .internalError, code: row.optionalText("error_code"),
                message: row.text("error_message"), hint: row.optionalText("error_hint"))
        }
        return record
    }
}

extension AuditOutcome {
    /// The outcome of a finished job; nil while it is not finished.
    init?(_ state: JobState) {
        switch state {
        case .queued, .running: return nil
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        case .cancelled: self = .cancelled
        case .interrupted: self = .interrupted
        }
    }
}
