internal import Containers
internal import Core
internal import Engines
internal import Logging

extension AppRuntime {
    // MARK: Following the container

    /// Takes note of a change of one of the app's containers.
    func containerChanged(_ status: ContainerStatus) async {
        guard case .running(let known) = service, known.container == status.id else { return }
        switch status.phase {
        case .running: _ = await refreshed(known)
        case .starting: break  // right after adoption, or after an end that has been seen
        case .created, .unhealthy, .paused, .stopping, .exited, .restarting, .failed, .deleted:
            progress = status.phase == .unhealthy ? .unhealthy : .stopped
            await lost(known)
        }
    }

    /// The container has ended by itself, or fails its checks: requests wake it, unless it crashes again and again.
    func lost(_ known: RunningService) async {
        crashes = world.time.uptime - healthySince < Self.shortRun ? crashes + 1 : 1
        guard crashes >= Self.crashLimit else {
            service = .absent
            return publishRoutes()
        }
        crashes = 0
        var error = AppError(.runBackoff, "its container ended \(Self.crashLimit) times in a row right after its start")
        error.app = address.description
        var failure = StartFailure(error, after: nil, now: world.time.uptime)
        failure.retryAt = world.time.uptime + .seconds(60)
        service = .failed(failure)
        progress = .failed
        publishRoutes()
        await stopFailed(known.container)
    }

    /// At the start of the daemon: takes over the container if it runs; says whether it does.
    func adopt() async -> Bool {
        do {
            let loaded = try live.outcome.get()
            guard let config = loaded.declaration.container, !config.isCommand else { return false }
            let plan = try await ServicePlanner(world: world, version: live.version, loaded: loaded).plan(config)
            if case .unpinned = plan.image { return false }
            // Whether an adopted container is healthy is asked again; it serves meanwhile, as it did before.
            guard let status = try await existing(plan.containerID), status.processID != nil,
                status.phase == .running || status.phase == .starting,
                try await isUpToDate(status, plan)
            else { return false }
            service = .running(try await running(plan))
            progress = .running
            healthySince = world.time.uptime - Self.shortRun
            hasServed = true
            return true
        } catch {
            return false  // whatever it is, the first request meets it again and shows it
        }
    }

    // MARK: Versions

    /// Removes containers of the app that serve no version, such as those a crash left behind.
    func retireStrays() async {
        guard let running else { return }
        for container in await world.containers.containers(owner: .app(id))
        where container.id != running.container && container.id != preparing { retire(container.id, backend: nil) }
    }

    /// Starts the container of another version beside the running one and waits until it is healthy.
    func prepare(_ next: LiveVersion) async throws -> RunningService {
        do {
            let plan = try await plan(for: next)
            preparing = plan.containerID
            return try await bringUp(plan)
        } catch {
            throw AppError(starting: error).naming(app: address.description)
        }
    }

    /// Removes the container of a version that did not become the live one.
    func discardPrepared() async {
        guard let id = preparing, id != running?.container else { return }
        preparing = nil
        do {
            try await world.containers.delete(id, force: true)
        } catch {
            world.logger.warning(
                "container of a refused version could not be removed",
                metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    /// Makes another version the live one; with its service running, requests go there from now on.
    func switchOver(to next: LiveVersion, running: RunningService?) {
        let old: RunningService?
        if case .running(let service) = service { old = service } else { old = nil }
        if case .starting(let task) = service, running == nil { task.cancel() }
        live = next
        preparing = nil
        generation += 1
        isIdle = false
        lastUse = nil
        hasServed = running != nil
        if let running {
            service = .running(running)
            progress = .running
            healthySince = world.time.uptime
        } else {
            service = .absent
            progress = .absent
        }
        publishRoutes()
        if let old, old.container != running?.container { retire(old.container, backend: old.backendID) }
    }

    /// Replaces what is approved or pinned without touching the container.
    func update(_ next: LiveVersion) {
        live = next
        forgetFailure()
        publishRoutes()
    }

    /// Lets the last requests of a replaced container end, then stops and deletes it.
    func retire(_ old: ContainerID, backend: String?) {
        guard retirements[old] == nil else { return }
        let world = world
        // Owned by this actor: awaited and cancelled by `close()`; a restart of the daemon finds leftovers by owner.
        retirements[old] = Task {
            if let backend {
                _ = await world.board.drain(backend, deadline: .seconds(world.configuration.drainSeconds))
            }
            do {
                try await world.containers.stop(old)
                try await world.containers.delete(old, force: true)
            } catch {
                world.logger.warning(
                    "replaced container could not be removed",
                    metadata: ["container.id": "\(old)", "error": "\(error)"])
            }
            self.retired(old)
        }
    }

    private func retired(_ id: ContainerID) { retirements[id] = nil }

    /// Waits until replaced containers are gone.
    func finishRetirements() async {
        for task in retirements.values { await task.value }
    }

    // MARK: Stopping

    /// Stops the container; the next request starts it again.
    /// - Parameter idle: whether it is for lack of requests.
    func stop(idle: Bool) async throws {
        if case .starting(let task) = service { _ = await task.result }
        guard case .running(let known) = service else { return }
        service = .absent
        isIdle = idle
        hasServed = idle
        progress = .stopped
        publishRoutes()  // from now on requests wake it, also while it stops
        _ = await world.board.drain(known.backendID, deadline: .seconds(idle ? 1 : world.configuration.drainSeconds))
        if case .absent = service {
            try await world.containers.stop(known.container, grace: idle ? .seconds(1) : nil)
        }
    }

    /// Ends everything that runs for the app inside this process; containers go on.
    func close() async {
        isClosed = true
        browsers?.close()
        if case .starting(let task) = service {
            task.cancel()
            _ = await task.result
        }
        for task in Array(retirements.values) + Array(streams.values) {
            task.cancel()
            await task.value
        }
    }
}
