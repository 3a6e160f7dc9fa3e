internal import Core
internal import Engines
internal import Logging
internal import State

/// Brings one container to what is wanted of it and keeps it there.
///
/// Changes pass a turnstile one by one; each records what is wanted before it acts. What is observed is never
/// assumed: after each step and each event the engine is asked again, so that a lost or repeated event does no harm.
/// `run` counts the runs of the process; pauses and probes of an earlier run recognise by it that they are stale.
actor ContainerSupervisor {
    nonisolated let id: ContainerID
    let world: ControllerWorld
    private let turnstile = Turnstile()
    var record: ContainerRecord
    var machine: ContainerMachine
    var observed: ObservedContainer?
    var run = 0
    var message: String?
    /// Why it is not ready, when it should be.
    var failure: ContainerError?
    /// What the last daemon was about to do when it ended.
    var interrupted: AdoptionStep?
    /// Whether its record is gone.
    private(set) var isForgotten = false
    var waiters: [UInt64: CheckedContinuation<ContainerStatus, any Error>] = [:]
    private var nextWaiter: UInt64 = 0

    init(_ record: ContainerRecord, world: ControllerWorld) {
        self.id = record.id
        self.record = record
        self.world = world
        self.machine = ContainerMachine(
            restarts: record.restarts, failedInARow: record.failedInARow, rule: world.rule)
    }

    // MARK: State

    /// The status as it is now.
    var status: ContainerStatus {
        var status = ContainerStatus(id: id, spec: record.spec, owner: record.owner, createdAt: record.createdAt)
        status.phase = machine.phase
        status.restarts = machine.restarts
        status.message = message
        guard let observed else { return status }
        status.startedAt = observed.startedAt
        switch observed.state {
        case .running(let processID), .paused(let processID):
            status.processID = processID
            status.address = observed.address
            status.ports = observed.ports
        case .exited(let exit):
            status.exit = exit
            status.finishedAt = observed.finishedAt
        case .created: break
        }
        return status
    }

    /// Shows the status and answers whoever waits for readiness.
    func publish() {
        guard !isForgotten else { return }  // it was removed by what is published
        let status = status
        world.board.post(status)
        guard !waiters.isEmpty, let answer = readiness(status) else { return }
        let answered = waiters.values
        waiters = [:]
        for waiter in answered { waiter.resume(with: answer) }
    }

    /// Runs the requested `body` when the changes before it are done, an interrupted one of the last daemon included.
    func inTurn<T: Sendable>(
        _ body: (isolated ContainerSupervisor) async throws -> T
    ) async throws -> T {
        try await turnstile.enter()
        defer { turnstile.leave() }
        await settleInTurn()
        guard !isForgotten else { throw ContainerError.notFound(id.rawValue, nearest: nil) }
        return try await body(self)
    }

    /// Runs `body` when the changes before it are done.
    func inOrder<T: Sendable>(
        _ body: (isolated ContainerSupervisor) async throws -> T
    ) async throws -> T {
        try await turnstile.enter()
        defer { turnstile.leave() }
        guard !isForgotten else { throw ContainerError.notFound(id.rawValue, nearest: nil) }
        return try await body(self)
    }

    /// The record is gone; whoever waits hears it.
    func forget() {
        isForgotten = true
        run += 1
        let failed = waiters.values
        waiters = [:]
        for waiter in failed { waiter.resume(throwing: ContainerError.notFound(id.rawValue, nearest: nil)) }
    }

    // MARK: Readiness

    /// Waits until the container is ready or will not become so by itself.
    func waitUntilReady() async throws -> ContainerStatus {
        guard !isForgotten else { throw ContainerError.notFound(id.rawValue, nearest: nil) }
        if let answer = readiness(status) { return try answer.get() }
        nextWaiter += 1
        let waiter = nextWaiter
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume(throwing: CancellationError())
                } else {
                    waiters[waiter] = continuation
                }
            }
        } onCancel: {
            // Bridges the synchronous handler to the actor; resumes one continuation and ends.
            Task { await self.abandon(waiter) }
        }
    }

    private func abandon(_ waiter: UInt64) {
        waiters.removeValue(forKey: waiter)?.resume(throwing: CancellationError())
    }

    /// Nil while it may still become ready.
    private func readiness(_ status: ContainerStatus) -> Result<ContainerStatus, any Error>? {
        switch status.phase {
        case .running: .success(status)
        case .starting, .stopping: nil
        case .created, .unhealthy, .paused, .exited, .restarting, .failed, .deleted:
            .failure(failure ?? ContainerError.notRunning(id, phase: status.phase))
        }
    }

    // MARK: Observing

    /// Looks at the engine and draws the conclusions; called for every event.
    func refresh() async {
        do {
            try await inOrder { supervisor in try await supervisor.look() }
        } catch is CancellationError {
            return
        } catch let error as ContainerError where error.code == .notFound {
            return
        } catch {
            world.logger.warning(
                "container cannot be observed", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    /// Looks at the engine after a change that failed. In turn only.
    func refreshInTurn() async {
        do { try await look() } catch { report(error) }
    }

    /// Asks the engine and applies the answer. In turn only.
    func look() async throws {
        observed = try await world.engine.container(id)
        switch observed?.state {
        case .running:
            if machine.phase == .paused {
                begin(machine.resumed(hasHealthCheck: record.spec.health != nil, at: world.time.uptime))
            } else if !machine.isAlive {
                foundRunning()
            }
        case .paused:
            if !machine.isAlive { foundRunning() }
            if machine.phase != .paused {
                machine.paused()
                run += 1
            }
        case .exited(let exit): await ended(exit)
        case .created, nil: await ended(ContainerExit(code: nil))
        }
        publish()
    }

    /// It runs although nobody here started it, or it did before this daemon began.
    func foundRunning() {
        run += 1
        failure = nil
        message = nil
        begin(machine.started(hasHealthCheck: record.spec.health != nil, at: world.time.uptime))
    }

    /// Starts what follows a start or a resumption.
    func begin(_ action: ContainerMachine.StartedAction?) {
        guard let check = record.spec.health else { return }
        let current = run
        switch action {
        case .probe: world.background.add { await self.watchHealth(check, of: current, isReady: false) }
        case .ready: world.background.add { await self.watchHealth(check, of: current, isReady: true) }
        case nil: break
        }
    }

    /// Its process has ended, by itself or by request. In turn only.
    func ended(_ exit: ContainerExit) async {
        guard machine.isAlive || machine.phase == .starting else { return }
        let wasWanted = machine.endIsWanted
        let restarts = machine.failedInARow
        let action = machine.exited(
            exit, policy: record.spec.restart, removeOnExit: record.spec.removeOnExit, at: world.time.uptime)
        guard action != .none else { return }
        run += 1
        logEnd(exit)
        if !wasWanted { failure = ContainerError.exitedEarly(id, exit, logTail: await logTail()) }
        if machine.failedInARow != restarts { await saveCounts() }
        await follow(action, exit)
    }

    /// The one line that tells people of the end of a run.
    func logEnd(_ exit: ContainerExit) {
        world.logger.info(
            "container exited",
            metadata: ["container.id": "\(id)", "exit.code": "\(exit.code.map(String.init) ?? "unknown")"])
    }

    private func follow(_ action: ContainerMachine.EndAction, _ exit: ContainerExit) async {
        switch action {
        case .none, .stay: break
        case .giveUp: message = "it ended \(machine.failedInARow + 1) times in a row; it is not started again"
        case .restart(let pause): scheduleRestart(after: pause)
        case .remove:
            do { try await remove() } catch {
                message = "it cannot be removed: \(error)"
                world.logger.error(
                    "container cannot be removed", metadata: ["container.id": "\(id)", "error": "\(error)"])
            }
        }
    }

    /// The last lines of the log; what cannot be had within 2 s is left out.
    func logTail() async -> [String] {
        let (engine, time, id) = (world.engine, world.time, id)
        return await withTaskGroup(of: [String].self) { group in
            group.addTask {
                var lines: [String] = []
                // A log that cannot be read leaves the message without lines.
                if let entries = try? await engine.logs(id, options: LogOptions(tail: 20)) {
                    do { for try await entry in entries { lines.append(entry.text) } } catch { return lines }
                }
                return lines
            }
            group.addTask {
                try? await time.sleep(for: .seconds(2))  // cancelled when the log came first
                return []
            }
            defer { group.cancelAll() }
            return await group.next() ?? []
        }
    }

    func saveCounts() async {
        do {
            try await world.store.setRestarts(machine.restarts, failedInARow: machine.failedInARow, of: id)
        } catch {
            world.logger.error(
                "restart count cannot be recorded", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    /// Records that a container which a person had stopped is wanted again; leaves its counts otherwise.
    func wantAgain() async throws {
        if record.desired == .stopped { try await want(.running) }
    }

    /// Records what is wanted, before it is done. In turn only.
    func want(_ desired: DesiredState) async throws {
        try await world.store.setDesired(desired, of: id)
        record.desired = desired
        if desired == .running { record.wasStarted = true }
    }
}
