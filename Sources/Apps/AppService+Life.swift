internal import Containers
internal import Core
internal import Engines
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import State

extension AppService {
    /// Publishes the routes of all apps, running ones at once, and collects what a crash left behind. Called once the
    /// containers have been adopted, before the gateway listens.
    package func restore() async throws {
        let records = try await world.apps.apps()
        let orphans = orphans(records)
        var published: [String: PublishedApp] = [:]
        for record in records
        where record.state == AppRecordState.active.rawValue && !orphans.contains(record.id) {
            do {
                let runtime = try await revive(record)
                _ = await runtime.adopt()
                runtimes[record.id] = runtime
                published[record.id] = await runtime.published()
                if AppNames.isDevelopment(record.id) { _ = await watchSource(of: runtime) }
            } catch {
                world.logger.error(
                    "app cannot be read; it is left alone",
                    metadata: ["app.id": "\(record.id)", "error": "\(error)"])
            }
        }
        world.board.set(published)
        halfDeleted = records.filter { $0.state == AppRecordState.deleting.rawValue }.map(\.id)
        halfDeleted += orphans.filter { !halfDeleted.contains($0) }
        try await collectLeftovers(records)
    }

    /// Finishes the deletions that the last daemon had begun; apps that serve do not wait for it.
    private func finishDeletions() async {
        for id in halfDeleted {
            do { try await performDelete(id) } catch is CancellationError { return } catch {
                world.logger.error(
                    "interrupted deletion of an app cannot be finished; the next start tries again",
                    metadata: ["app.id": "\(id)", "error": "\(error)"])
            }
        }
        halfDeleted = []
    }

    private func revive(_ record: AppRecord) async throws -> AppRuntime {
        let address = try record.address(defaultDomain: configuration.defaultDomain)
        let versions = try await world.apps.versions(of: record.id)
        guard let current = versions.first(where: { $0.number == record.currentVersion }) else {
            throw AppError(.appNotFound, "the live version of app `\(address)` is not recorded")
        }
        let settings = try Stored.value(AppSettings.self, record.settingsJSON)
        return makeRuntime(await load(try AppVersion(current, address: address), settings, record))
    }

    private func collectLeftovers(_ records: [AppRecord]) async throws {
        var known: [String: Set<Int>] = [:]
        for record in records where record.state == AppRecordState.active.rawValue {
            known[record.id] = Set(try await world.apps.versions(of: record.id).map(\.number))
        }
        for name in try await world.sources.collect(known: known) {
            world.logger.info("left-over source removed", metadata: ["source": "\(name)"])
        }
        for container in try await world.engine.containers()
        where container.spec.labels["martlet.role"] == "run"
            && container.spec.labels["martlet.instance"] == layout.instanceName
        {
            try await world.engine.removeContainer(container.id, force: true)
            world.logger.info("left-over command removed", metadata: ["container.id": "\(container.id)"])
        }
        let containers = Set(try await world.engine.containers().map(\.id.rawValue))
        try await VolumeBinder(world: world).collect(containers: containers)
        for runtime in runtimes.values { await runtime.retireStrays() }
        let directory = world.runDirectory
        try await Blocking.run {
            // Not made yet: nothing to collect.
            guard let base = try? DirectoryHandle(path: directory, resolution: .beneath) else { return }
            for name in try base.names() { try base.removeTree(name) }
        }
    }

    /// Finishes what the last daemon had begun, follows containers and stops idle ones until cancelled.
    package func run() async throws {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.followContainers() }
            group.addTask { await self.stopIdle() }
            group.addTask { await self.finishDeletions() }
            await group.waitForAll()
        }
        await shutdown()
    }

    /// Ends what runs inside this process; containers go on.
    package func shutdown() async {
        for id in watches.keys.sorted() { await endWatch(of: id) }
        for runtime in runtimes.values { await runtime.close() }
    }

    private func followContainers() async {
        for await status in world.containers.updates() {
            guard case .app(let id) = status.owner, let runtime = runtimes[id] else { continue }
            containerChange.yield()
            await runtime.containerChanged(status)
        }
    }

    private func stopIdle() async {
        let period = configuration.idleShutdownSeconds
        guard period > 0 else { return }
        let step = max(1, min(period / 4, 30))
        var changes = containerChanges.makeAsyncIterator()
        while !Task.isCancelled {
            // While no app runs, nothing wakes before a container changes.
            if await !isAnyRunning(), await changes.next() == nil { return }
            do { try await world.time.sleep(for: .seconds(step)) } catch { return }  // cancelled
            for runtime in runtimes.values where !AppNames.isDevelopment(runtime.id) {
                await runtime.stopIfIdle(
                    after: .seconds(period), silentBelow: Int64(configuration.idleBytesHighWatermark))
            }
        }
    }
}

extension AppService {
    private func isAnyRunning() async -> Bool {
        for runtime in runtimes.values where await runtime.running != nil { return true }
        return false
    }
}

extension AppRuntime {
    /// Stops the container when nobody has used it for `period`; open connections that move fewer bytes than
    /// `silentBelow` in that time do not count.
    func stopIfIdle(after period: Duration, silentBelow: Int64) async {
        guard let running else {
            lastUse = nil
            return
        }
        let now = world.time.uptime
        let activity = world.board.activity(of: running.backendID)
        guard let last = lastUse else {
            lastUse = (activity, now)
            return
        }
        let isBusy =
            activity.requests != last.activity.requests || activity.inFlight > 0
            || activity.bytes - last.activity.bytes >= silentBelow
        if isBusy {
            lastUse = (activity, now)
        } else if now - last.at >= period {
            do {
                try await stop(idle: true)
                world.logger.info("idle app stopped", metadata: ["app.id": "\(id)"])
            } catch {
                world.logger.warning(
                    "idle app could not be stopped", metadata: ["app.id": "\(id)", "error": "\(error)"])
            }
        }
    }
}
