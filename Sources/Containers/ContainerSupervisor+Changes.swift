internal import Core
internal import Engines
internal import Logging
internal import State

extension ContainerSupervisor {
    // MARK: Create and delete

    /// Records the container and creates it in the engine. A failure leaves neither.
    func create() async throws -> ContainerStatus {
        try await inTurn { supervisor in
            try await supervisor.createInTurn()
            return supervisor.status
        }
    }

    private func createInTurn() async throws {
        do {
            try await world.store.insert(record)
        } catch {
            forget()
            throw error
        }
        do {
            try await world.engine.createContainer(id, record.spec)
            observed = try await world.engine.container(id)
        } catch {
            await undoCreation()
            throw error
        }
        world.logger.info(
            "container created", metadata: ["container.id": "\(id)", "image": "\(record.spec.image)"])
        publish()
    }

    /// Nothing was recorded; whoever waited for the creation hears it.
    func abandonCreation() {
        if !isForgotten { forget() }
    }

    /// Takes back what a failed creation left; what cannot be taken back now is at the next start.
    private func undoCreation() async {
        let world = world
        let id = id
        // Detached from the caller's cancellation and awaited right here.
        let undoing = Task {
            try await world.store.setDesired(.deleted, of: id)
            try await world.engine.removeContainer(id, force: true)
            try await world.store.remove(id)
        }
        if case .failure(let error) = await undoing.result {
            world.logger.warning(
                "container creation cannot be undone", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
        forget()
    }

    /// Deletes it; a running one only with `force`.
    func delete(force: Bool) async throws {
        try await inTurn { supervisor in
            let isRunning = supervisor.machine.isAlive
            guard force || !isRunning else { throw ContainerError.running(supervisor.id) }
            try await supervisor.remove()
        }
    }

    /// Deletes it whatever it does. In turn only.
    func remove() async throws {
        try await want(.deleted)
        run += 1
        observed = try await world.engine.container(id)
        for step in ContainerPlanner.steps(desired: .deleted, observed: observed?.state) { try await perform(step) }
    }

    // MARK: Start

    /// Starts it by request.
    func start() async throws -> ContainerStatus {
        try await inTurn { supervisor in
            try await supervisor.startInTurn()
            return supervisor.status
        }
    }

    private func startInTurn() async throws {
        guard record.desired != .deleted else { throw ContainerError.beingDeleted(id) }
        var next = machine
        switch next.startRequested() {
        case .alreadyRunning: return
        case .rejectPaused: throw ContainerError.paused(id)
        case .start: break
        }
        try await want(.running)
        _ = machine.startRequested()
        do { try await launch() } catch {
            try await startRefused(error)
        }
    }

    /// A requested start failed: it does not run, or it was abandoned half way.
    private func startRefused(_ error: any Error) async throws {
        if await isRunningAnyway() { throw error }
        _ = machine.startRefused(isAutomatic: false, policy: record.spec.restart)
        if error is CancellationError { try await want(.stopped) }
        let failure = (error as? ContainerError) ?? ContainerError.startFailed(id, cause: error)
        self.failure = failure
        message = failure.message
        publish()
        throw error is CancellationError ? error : failure
    }

    /// Whether the engine has it running after all; then it is supervised.
    private func isRunningAnyway() async -> Bool {
        // When the engine cannot say, it counts as not running until the next event.
        guard let found = try? await world.engine.container(id), found.state.isAlive else { return false }
        observed = found
        foundRunning()
        publish()
        return true
    }

    /// Creates it in the engine if need be and starts its process. In turn only, with the machine `starting`.
    private func launch() async throws {
        run += 1
        message = nil
        failure = nil
        publish()
        observed = try await world.engine.container(id)
        for step in ContainerPlanner.steps(desired: .running, observed: observed?.state) { try await perform(step) }
        observed = try await world.engine.container(id)
        let action = machine.started(hasHealthCheck: record.spec.health != nil, at: world.time.uptime)
        let process = observed?.state.processID.map(String.init) ?? "gone"
        world.logger.info("container started", metadata: ["container.id": "\(id)", "process.id": "\(process)"])
        if observed?.state.isAlive == true {
            begin(action)
            publish()
        } else {
            try await look()
        }
    }

    func perform(_ step: ContainerStep) async throws {
        switch step {
        case .create:
            let withheld = record.spec.environment.filter { $0.value.exposed == nil }.keys.sorted()
            guard withheld.isEmpty else { throw ContainerError.secretsWithheld(id, variables: withheld) }
            try await world.engine.createContainer(id, record.spec)
        case .start: try await world.engine.startContainer(id)
        case .stop: try await world.engine.stopContainer(id, grace: .seconds(record.spec.stopGraceSeconds))
        case .remove: try await world.engine.removeContainer(id, force: true)
        case .forget:
            try await world.store.remove(id)
            forget()
            world.board.remove(id)
            world.onForgotten(id)
            world.logger.info("container deleted", metadata: ["container.id": "\(id)"])
        }
    }

    // MARK: Automatic starts

    func scheduleRestart(after pause: Duration) {
        let current = run
        let world = world
        world.background.add {
            // Cancelled with the controller: the next one decides anew.
            do { try await world.time.sleep(for: pause) } catch { return }
            await self.restartDue(current)
        }
    }

    private func restartDue(_ scheduled: Int) async {
        await automatically { supervisor in
            guard supervisor.run == scheduled, supervisor.machine.restartDue() else { return }
            await supervisor.saveCounts()
            await supervisor.launchAutomatically()
        }
    }

    func automatically(_ body: (isolated ContainerSupervisor) async -> Void) async {
        do { try await inOrder(body) } catch is CancellationError {
            return
        } catch let error as ContainerError where error.code == .notFound {
            return  // deleted meanwhile
        } catch {
            report(error)
        }
    }

    func launchAutomatically() async {
        do { try await launch() } catch {
            guard !(await isRunningAnyway()) else { return }
            report(error)
            message = String(describing: error)
            failure = (error as? ContainerError) ?? ContainerError.startFailed(id, cause: error)
            if Self.isPermanent(error) {
                machine.failedForGood()
            } else {
                let action = machine.startRefused(isAutomatic: true, policy: record.spec.restart)
                if case .restart(let pause) = action { scheduleRestart(after: pause) }
            }
            publish()
        }
    }

    func report(_ error: any Error) {
        world.logger.warning(
            "container cannot be looked after", metadata: ["container.id": "\(id)", "error": "\(error)"])
    }

    /// Whether another attempt would end the same way.
    private static func isPermanent(_ error: any Error) -> Bool {
        guard let error = error as? any MartletError else { return false }
        switch error.kind {
        case .invalidArgument, .notFound, .unsupported, .permissionDenied, .invalidState: return true
        case .alreadyExists, .unavailable, .timedOut, .cancelled, .internalError: return false
        }
    }

    // MARK: Stop

    /// Stops it by request; it stays stopped.
    func stop(grace: Duration?) async throws -> ContainerStatus {
        try await inTurn { supervisor in
            try await supervisor.stopInTurn(grace: grace)
            return supervisor.status
        }
    }

    /// Stops and starts it.
    func restart(grace: Duration?) async throws -> ContainerStatus {
        try await inTurn { supervisor in
            try await supervisor.stopInTurn(grace: grace, removing: false)
            try await supervisor.startInTurn()
            return supervisor.status
        }
    }

    /// Stops it; with `removing`, a container that is to be removed on exit is.
    func stopInTurn(grace: Duration?, removing: Bool = true) async throws {
        guard record.desired != .deleted else { throw ContainerError.beingDeleted(id) }
        if removing { try await want(.stopped) }
        switch machine.stopRequested() {
        case .alreadyStopped: return
        case .cancelRestart:
            run += 1
            publish()
        case .stop:
            run += 1
            publish()
            try await stopProcess(grace: grace ?? .seconds(record.spec.stopGraceSeconds), removing: removing)
        }
    }

    private func stopProcess(grace: Duration, removing: Bool) async throws {
        do {
            try await world.engine.stopContainer(id, grace: grace)
        } catch {
            guard await isRunningAnyway() else {
                try await look()
                return
            }
            try await want(.running)
            throw error
        }
        observed = try await world.engine.container(id)
        let exit: ContainerExit =
            if case .exited(let exit) = observed?.state { exit } else { ContainerExit(code: nil) }
        let action = machine.exited(
            exit, policy: record.spec.restart, removeOnExit: removing && record.spec.removeOnExit,
            at: world.time.uptime)
        if action != .none { logEnd(exit) }
        failure = nil
        message = nil
        publish()
        if action == .remove { try await remove() }
    }

    // MARK: Signals

    /// Sends a signal at once, also while a stop waits for the end.
    func kill(signal: Int32) async throws {
        guard machine.isAlive else { throw ContainerError.notRunning(id, phase: machine.phase) }
        if endsForGood(signal), machine.phase != .stopping {
            try await want(.stopped)
            machine.endWanted()
        }
        try await world.engine.killContainer(id, signal: signal)
    }

    /// SIGKILL and the stop signal say that it shall not be started again.
    private func endsForGood(_ signal: Int32) -> Bool { signal == 9 || signal == 15 }

    /// Freezes it.
    func pause() async throws {
        try await inTurn { supervisor in
            guard supervisor.machine.isAlive else {
                throw ContainerError.notRunning(supervisor.id, phase: supervisor.machine.phase)
            }
            try await supervisor.world.engine.pauseContainer(supervisor.id)
            try await supervisor.look()
        }
    }

    /// Thaws it.
    func resume() async throws {
        try await inTurn { supervisor in
            guard supervisor.machine.isAlive else {
                throw ContainerError.notRunning(supervisor.id, phase: supervisor.machine.phase)
            }
            try await supervisor.world.engine.resumeContainer(supervisor.id)
            try await supervisor.look()
        }
    }
}
