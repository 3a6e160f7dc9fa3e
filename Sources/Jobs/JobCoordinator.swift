package import Core
package import Logging
package import State

/// Accepts, joins, orders, runs, follows and remembers jobs.
///
/// ```
///     submit ──▶ same id known? ──▶ join / recorded result
///            ──▶ equal one in flight? ──▶ join
///            ──▶ throttle, queue limit ──▶ record it ──▶ wait for a turn ──▶ work ──▶ record result and audit
/// ```
/// Jobs of one target run one after another in the order of acceptance; jobs of different targets run in parallel
/// within ``JobLimits/width``. A job belongs to the coordinator, not to who submitted it: a client that goes away
/// cancels nothing. Whoever waits or follows costs a continuation, no place.
package actor JobCoordinator {
    let store: JobStore
    let limits: JobLimits
    let time: any TimeSource
    let logger: Logger
    var active: [JobID: JobEntry] = [:]
    var inFlight: [JobKey: JobID] = [:]
    var aliases: [JobID: JobID] = [:]
    var scheduler: JobScheduler
    var throttle: JobThrottle
    var isShuttingDown = false
    var finishedSinceCleaning = 0
    var nextWaiter: UInt64 = 0
    var idleWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var recovery: Task<[JobRecord], any Error>?

    /// A coordinator over `store`; nothing runs until a job is submitted.
    package init(
        store: JobStore, limits: JobLimits = JobLimits(), time: any TimeSource = SystemTimeSource(), logger: Logger
    ) {
        self.store = store
        self.limits = limits
        self.time = time
        self.logger = logger
        self.scheduler = JobScheduler(width: limits.width)
        self.throttle = JobThrottle(policy: limits.throttle)
    }

    /// Marks what an earlier daemon left unfinished as interrupted and forgets what is too old; done once, before the
    /// first job is accepted, whoever asks for it.
    /// - Returns: the jobs that were interrupted.
    @discardableResult
    package func recover() async throws -> [JobRecord] {
        if let recovery { return try await recovery.value }
        // Every caller of this method awaits it; it is short and need not be cancelled.
        let task = Task { try await self.interruptLeftovers() }
        recovery = task
        do { return try await task.value } catch {
            recovery = nil
            throw error
        }
    }

    /// Accepts a job, or joins an equal one.
    /// - Returns: the identifier of the job that does the work; it differs from `request.id` when another was joined.
    /// - Throws: ``JobError`` `.tooFrequent`, `.queueFull`, `.idConflict`, `.shuttingDown`.
    package func submit(
        _ request: JobRequest, work: @escaping @Sendable (JobContext) async throws -> String
    ) async throws -> JobID {
        try await accept(request, work).id
    }

    /// Submits and waits.
    ///
    /// Cancelling the calling task ends the wait, not the job; unless the caller is itself the work of a job and
    /// nobody else waits: then the job it began ends with it.
    /// - Returns: the job's result, JSON.
    /// - Throws: ``JobError`` `.ended` with the kind, code, message and hint of the job's error.
    package func run(
        _ request: JobRequest, work: @escaping @Sendable (JobContext) async throws -> String
    ) async throws -> String {
        let (id, isNew) = try await accept(request, work)
        let record: JobRecord
        do {
            record = try await wait(for: id)
        } catch let error as CancellationError {
            guard isNew, !JobLineage.current.ids.isEmpty, let entry = active[id], entry.waiters.isEmpty else {
                throw error
            }
            end(entry, .asked)
            _ = try await waitForEnd(of: entry, isCancellable: false)
            throw error
        }
        guard record.state == .succeeded else {
            throw JobError.ended(record.error ?? JobFailure(kind: .internalError, message: "job `\(id)` did not end"))
        }
        return record.result ?? "null"
    }

    /// Waits until the job has ended, however it ended.
    /// - Throws: ``JobError`` `.notFound`; `CancellationError` when the calling task is cancelled.
    package func wait(for id: JobID) async throws -> JobRecord {
        while true {
            if let entry = active[aliases[id] ?? id] { return try await waitForEnd(of: entry, isCancellable: true) }
            guard let record = try await store.job(id) else { throw JobError.notFound(id) }
            if record.state.isFinal { return record }
            if active[record.id] == nil { try await recover() }
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// Asks a job to end; a waiting one ends at once, a running one when its work gives up. Ended ones stay as they are.
    package func cancel(_ id: JobID) async throws {
        if let entry = active[aliases[id] ?? id] {
            let wasQueued = entry.task == nil
            end(entry, .asked)
            if wasQueued { _ = try await waitForEnd(of: entry, isCancellable: false) }
        } else if try await store.job(id) == nil {
            throw JobError.notFound(id)
        }
    }

    /// The job, or the one it joined; nil when there is none.
    package func job(_ id: JobID) async throws -> JobRecord? {
        if let entry = active[aliases[id] ?? id] { return current(entry) }
        return try await store.job(id)
    }

    /// The newest jobs, newest first.
    package func jobs(limit: Int) async throws -> [JobRecord] {
        let stored = try await store.jobs(limit: limit)
        return stored.map { record in active[record.id].map(current) ?? record }
    }

    /// Who did what, when and with what result, newest first; with `before`, what is older than that number.
    package func audit(limit: Int, before: Int64? = nil) async throws -> [AuditRecord] {
        try await store.audit(limit: limit, before: before)
    }

    /// The kept events with a sequence number above `sequence`, then those still to come; ends with the job.
    package func events(of id: JobID, after sequence: Int) async throws -> AsyncStream<JobEvent> {
        if let entry = active[aliases[id] ?? id] { return entry.journal.follow(after: sequence) }
        guard let record = try await store.job(id) else { throw JobError.notFound(id) }
        if let entry = active[record.id] { return entry.journal.follow(after: sequence) }
        let events = try await store.events(of: record.id, after: sequence)
        return AsyncStream { continuation in
            for event in events { continuation.yield(event) }
            continuation.finish()
        }
    }

    /// Accepts nothing more, cancels everything and waits for the end of it, at most ``JobLimits/shutdownGrace``. What
    /// has not ended by then is found as interrupted at the next start.
    package func shutdown() async {
        isShuttingDown = true
        for entry in active.values { end(entry, .shutdown) }
        guard !active.isEmpty else { return }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.waitUntilIdle() }
            // Cancelled when the last job ends first.
            group.addTask { [time, limits] in try? await time.sleep(for: limits.shutdownGrace) }
            await group.next()
            group.cancelAll()
        }
        if !active.isEmpty {
            logger.warning("jobs did not end in time", metadata: ["jobs": "\(active.count)"])
        }
    }
}
