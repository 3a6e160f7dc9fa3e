import Core
import State
import Synchronization
import Testing

@testable import Jobs

@Suite("JobCoordinator")
struct JobCoordinatorTests {
    @Test("a job runs, returns its result and is audited")
    func succeeds() async throws {
        let bench = try Bench()

        let result = try await bench.jobs.run(request()) { context in
            context.report(.step("one"))
            return #"{"ok":true}"#
        }

        #expect(result == #"{"ok":true}"#)
        let record = try #require(try await bench.jobs.jobs(limit: 5).first)
        #expect((record.state, record.result, record.lastSequence) == (.succeeded, result, 1))
        let audit = try await AuditStore(bench.database).records(limit: 5)
        #expect(audit.map(\.outcome) == [.succeeded])
        #expect(audit.first?.initiator == "tester")
    }

    @Test("a failed job keeps kind, code, message and hint of its error")
    func fails() async throws {
        struct Refusal: MartletError {
            let kind = ErrorKind.unsupported
            var stableCode: String? { "NO-WAY" }
            let message = "not here"
            var hint: String? { "elsewhere" }
        }
        let bench = try Bench()

        let error = await #expect(throws: JobError.self) {
            try await bench.jobs.run(request()) { _ in throw Refusal() }
        }

        #expect((error?.kind, error?.stableCode) == (.unsupported, "NO-WAY"))
        #expect((error?.message, error?.hint) == ("not here", "elsewhere"))
        let record = try #require(try await bench.jobs.jobs(limit: 1).first)
        #expect(record.state == .failed)
        #expect(record.error == JobFailure(kind: .unsupported, code: "NO-WAY", message: "not here", hint: "elsewhere"))
    }

    @Test("the end of a job is never missed, however soon it comes")
    func endsAtOnce() async throws {
        struct Refused: Error {}
        let bench = try Bench()

        for _ in 0..<500 {
            await #expect(throws: JobError.self) { try await bench.jobs.run(request()) { _ in throw Refused() } }
        }
    }

    // MARK: Joining

    @Test("the repeat of a running identifier joins it")
    func joinsByID() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = JobID.random()
        let first = try await bench.jobs.submit(request(id: id)) { _ in
            await latch.wait()
            return "1"
        }

        let second = try await bench.jobs.submit(request(id: id)) { _ in "2" }
        latch.open()

        #expect(first == id)
        #expect(second == id)
        #expect(try await bench.jobs.wait(for: id).result == "1")
    }

    @Test("the repeat of a finished identifier returns the recorded result, also after a restart")
    func repeatsByID() async throws {
        let bench = try Bench()
        let id = JobID.random()
        _ = try await bench.jobs.run(request(id: id)) { _ in "1" }

        let again = try await bench.jobs.run(request(id: id)) { _ in "2" }
        let later = try await bench.restarted().run(request(id: id)) { _ in "3" }

        #expect(again == "1")
        #expect(later == "1")
    }

    @Test("an identifier for another request is refused, running or finished")
    func conflict() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = JobID.random()
        _ = try await bench.jobs.submit(request(id: id)) { _ in
            await latch.wait()
            return "1"
        }

        let running = await #expect(throws: JobError.self) {
            try await bench.jobs.submit(request("other", id: id)) { _ in "2" }
        }
        latch.open()
        _ = try await bench.jobs.wait(for: id)
        let finished = await #expect(throws: JobError.self) {
            try await bench.jobs.submit(request(id: id, fingerprint: "x")) { _ in "2" }
        }

        #expect(running?.code == .idConflict)
        #expect(finished?.code == .idConflict)
    }

    @Test("equal requests in flight are one job; later ones are not")
    func joinsByFingerprint() async throws {
        let bench = try Bench()
        let latch = Latch()
        let runs = Mutex(0)
        let work: @Sendable (JobContext) async throws -> String = { _ in
            runs.withLock { $0 += 1 }
            await latch.wait()
            return "1"
        }
        let alias = JobID.random()
        let first = try await bench.jobs.submit(request(fingerprint: "f"), work: work)

        let second = try await bench.jobs.submit(request(id: alias, fingerprint: "f"), work: work)
        let other = try await bench.jobs.submit(request(fingerprint: "g"), work: work)
        latch.open()
        _ = try await bench.jobs.wait(for: other)

        #expect(second == first)
        #expect(other != first)
        #expect(runs.withLock { $0 } == 2)
        #expect(try await bench.jobs.job(alias)?.id == first)
        #expect(try await bench.jobs.run(request(id: alias, fingerprint: "f"), work: work) == "1")
        let third = try await bench.jobs.submit(request(fingerprint: "f"), work: work)
        #expect(third != first)
    }

    // MARK: Order

    @Test("changes of one target are serial and in order, those of others go on")
    func order() async throws {
        let bench = try Bench()
        let latch = Latch()
        let log = Mutex<[String]>([])
        var ids: [JobID] = []
        for number in 1...3 {
            ids.append(
                try await bench.jobs.submit(request("a")) { _ in
                    if number == 1 { await latch.wait() }
                    log.withLock { $0.append("a\(number)") }
                    return ""
                })
        }

        _ = try await bench.jobs.run(request("b")) { _ in
            log.withLock { $0.append("b") }
            return ""
        }
        latch.open()
        for id in ids { _ = try await bench.jobs.wait(for: id) }

        #expect(log.withLock { $0 } == ["b", "a1", "a2", "a3"])
    }

    @Test("no more jobs than the width run at once")
    func width() async throws {
        let bench = try Bench(width: 2)
        let latch = Latch()
        var ids: [JobID] = []
        for number in 0..<5 {
            ids.append(
                try await bench.jobs.submit(request("t\(number)")) { _ in
                    await latch.wait()
                    return ""
                })
        }
        await latch.arrivals(2)

        let states = try await bench.jobs.jobs(limit: 10).map(\.state)
        latch.open()
        for id in ids { _ = try await bench.jobs.wait(for: id) }

        #expect(states.count { $0 == .queued } == 3)
        #expect(latch.arrived == 5)
    }

    @Test("a full queue refuses and remembers nothing")
    func queueFull() async throws {
        let bench = try Bench(width: 1) { $0.queue = 1 }
        let latch = Latch()
        let id = JobID.random()
        for target in ["a", "b"] {
            _ = try await bench.jobs.submit(request(target)) { _ in
                await latch.wait()
                return ""
            }
        }

        let error = await #expect(throws: JobError.self) {
            try await bench.jobs.submit(request("c", id: id)) { _ in "" }
        }
        latch.open()

        #expect(error?.code == .queueFull)
        #expect(error?.retryAfterSeconds == 1)
        #expect(try await bench.jobs.job(id) == nil)
    }

    // MARK: Jobs inside jobs

    @Test("a job that waits for another one lends it its place")
    func nested() async throws {
        let bench = try Bench(width: 1)

        let result = try await bench.jobs.run(request("app/a")) { _ in
            try await bench.jobs.run(request("image/b")) { _ in
                try await bench.jobs.run(request("image/c")) { _ in "deep" }
            }
        }

        #expect(result == "deep")
    }

    @Test("a job may run another one for its own target")
    func nestedSameTarget() async throws {
        let bench = try Bench()

        let result = try await bench.jobs.run(request("app/a", fingerprint: "f")) { _ in
            try await bench.jobs.run(request("app/a", fingerprint: "f")) { _ in "inside" }
        }

        #expect(result == "inside")
        #expect(try await bench.jobs.run(request("app/a")) { _ in "next" } == "next")
    }

    @Test("cancelling a job cancels the ones it began")
    func nestedCancel() async throws {
        let bench = try Bench()
        let began = Latch()
        let inner = JobID.random()
        let outer = try await bench.jobs.submit(request("app/a")) { _ in
            try await bench.jobs.run(request("image/b", id: inner)) { _ in
                began.open()
                await began.wait()
                return try await untilCancelled()
            }
        }
        await began.arrivals()

        try await bench.jobs.cancel(outer)

        #expect(try await bench.jobs.wait(for: outer).state == .cancelled)
        #expect(try await bench.jobs.wait(for: inner).state == .cancelled)
    }

    // MARK: Cancelling

    @Test("a running job is cancelled through its task")
    func cancelRunning() async throws {
        let bench = try Bench()
        let began = Latch()
        let id = try await bench.jobs.submit(request()) { _ in
            began.open()
            await began.wait()
            return try await untilCancelled()
        }
        await began.arrivals()

        try await bench.jobs.cancel(id)
        let record = try await bench.jobs.wait(for: id)

        #expect(record.state == .cancelled)
        #expect(record.error?.kind == .cancelled)
        try await bench.jobs.cancel(id)
    }

    @Test("a queued job is cancelled at once, without running")
    func cancelQueued() async throws {
        let bench = try Bench()
        let latch = Latch()
        let ran = Mutex(false)
        let first = try await bench.jobs.submit(request("a")) { _ in
            await latch.wait()
            return ""
        }
        let second = try await bench.jobs.submit(request("a")) { _ in
            ran.withLock { $0 = true }
            return ""
        }

        try await bench.jobs.cancel(second)

        #expect(try await bench.jobs.job(second)?.state == .cancelled)
        latch.open()
        _ = try await bench.jobs.wait(for: first)
        #expect(ran.withLock { $0 } == false)
    }

    @Test("cancelling an unknown job is an error")
    func cancelUnknown() async throws {
        let bench = try Bench()

        let error = await #expect(throws: JobError.self) { try await bench.jobs.cancel(.random()) }

        #expect(error?.kind == .notFound)
    }

    @Test("who waits may go away; the job goes on")
    func abandonedWait() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = JobID.random()
        let waiter = Task {
            try await bench.jobs.run(request(id: id)) { _ in
                await latch.wait()
                return "done"
            }
        }
        await latch.arrivals()

        waiter.cancel()

        await #expect(throws: CancellationError.self) { try await waiter.value }
        latch.open()
        #expect(try await bench.jobs.wait(for: id).result == "done")
    }

    // MARK: Restart and shutdown

    @Test("what an earlier daemon left unfinished is interrupted, with a message")
    func interrupted() async throws {
        let bench = try Bench()
        let queued = JobRecord(id: .random(), kind: .imagePull, target: "a", initiator: "me", createdAt: 1)
        let running = JobRecord(id: .random(), kind: .imagePull, target: "b", initiator: "me", createdAt: 1)
        for job in [queued, running] { try await bench.store.insert(job, fingerprint: nil) }
        try await bench.store.setRunning(running.id, at: 2)

        let interrupted = try await bench.jobs.recover()

        #expect(Set(interrupted.map(\.id)) == [queued.id, running.id])
        let record = try await bench.jobs.wait(for: running.id)
        #expect(record.state == .interrupted)
        #expect(record.error?.code == "job-interrupted")
        #expect(try await bench.jobs.recover() == interrupted)
    }

    @Test("a shutdown ends waiting and running jobs and accepts no more")
    func shutdown() async throws {
        let bench = try Bench(width: 1)
        let began = Latch()
        let running = try await bench.jobs.submit(request("a")) { _ in
            began.open()
            await began.wait()
            return try await untilCancelled()
        }
        let queued = try await bench.jobs.submit(request("b")) { _ in "" }
        await began.arrivals()

        await bench.jobs.shutdown()

        #expect(try await bench.jobs.job(running)?.state == .interrupted)
        #expect(try await bench.jobs.job(queued)?.state == .interrupted)
        let error = await #expect(throws: JobError.self) { try await bench.jobs.submit(request()) { _ in "" } }
        #expect(error?.code == .shuttingDown)
    }

    @Test("a shutdown does not wait for ever for work that ignores it")
    func shutdownDeadline() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = try await bench.jobs.submit(request()) { _ in
            await latch.wait()
            return ""
        }
        await latch.arrivals()

        async let ending: Void = bench.jobs.shutdown()
        await bench.time.sleepers(atLeast: 1)
        bench.time.advance(by: .seconds(10))
        await ending

        #expect(try await bench.jobs.job(id)?.state == .running)
        latch.open()
        _ = try await bench.jobs.wait(for: id)
    }

    // MARK: Throttling

    @Test("too fast repeats are refused with the time to wait")
    func throttled() async throws {
        let bench = try Bench()
        let restart = request("container/a", kind: .containerRestart)
        _ = try await bench.jobs.run(restart) { _ in "" }

        let error = await #expect(throws: JobError.self) { try await bench.jobs.submit(restart) { _ in "" } }
        bench.time.advance(by: .milliseconds(400))

        #expect(error?.code == .tooFrequent(retryAfterSeconds: 1))
        #expect((error?.kind, error?.stableCode) == (.unavailable, "too-many-requests"))
        #expect(try await bench.jobs.run(restart) { _ in "again" } == "again")
    }

    // MARK: Retention

    @Test("old jobs are forgotten at the start")
    func retention() async throws {
        let bench = try Bench()
        let id = JobID.random()
        _ = try await bench.jobs.run(request(id: id)) { _ in "" }
        bench.time.advance(by: .seconds(15 * 24 * 3600))

        let later = bench.restarted()
        try await later.recover()

        #expect(try await later.job(id) == nil)
        #expect(try await AuditStore(bench.database).records(limit: 5).count == 1)
    }
}
