import Core
import Testing

@testable import State

@Suite("Stores")
struct StoreTests {
    let database: Database

    init() throws { database = try Database(path: ":memory:") }

    // MARK: Containers

    @Test("a container comes back as it was put in, but for its secrets")
    func containerRoundTrip() async throws {
        let store = ContainerStore(database)
        var spec = ContainerSpec(image: "docker.io/library/alpine:3")
        spec.name = ContainerName(rawValue: "web")
        spec.environment = ["A": "1", "TOKEN": .secret("hunter2")]
        spec.restart = .onFailure(maximum: 3)
        spec.health = HealthCheck(probe: .http(scheme: "http", port: 80, path: "/", statuses: 200...299))
        let record = ContainerRecord(id: .random(), owner: .app("a1"), spec: spec, createdAt: 12)

        try await store.insert(record)
        let found = try #require(try await store.container(record.id))

        var expected = record
        expected.spec.environment["TOKEN"] = .withheld
        #expect(found == expected)
    }

    @Test("no file of the database holds a secret")
    func secretsStayOut() async throws {
        let directory = try TemporaryDirectory()
        let database = try Database(path: directory.file("m.db"))
        var spec = ContainerSpec(image: "a")
        spec.environment = ["TOKEN": .secret("hunter2-in-clear")]
        try await ContainerStore(database).insert(
            ContainerRecord(id: .random(), owner: .user, spec: spec, createdAt: 1))
        try database.close()

        for name in try directory.names() {
            let text = String(decoding: try directory.read(name), as: UTF8.self)
            #expect(!text.contains("hunter2"))
        }
    }

    @Test("names and identifiers of containers are unique")
    func uniqueNames() async throws {
        let store = ContainerStore(database)
        var spec = ContainerSpec(image: "a")
        spec.name = ContainerName(rawValue: "web")
        let record = ContainerRecord(id: .random(), owner: .user, spec: spec, createdAt: 1)
        try await store.insert(record)
        var other = record
        other.id = .random()
        let sameName = other
        var unnamed = record
        unnamed.spec.name = nil
        let sameID = unnamed

        for duplicate in [sameName, sameID] {
            let error = await #expect(throws: StateError.self) { try await store.insert(duplicate) }
            #expect(error?.code == .constraint)
            #expect(error?.kind == .alreadyExists)
        }
    }

    @Test("wanting a container to run clears its restart counts, wanting it stopped does not")
    func desired() async throws {
        let store = ContainerStore(database)
        let id = ContainerID.random()
        try await store.insert(ContainerRecord(id: id, owner: .user, spec: .init(image: "a"), createdAt: 1))
        try await store.setRestarts(4, failedInARow: 2, of: id)

        try await store.setDesired(.stopped, of: id)
        let stopped = try #require(try await store.container(id))
        try await store.setDesired(.running, of: id)
        let running = try #require(try await store.container(id))

        #expect(
            (stopped.desired, stopped.restarts, stopped.failedInARow, stopped.wasStarted) == (.stopped, 4, 2, false))
        #expect((running.desired, running.restarts, running.failedInARow, running.wasStarted) == (.running, 0, 0, true))
    }

    @Test("a record that cannot be read is reported and stays")
    func unreadable() async throws {
        let store = ContainerStore(database)
        let good = ContainerRecord(id: .random(), owner: .user, spec: .init(image: "a"), createdAt: 2)
        try await store.insert(good)
        try await database.write { connection in
            try connection.execute(
                """
                INSERT INTO containers (id, owner, spec, desired, created_at)
                VALUES ('odd', 'user', '{"future":true}', 'running', 1)
                """)
        }

        let (records, unreadable) = try await store.containers()

        #expect(records == [good])
        #expect(unreadable.map(\.key) == ["odd"])
        #expect(unreadable.first?.reason.contains("odd") == true)
        let rows = try await database.read { try $0.rows("SELECT id FROM containers").count }
        #expect(rows == 2)
    }

    @Test(
        "the schema refuses what the types could not have written",
        arguments: [
            "INSERT INTO containers (id, owner, spec, desired, created_at) VALUES ('a', 'user', '{', 'running', 1)",
            "INSERT INTO containers (id, owner, spec, desired, created_at) VALUES ('a', 'user', '{}', 'maybe', 1)",
            "INSERT INTO containers (id, owner, spec, desired, created_at) VALUES ('a', 'user', '{}', 'running', 'x')",
            "INSERT INTO job_events (job_id, sequence, time, event) VALUES ('none', 1, 1, '{}')",
            "INSERT INTO jobs (id, kind, target, initiator, state, created_at) VALUES ('short', 'a', 'b', 'c', 'queued', 1)",
            "INSERT INTO apps (id, path, name, source, state, created_at, updated_at) VALUES ('a', 'x', 'n', 's', 'l', 1, 1)",
        ])
    func checks(sql: String) async {
        let error = await #expect(throws: StateError.self) { try await database.write { try $0.execute(sql) } }
        #expect(error?.code == .constraint)
    }

    // MARK: Jobs

    @Test("a job's end, its last events and its audit entry are one write")
    func jobEnd() async throws {
        let store = JobStore(database)
        var job = JobRecord(id: .random(), kind: .imagePull, target: "image/a", initiator: "me", createdAt: 1)
        try await store.insert(job, fingerprint: "f")
        try await store.setRunning(job.id, at: 2)
        job.state = .failed
        job.startedAt = 2
        job.finishedAt = 3
        job.lastSequence = 2
        job.error = JobFailure(kind: .unavailable, code: "c", message: "m", hint: "h")
        let events = [
            JobEvent(sequence: 1, time: 2, event: .step("one")),
            JobEvent(sequence: 2, time: 2, event: .bytes(item: "layer", done: ByteCount(1), total: nil)),
        ]

        try await store.finish(job, events: events, dropping: [])

        #expect(try await store.job(job.id) == job)
        #expect(try await store.events(of: job.id, after: 0) == events)
        #expect(try await store.events(of: job.id, after: 1) == [events[1]])
        let audit = try #require(try await AuditStore(database).records(limit: 5).first)
        #expect((audit.initiator, audit.action, audit.target) == ("me", "image-pull", "image/a"))
        #expect((audit.outcome, audit.message, audit.job) == (.failed, "m", job.id))
    }

    @Test("an end is recorded once")
    func endsOnce() async throws {
        let store = JobStore(database)
        var job = JobRecord(id: .random(), kind: .imagePull, target: "a", initiator: "me", createdAt: 1)
        try await store.insert(job, fingerprint: nil)
        job.state = .succeeded
        job.finishedAt = 3
        try await store.finish(job, events: [], dropping: [])
        job.state = .failed

        try await store.finish(job, events: [], dropping: [])

        #expect(try await store.job(job.id)?.state == .succeeded)
        #expect(try await AuditStore(database).records(limit: 5).count == 1)
    }

    @Test("unfinished jobs are interrupted with a reason and audited")
    func interrupts() async throws {
        let store = JobStore(database)
        let alive = JobRecord(id: .random(), kind: .imagePull, target: "a", initiator: "me", createdAt: 1)
        let dead = JobRecord(id: .random(), kind: .imagePull, target: "b", initiator: "me", createdAt: 2)
        for job in [alive, dead] { try await store.insert(job, fingerprint: nil) }

        let failure = JobFailure(kind: .unavailable, message: "the daemon ended")
        let interrupted = try await store.interruptUnfinished(except: [alive.id], at: 9, because: failure)

        #expect(interrupted.map(\.id) == [dead.id])
        #expect(try await store.job(dead.id)?.error == failure)
        #expect(try await store.job(alive.id)?.state == .queued)
        #expect(try await AuditStore(database).records(limit: 5).map(\.outcome) == [.interrupted])
    }

    @Test("retention keeps the newest, drops the old, spares the unfinished and takes events along")
    func retention() async throws {
        let store = JobStore(database)
        var ids: [JobID] = []
        for number in 0..<6 {
            var job = JobRecord(
                id: .random(), kind: .imagePull, target: "a", initiator: "me", createdAt: Int64(number))
            ids.append(job.id)
            try await store.insert(job, fingerprint: nil)
            guard number > 0 else { continue }
            job.state = .succeeded
            job.finishedAt = Int64(number)
            try await store.finish(
                job, events: [JobEvent(sequence: 1, time: 1, event: .log("x"))], dropping: [])
        }

        let removed = try await store.removeFinished(keeping: 3, keepingEventsOf: 1, finishedBefore: 4)

        #expect(removed == 3)
        #expect(try await store.jobs(limit: 10).map(\.id) == [ids[5], ids[4], ids[0]])
        #expect(try await store.events(of: ids[1], after: 0).isEmpty)
        #expect(try await store.events(of: ids[4], after: 0).isEmpty)
        #expect(try await store.events(of: ids[5], after: 0).count == 1)
    }

    @Test("an alias answers with the job it joined")
    func alias() async throws {
        let store = JobStore(database)
        let job = JobRecord(id: .random(), kind: .imagePull, target: "a", initiator: "me", createdAt: 1)
        try await store.insert(job, fingerprint: nil)
        let alias = JobID.random()

        try await store.addAlias(alias, of: job.id)

        #expect(try await store.job(alias)?.id == job.id)
    }

    // MARK: Apps

    @Test("an app and its versions come back as they were put in, and go together")
    func appRoundTrip() async throws {
        let store = AppStore(database)
        var app = AppRecord(
            id: "a1", host: "", path: "/hello", name: "hello", source: "/src", state: "live", createdAt: 1)
        var version = AppVersionRecord(
            appID: "a1", number: 1, sourceDirectory: "/d", sourceDigest: "sha256:0", status: "new", createdAt: 2)
        try await store.insert(app, version: version)
        app.currentVersion = 1
        app.paramsJSON = #"{"a":"b"}"#
        app.updatedAt = 3
        version.containerID = "c1"
        version.status = "live"

        try await store.save(version, updating: app)

        #expect(try await store.app("a1") == app)
        #expect(try await store.app(host: "", path: "/hello") == app)
        #expect(try await store.versions(of: "a1") == [version])
        #expect(try await store.apps() == [app])
        try await store.remove("a1")
        #expect(try await store.versions(of: "a1").isEmpty)
    }

    @Test("two apps cannot have one address")
    func uniqueAddress() async throws {
        let store = AppStore(database)
        try await store.insert(
            AppRecord(id: "a", host: "h", path: "/x", name: "x", source: "s", state: "l", createdAt: 1))

        let error = await #expect(throws: StateError.self) {
            try await store.insert(
                AppRecord(id: "b", host: "h", path: "/x", name: "x", source: "s", state: "l", createdAt: 1))
        }

        #expect(error?.code == .constraint)
    }

    // MARK: Audit

    @Test("the audit log is read newest first, page by page, and shortened by age")
    func audit() async throws {
        let store = AuditStore(database)
        for time in 1...5 {
            try await store.append(
                AuditRecord(
                    time: Int64(time), initiator: "me", action: "a\(time)", target: "t", outcome: .succeeded))
        }

        let first = try await store.records(limit: 2)
        let second = try await store.records(limit: 2, before: first.last?.number)
        let removed = try await store.removeRecords(before: 3)

        #expect(first.map(\.action) == ["a5", "a4"])
        #expect(second.map(\.action) == ["a3", "a2"])
        #expect(removed == 2)
    }
}
