import Core
import Testing

@testable import State

@Suite("Database")
struct DatabaseTests {
    @Test("a new database has the newest version and no predecessor")
    func opensNew() async throws {
        let database = try Database(path: ":memory:")

        #expect(try await database.version() == Migration.all.last?.number)
        #expect(database.quarantinedPath == nil)
    }

    @Test("migrations are numbered from 1 without gaps")
    func numbers() {
        #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
    }

    @Test("a migration runs on the database of the version before and keeps its rows")
    func migrates() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("m.db")
        let first = Migration(number: 1, statements: ["CREATE TABLE t (a TEXT) STRICT", "INSERT INTO t VALUES ('x')"])
        let second = Migration(number: 2, statements: ["ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 7"])
        try Database(path: path, migrations: [first]).close()

        let database = try Database(path: path, migrations: [first, second])

        let row = try await database.read { try $0.row("SELECT a, b FROM t").map { ($0.text("a"), $0.integer("b")) } }
        #expect(row?.0 == "x")
        #expect(row?.1 == 7)
        #expect(try await database.version() == 2)
    }

    @Test("a migration that fails leaves the version before, whole")
    func migrationFails() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("m.db")
        let first = Migration(number: 1, statements: ["CREATE TABLE t (a TEXT) STRICT"])
        let broken = Migration(
            number: 2, statements: ["CREATE TABLE u (a TEXT) STRICT", "SELECT nonsense FROM nowhere"])
        try Database(path: path, migrations: [first]).close()

        #expect(throws: StateError.self) { try Database(path: path, migrations: [first, broken]) }

        let database = try Database(path: path, migrations: [first])
        #expect(try await database.version() == 1)
        let tables = try await database.read {
            try $0.rows("SELECT name FROM sqlite_schema WHERE type = 'table'").count
        }
        #expect(tables == 1)
        #expect(database.quarantinedPath == nil)
    }

    @Test("a database of a newer program is refused and not changed")
    func refusesNewer() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("m.db")
        let newer = Migration(number: 1000, statements: ["CREATE TABLE future (a TEXT) STRICT"])
        try Database(path: path, migrations: Migration.all + [newer]).close()

        let error = #expect(throws: StateError.self) { try Database(path: path) }

        #expect(error?.code == .newerVersion)
        #expect(error?.kind == .unsupported)
        #expect(error?.message.contains("1000") == true)
        #expect(try directory.names() == ["m.db"])
        let again = try Database(path: path, migrations: Migration.all + [newer])
        #expect(try await again.version() == 1000)
    }

    @Test("a file that is no database is put aside with its content, and a new one begun")
    func quarantinesForeignFile() async throws {
        let directory = try TemporaryDirectory()
        let rubbish = Array("this is not a database, it only bears its name\n".utf8)
        try directory.write(rubbish, to: "m.db")

        let database = try Database(path: directory.file("m.db"))

        #expect(database.quarantinedPath == directory.file("m.db.damaged-1"))
        #expect(try directory.read("m.db.damaged-1") == rubbish)
        #expect(try await database.version() > 0)
    }

    @Test("a damaged database is put aside, and a second one does not replace the first")
    func quarantinesDamage() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("m.db")
        let database = try Database(path: path)
        let store = ContainerStore(database)
        for _ in 0..<200 {
            try await store.insert(ContainerRecord(id: .random(), owner: .user, spec: .init(image: "a"), createdAt: 1))
        }
        try database.close()
        var bytes = try directory.read("m.db")
        for index in 4096..<bytes.count - 4096 { bytes[index] = 0xA5 }
        try directory.write(bytes, to: "m.db")
        try directory.write([1], to: "m.db.damaged-1")

        let reopened = try Database(path: path)

        #expect(reopened.quarantinedPath == path + ".damaged-2")
        #expect(try directory.read("m.db.damaged-2") == bytes)
        #expect(try directory.read("m.db.damaged-1") == [1])
        #expect(try await ContainerStore(reopened).containers().records.isEmpty)
    }

    @Test("a directory that is missing is an error that names the file, not a reason to put anything aside")
    func missingDirectory() throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("nowhere/m.db")

        let error = #expect(throws: StateError.self) { try Database(path: path) }

        #expect(error?.code == .cannotOpen)
        #expect(error?.message.contains(path) == true)
    }

    @Test("a transaction that throws leaves nothing")
    func rollsBack() async throws {
        struct Refused: Error {}
        let database = try Database(path: ":memory:")

        await #expect(throws: Refused.self) {
            try await database.write { connection in
                try connection.execute(
                    "INSERT INTO audit (time, initiator, action, target, outcome) VALUES (1, 'a', 'b', 'c', 'failed')")
                throw Refused()
            }
        }

        #expect(try await AuditStore(database).records(limit: 10).isEmpty)
    }

    @Test("a write goes through although its task is cancelled")
    func cancelledWrite() async throws {
        let database = try Database(path: ":memory:")
        let store = AuditStore(database)

        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            try await store.append(
                AuditRecord(time: 1, initiator: "a", action: "b", target: "c", outcome: .succeeded))
        }

        try await task.value
        #expect(try await store.records(limit: 10).count == 1)
    }

    @Test("a write for a power failure syncs, and the next one does not")
    func durability() async throws {
        let directory = try TemporaryDirectory()
        let database = try Database(path: directory.file("m.db"))
        let level: @Sendable (Connection) throws -> Int64 = {
            try $0.row("PRAGMA synchronous")?.integer("synchronous") ?? -1
        }

        #expect(try await database.write(.powerFailure, level) == 2)
        #expect(try await database.write(.processKill, level) == 1)
    }

    @Test("a process killed between any two writes leaves everything written before, and nothing else")
    func killedBetweenWrites() async throws {
        let directory = try TemporaryDirectory()
        let database = try Database(path: directory.file("m.db"))
        let containers = ContainerStore(database)
        let jobs = JobStore(database)
        let job = JobRecord(id: .random(), kind: .containerStart, target: "c", initiator: "me", createdAt: 5)
        var ended = job
        ended.state = .succeeded
        ended.finishedAt = 6
        let finished = ended
        let ids = (0..<3).map { _ in ContainerID.random() }
        let writes: [@Sendable () async throws -> Void] = [
            { try await containers.insert(.init(id: ids[0], owner: .user, spec: .init(image: "a"), createdAt: 1)) },
            { try await containers.setDesired(.running, of: ids[0]) },
            { try await jobs.insert(job, fingerprint: nil) },
            { try await containers.insert(.init(id: ids[1], owner: .user, spec: .init(image: "a"), createdAt: 2)) },
            { try await jobs.finish(finished, events: [], dropping: []) },
            { try await containers.setDesired(.deleted, of: ids[0]) },
            { try await containers.remove(ids[0]) },
            { try await containers.insert(.init(id: ids[2], owner: .user, spec: .init(image: "a"), createdAt: 3)) },
        ]

        for write in writes {
            try await write()
            let copy = try TemporaryDirectory()
            try directory.copyAsKilled("m.db", into: copy)
            let reopened = try Database(path: copy.file("m.db"))

            #expect(reopened.quarantinedPath == nil)
            #expect(
                try await ContainerStore(reopened).containers().records == containers.containers().records)
            #expect(try await JobStore(reopened).jobs(limit: 10) == jobs.jobs(limit: 10))
            #expect(
                try await AuditStore(reopened).records(limit: 10) == AuditStore(database).records(limit: 10))
        }
    }

    @Test("a log cut short at any place costs at most the last transactions")
    func tornLog() async throws {
        let directory = try TemporaryDirectory()
        let database = try Database(path: directory.file("m.db"))
        let store = ContainerStore(database)
        var expected: [ContainerRecord] = []
        for number in 0..<8 {
            let record = ContainerRecord(
                id: .random(), owner: .user, spec: .init(image: "a"), createdAt: Int64(number))
            try await store.insert(record)
            expected.append(record)
        }
        let log = try directory.read("m.db-wal")

        for length in stride(from: 0, through: log.count, by: max(1, log.count / 23)) {
            let copy = try TemporaryDirectory()
            try directory.copyAsKilled("m.db", into: copy)
            try copy.write(Array(log.prefix(length)), to: "m.db-wal")
            let reopened = try Database(path: copy.file("m.db"))

            let found = try await ContainerStore(reopened).containers().records
            #expect(found == Array(expected.prefix(found.count)))
            #expect(reopened.quarantinedPath == nil)
        }
    }
}
