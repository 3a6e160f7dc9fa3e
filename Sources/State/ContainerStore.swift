package import Core

/// What the owner of a container wants of it.
package enum DesiredState: String, Codable, Hashable, Sendable, CaseIterable {
    case stopped, running
    /// It is being deleted; a deletion that was interrupted is taken up again.
    case deleted
}

/// One container as it is wanted. What is observed of it is not stored.
package struct ContainerRecord: Sendable, Hashable {
    /// Its identifier.
    package var id: ContainerID
    /// Who deletes it.
    package var owner: ContainerOwner
    /// What it shall be; secret values come back withheld.
    package var spec: ContainerSpec
    /// What is wanted of it.
    package var desired: DesiredState
    /// Whether it has ever been started.
    package var wasStarted: Bool
    /// Automatic starts since the last requested one.
    package var restarts: Int
    /// Ends in a row without a healthy run between them; decides the back-off.
    package var failedInARow: Int
    /// Milliseconds since 1970.
    package var createdAt: Int64

    /// A container that was just accepted and is not wanted to run yet.
    package init(id: ContainerID, owner: ContainerOwner, spec: ContainerSpec, createdAt: Int64) {
        self.id = id
        self.owner = owner
        self.spec = spec
        self.desired = .stopped
        self.wasStarted = false
        self.restarts = 0
        self.failedInARow = 0
        self.createdAt = createdAt
    }
}

/// The containers that shall exist.
package struct ContainerStore: Sendable {
    private let database: Database

    /// The containers in `database`.
    package init(_ database: Database) { self.database = database }

    /// Adds a container.
    /// - Throws: ``StateError`` `.constraint` when its identifier or name is taken.
    package func insert(_ record: ContainerRecord) async throws {
        let spec = try StoredJSON.text(record.spec)
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO containers
                    (id, name, owner, spec, desired, was_started, restarts, failed_in_a_row, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                .text(record.id.rawValue), SQLValue(record.spec.name?.rawValue), .text(record.owner.description),
                .text(spec), .text(record.desired.rawValue), .integer(record.wasStarted ? 1 : 0),
                .integer(Int64(record.restarts)), .integer(Int64(record.failedInARow)), .integer(record.createdAt))
        }
    }

    /// Records what is wanted, before anything is done about it. Wanting it to run also clears the restart counts.
    package func setDesired(_ desired: DesiredState, of id: ContainerID) async throws {
        try await database.write { connection in
            switch desired {
            case .running:
                try connection.execute(
                    """
                    UPDATE containers SET desired = 'running', was_started = 1, restarts = 0, failed_in_a_row = 0
                    WHERE id = ?
                    """, .text(id.rawValue))
            case .stopped, .deleted:
                try connection.execute(
                    "UPDATE containers SET desired = ? WHERE id = ?", .text(desired.rawValue), .text(id.rawValue))
            }
        }
    }

    /// Records the restart counts.
    package func setRestarts(_ restarts: Int, failedInARow: Int, of id: ContainerID) async throws {
        try await database.write { connection in
            try connection.execute(
                "UPDATE containers SET restarts = ?, failed_in_a_row = ? WHERE id = ?",
                .integer(Int64(restarts)), .integer(Int64(failedInARow)), .text(id.rawValue))
        }
    }

    /// Forgets a container; unknown ones are ignored.
    package func remove(_ id: ContainerID) async throws {
        try await database.write { connection in
            try connection.execute("DELETE FROM containers WHERE id = ?", .text(id.rawValue))
        }
    }

    /// The container, or nil.
    /// - Throws: ``StateError`` `.unreadable` when its record is damaged.
    package func container(_ id: ContainerID) async throws -> ContainerRecord? {
        try await database.read { connection in
            try connection.row("SELECT * FROM containers WHERE id = ?", .text(id.rawValue)).map(Self.record)
        }
    }

    /// All containers, oldest first, and what could not be read.
    package func containers() async throws -> (records: [ContainerRecord], unreadable: [UnreadableRecord]) {
        try await database.read { connection in
            var records: [ContainerRecord] = []
            var unreadable: [UnreadableRecord] = []
            try connection.forEachRow("SELECT * FROM containers ORDER BY created_at, id") { row in
                do {
                    records.append(try Self.record(row))
                } catch {
                    unreadable.append(
                        UnreadableRecord(table: "containers", key: row.text("id"), reason: String(describing: error)))
                }
            }
            return (records, unreadable)
        }
    }

    private static func record(_ row: SQLRow) throws -> ContainerRecord {
        let key = row.text("id")
        do {
            guard let id = ContainerID(rawValue: key) else {
                throw InvalidArgument(field: "id", value: key, rule: "it is no container identifier")
            }
            guard let owner = ContainerOwner(parsing: row.text("owner")) else {
                throw InvalidArgument(field: "owner", value: row.text("owner"), rule: "it names no owner")
            }
            guard let desired = DesiredState(rawValue: row.text("desired")) else {
                throw InvalidArgument(field: "desired", value: row.text("desired"), rule: "it is no desired state")
            }
            let spec = try StoredJSON.value(ContainerSpec.self, from: row.text("spec"))
            var record = ContainerRecord(id: id, owner: owner, spec: spec, createdAt: row.integer("created_at"))
            record.desired = desired
            record.wasStarted = row.integer("was_started") == 1
            record.restarts = Int(row.integer("restarts"))
            record.failedInARow = Int(row.integer("failed_in_a_row"))
            return record
        } catch {
            throw StateError.unreadable(table: "containers", key: key, cause: error)
        }
    }
}
