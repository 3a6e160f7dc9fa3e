internal import Core
internal import Logging
internal import State

extension JobCoordinator {
    // MARK: Accepting

    /// Joins or creates; the flag says which.
    func accept(_ request: JobRequest, _ work: @escaping JobEntry.Work) async throws -> (id: JobID, isNew: Bool) {
        try await recover()
        let lineage = JobLineage.current
        if let id = request.id {
            if let entry = active[aliases[id] ?? id] { return (try joined(entry, request), false) }
            if let record = try await store.job(id) {
                let fingerprint = try await store.fingerprint(of: record.id)
                guard record.kind == request.kind, record.target == request.target,
                    fingerprint == request.fingerprint
                else { throw JobError.idConflict(id) }
                return (record.id, false)
            }
            if let entry = active[aliases[id] ?? id] { return (try joined(entry, request), false) }
        }
        guard !isShuttingDown else { throw JobError.shuttingDown }
        if let key = JobKey(request), !lineage.targets.contains(request.target), let id = inFlight[key],
            let entry = active[id]
        {
            try await addAlias(request.id, to: entry)
            return (id, false)
        }
        return (try await create(request, lineage, work), true)
    }

    private func joined(_ entry: JobEntry, _ request: JobRequest) throws -> JobID {
        guard entry.record.kind == request.kind, entry.record.target == request.target,
            entry.key?.fingerprint == request.fingerprint
        else { throw JobError.idConflict(request.id ?? entry.record.id) }
        return entry.record.id
    }

    private func addAlias(_ alias: JobID?, to entry: JobEntry) async throws {
        guard let alias, alias != entry.record.id else { return }
        aliases[alias] = entry.record.id
        entry.aliases.append(alias)
        guard entry.isStored else { return entry.unstoredAliases.append(alias) }
        try await store.addAlias(alias, of: entry.record.id)
    }

    private func create(
        _ request: JobRequest, _ lineage: JobLineage, _ work: @escaping JobEntry.Work
    ) async throws -> JobID {
        let isInside = lineage.targets.contains(request.target)
        guard isInside || scheduler.waiting < limits.queue else { throw JobError.queueFull(limit: limits.queue) }
        if !isInside, let wait = throttle.accept(request.kind, target: request.target, at: time.uptime) {
            throw JobError.tooFrequent(request.kind, target: request.target, retryAfter: wait.wholeSecondsUp)
        }
        let record = JobRecord(
            id: request.id ?? .random(), kind: request.kind, target: request.target, initiator: request.initiator,
            createdAt: time.milliseconds)
        let entry = JobEntry(
            record: record, key: JobKey(request), lineage: lineage,
            journal: JobJournal(time: time, retention: EventRetention()), work: work)
        active[record.id] = entry
        if let key = entry.key, inFlight[key] == nil { inFlight[key] = record.id }
        do {
            try await store.insert(record, fingerprint: request.fingerprint)
            entry.isStored = true
            for alias in entry.unstoredAliases { try await store.addAlias(alias, of: record.id) }
        } catch {
            forget(entry)
            for waiter in entry.waiters.values { waiter.resume(throwing: error) }
            entry.waiters = [:]
            throw error
        }
        enter(entry)
        return record.id
    }

    /// Queues an entry that has been recorded, unless it was asked to end meanwhile.
    private func enter(_ entry: JobEntry) {
        if entry.end != nil {
            finishWaiting(entry)
        } else if entry.isInside {
            scheduler.beganInside()
            start(entry)
        } else {
            scheduler.enqueue(entry.record.id, target: entry.record.target)
            startNext()
        }
    }

    // MARK: Running

    func startNext() {
        while let id = scheduler.next() {
            if let entry = active[id] { start(entry) }
        }
    }

    private func start(_ entry: JobEntry) {
        let lineage = entry.lineage.adding(entry.record.id, target: entry.record.target)
        // Owned by the entry: cancelled by `end`, waited for by `shutdown`.
        entry.task = Task {
            await JobLineage.$current.withValue(lineage) { await self.execute(entry.record.id) }
        }
    }

    private func execute(_ id: JobID) async {
        guard let entry = active[id] else { return }
        entry.record.state = .running
        entry.record.startedAt = time.milliseconds
        do {
            try await store.setRunning(id, at: time.milliseconds)
        } catch {
            logger.error("job state cannot be recorded", metadata: ["job.id": "\(id)", "error": "\(error)"])
        }
        let result = await perform(id, entry.journal, entry.work)
        entry.record.conclude(result, end: entry.end)
        await finish(entry)
        if entry.isInside { scheduler.endedInside() } else { scheduler.finished(target: entry.record.target) }
        startNext()
    }

    /// Does the work while its events are written at intervals.
    private nonisolated func perform(
        _ id: JobID, _ journal: JobJournal, _ work: @escaping JobEntry.Work
    ) async -> Result<String, any Error> {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.writeEvents(of: id, journal) }
            defer { group.cancelAll() }
            do {
                try Task.checkCancellation()
                return .success(try await work(JobContext(id: id, journal: journal)))
            } catch {
                return .failure(error)
            }
        }
    }

    private nonisolated func writeEvents(of id: JobID, _ journal: JobJournal) async {
        while !Task.isCancelled {
            await journal.waitForPending()
            // Cancelled at the end of the work: the rest is written with the result.
            do { try await time.sleep(for: limits.flushInterval) } catch { return }
            let batch = journal.takeBatch()
            guard !batch.isEmpty else { continue }
            do {
                try await store.append(batch.events, dropping: batch.dropped, to: id)
            } catch {
                logger.error("job events cannot be recorded", metadata: ["job.id": "\(id)", "error": "\(error)"])
            }
        }
    }

    // MARK: Ending

    /// Asks for the end of a job; one that has not started is finished in the background of its waiters.
    func end(_ entry: JobEntry, _ reason: JobEntry.End) {
        guard entry.end == nil else { return }
        entry.end = reason
        if let task = entry.task {
            task.cancel()
        } else if entry.isStored {
            scheduler.remove(entry.record.id, target: entry.record.target)
            finishWaiting(entry)
        }
    }

    /// Ends a job that never ran.
    private func finishWaiting(_ entry: JobEntry) {
        entry.record.conclude(.failure(CancellationError()), end: entry.end)
        // Owned by the entry, waited for by `shutdown` through the entry's place in `active`.
        entry.task = Task { await self.finish(entry.record.id) }
    }

    private func finish(_ id: JobID) async {
        if let entry = active[id] { await finish(entry) }
    }

    private func finish(_ entry: JobEntry) async {
        entry.journal.close()
        entry.record.finishedAt = time.milliseconds
        entry.record.lastSequence = entry.journal.lastSequence
        let batch = entry.journal.takeBatch()
        do {
            try await store.finish(entry.record, events: batch.events, dropping: batch.dropped)
        } catch {
            logger.error(
                "job result cannot be recorded", metadata: ["job.id": "\(entry.record.id)", "error": "\(error)"])
        }
        forget(entry)
        for waiter in entry.waiters.values { waiter.resume(returning: entry.record) }
        entry.waiters = [:]
        entry.journal.finish()
        if active.isEmpty {
            for waiter in idleWaiters.values { waiter.resume() }
            idleWaiters = [:]
        }
        logger.info(
            "job ended",
            metadata: [
                "job.id": "\(entry.record.id)", "job.kind": "\(entry.record.kind.rawValue)",
                "job.target": "\(entry.record.target)", "job.state": "\(entry.record.state.rawValue)",
            ])
        await cleanSometimes()
    }

    private func forget(_ entry: JobEntry) {
        active[entry.record.id] = nil
        if let key = entry.key, inFlight[key] == entry.record.id { inFlight[key] = nil }
        for alias in entry.aliases { aliases[alias] = nil }
    }

    // MARK: Waiting

    /// Waits for the end of an entry. A job that waits lends its place meanwhile.
    func waitForEnd(of entry: JobEntry, isCancellable: Bool) async throws -> JobRecord {
        let parent = JobLineage.current.ids.last.flatMap { active[$0] }
        if let parent {
            parent.waits += 1
            if parent.waits == 1 {
                scheduler.lendPlace()
                startNext()
            }
        }
        defer {
            if let parent {
                parent.waits -= 1
                if parent.waits == 0 { scheduler.takePlaceBack() }
            }
        }
        nextWaiter += 1
        let waiter = nextWaiter
        let id = entry.record.id
        guard isCancellable else {
            return try await withCheckedThrowingContinuation { self.register($0, as: waiter, of: entry, false) }
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { self.register($0, as: waiter, of: entry, true) }
        } onCancel: {
            // Bridges the synchronous handler to the actor; resumes one continuation and ends.
            Task { await self.abandon(waiter, of: id) }
        }
    }

    /// Only a closure that mentions `self` runs on the actor; one that does not would leave it for a moment, in which
    /// the job may end unheard.
    private func register(
        _ continuation: CheckedContinuation<JobRecord, any Error>, as waiter: UInt64, of entry: JobEntry,
        _ isCancellable: Bool
    ) {
        if active[entry.record.id] !== entry {
            continuation.resume(returning: entry.record)
        } else if isCancellable, Task.isCancelled {
            continuation.resume(throwing: CancellationError())
        } else {
            entry.waiters[waiter] = continuation
        }
    }

    private func abandon(_ waiter: UInt64, of id: JobID) {
        active[id]?.waiters.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
    }

    func waitUntilIdle() async {
        nextWaiter += 1
        let waiter = nextWaiter
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if active.isEmpty || Task.isCancelled {
                    continuation.resume()
                } else {
                    idleWaiters[waiter] = continuation
                }
            }
        } onCancel: {
            // Bridges the synchronous handler to the actor; resumes one continuation and ends.
            Task { await self.abandonIdle(waiter) }
        }
    }

    private func abandonIdle(_ waiter: UInt64) { idleWaiters.removeValue(forKey: waiter)?.resume() }

    func current(_ entry: JobEntry) -> JobRecord {
        var record = entry.record
        record.lastSequence = entry.journal.lastSequence
        return record
    }

    // MARK: Remembering

    func interruptLeftovers() async throws -> [JobRecord] {
        let interrupted = try await store.interruptUnfinished(
            except: [], at: time.milliseconds, because: .interrupted)
        for job in interrupted {
            logger.warning(
                "job was interrupted",
                metadata: ["job.id": "\(job.id)", "job.kind": "\(job.kind.rawValue)", "job.target": "\(job.target)"])
        }
        try await clean()
        return interrupted
    }

    private func cleanSometimes() async {
        finishedSinceCleaning += 1
        guard finishedSinceCleaning >= 100 else { return }
        finishedSinceCleaning = 0
        do { try await clean() } catch {
            logger.warning("old jobs cannot be removed", metadata: ["error": "\(error)"])
        }
    }

    private func clean() async throws {
        let now = time.milliseconds
        try await store.removeFinished(
            keeping: limits.kept, keepingEventsOf: limits.keptEvents,
            finishedBefore: now - limits.keptFor.wholeMilliseconds)
        try await store.removeAudit(before: now - limits.auditKeptFor.wholeMilliseconds)
    }
}

extension JobRecord {
    /// Sets the final state which `result` and the wish to end it lead to.
    mutating func conclude(_ result: Result<String, any Error>, end: JobEntry.End?) {
        switch (result, end) {
        case (.success(let value), _):
            state = .succeeded
            self.result = value
        case (.failure, .shutdown):
            state = .interrupted
            error = .interrupted
        case (.failure, .asked):
            state = .cancelled
            error = JobFailure(kind: .cancelled, code: "job-cancelled", message: "the job was cancelled")
        case (.failure(let failure), nil):
            let kept = JobFailure(failure)
            state = kept.kind == .cancelled ? .cancelled : .failed
            error = kept
        }
    }
}

extension JobFailure {
    static let interrupted = JobFailure(
        kind: .unavailable, code: "job-interrupted", message: "the daemon ended before the job did",
        hint: "look at what it left, then ask again with a new identifier")
}

extension Duration {
    var wholeMilliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }

    /// Seconds, rounded up, at least 1.
    var wholeSecondsUp: Int { max(1, Int(components.seconds) + (components.attoseconds > 0 ? 1 : 0)) }
}
