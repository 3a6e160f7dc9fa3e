internal import Containers
internal import Core
internal import Engines
internal import Logging
internal import OCI

extension AppRuntime {
    /// Takes a source that has changed: what could not be evaluated answers every request from now on; else requests
    /// wait until the container has taken the change.
    /// - Returns: whether the container is to be brought up at once, because it served before.
    func develop(_ next: LiveVersion) -> Bool {
        live = next
        guard case .success = next.outcome else {
            publishRoutes()
            return false
        }
        let wasActive = isActive
        if case .starting(let task) = service {
            task.cancel()
            predecessor = task
        }
        generation += 1
        hasNewSource = true
        lastUse = nil
        isIdle = false
        service = .absent
        progress = .absent
        publishRoutes()
        return wasActive
    }

    /// Whether an existing container is what a plan wants.
    func isReusable(_ status: ContainerStatus, _ plan: ServicePlan) -> Bool {
        status.spec.labels["martlet.version"] == String(plan.versionHash.prefix(16))
    }

    /// Whether an adopted container runs what it would run if it were started now: a source may have been edited while
    /// nobody followed it.
    func isUpToDate(_ status: ContainerStatus, _ plan: ServicePlan) async throws -> Bool {
        guard let development = plan.development else { return true }
        guard isReusable(status, plan) else { return false }
        guard development.mounted != nil, development.reload != .none else { return true }
        let directory = development.source
        let changed = try await Blocking.run { try FileStamp.latestChange(in: directory) }
        // Files carry the time of the kernel's latest tick, which is up to 10 ms old.
        hasNewSource = changed + 10 >= status.startedAt ?? 0
        return !hasNewSource
    }

    /// Removes the containers of a development app that declares no service any more.
    func removeService() async {
        for container in await world.containers.containers(owner: .app(id)) {
            do { try await world.containers.delete(container.id, force: true) } catch {
                world.logger.warning(
                    "container could not be removed",
                    metadata: ["container.id": "\(container.id)", "error": "\(error)"])
            }
        }
    }

    /// Makes the container of a development app run with the source as it is: it is kept where nothing but the source
    /// has changed, and replaced where its image or its settings have.
    func bringUp(_ plan: ServicePlan, _ development: DevelopmentPlan) async throws -> RunningService {
        let id = plan.containerID
        let isNew = hasNewSource
        for notice in development.notices where isNew {
            world.logger.notice("development app", metadata: ["app.id": "\(self.id)", "notice": "\(notice)"])
        }
        do {
            progress = .building
            _ = try await resolver.image(of: plan)
            progress = .starting
            let existing = try await existing(id)
            if let existing, isReusable(existing, plan), !(isNew && development.reload == .recreate) {
                try await reuse(existing, plan, isNew && development.reload == .restart)
            } else {
                if existing != nil { try await world.containers.delete(id, force: true) }
                try await create(plan)
            }
            hasNewSource = false
            progress = .starting
            JobProgress.sink?(.step("wait until \(id) is healthy"))
            try await world.containers.waitUntilReady(id)
            await removeSupersededImages(except: plan)
            return try await running(plan)
        } catch {
            await stopFailed(id)
            throw development.explained(AppError(starting: error))
        }
    }

    private func reuse(_ existing: ContainerStatus, _ plan: ServicePlan, _ restarts: Bool) async throws {
        let id = existing.id
        do {
            switch existing.phase {
            case .running, .starting:
                // It may have ended a moment ago, and nobody has noticed yet.
                let isAlive = try await world.engine.container(id)?.state.isAlive == true
                if restarts || !isAlive { try await world.containers.restart(id, grace: .zero) }
            case .unhealthy, .paused, .restarting: try await world.containers.restart(id, grace: .zero)
            case .created, .stopping, .exited, .failed, .deleted: try await world.containers.start(id)
            }
        } catch let error as ContainerError where error.code == .secretsWithheld || error.code == .notFound {
            try await create(plan)
        }
    }

    /// Removes the images of the app that no plan wants any more, named ones and those whose name went to a newer one.
    private func removeSupersededImages(except plan: ServicePlan) async {
        guard case .build(let tag, _, _, _) = plan.image else { return }
        let prefix = "localhost/\(AppNames.imageRepository(of: id)):"
        do {
            for image in try await world.engine.images() {
                if image.references.isEmpty, image.configuration.labels["martlet.app"] == id {
                    try await world.engine.removeImage(image.digest.rawValue, force: false)
                }
                for name in image.references where name.hasPrefix(prefix) && name != tag.description {
                    try await world.engine.removeImage(name, force: false)
                }
            }
        } catch {
            world.logger.warning(
                "superseded images could not be removed", metadata: ["app.id": "\(id)", "error": "\(error)"])
        }
    }
}
