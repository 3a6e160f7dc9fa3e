internal import Containers
internal import Core
internal import Engines
internal import Logging
internal import OCI

extension AppRuntime {
    /// Decides how a version's container is to be; an image app's image is pinned first.
    func plan(for live: LiveVersion) async throws -> ServicePlan {
        let loaded = try live.outcome.get()
        guard let config = loaded.declaration.container else {
            throw AppError(.appStar, "the app has no container")
        }
        let plan = try await ServicePlanner(world: world, version: live.version, loaded: loaded).plan(config)
        if case .build = plan.image, !world.engine.capabilities.contains(.build) {
            throw AppError.engine(world.engine.name, lacks: "build images")
        }
        try await VolumeBinder(world: world).check(plan)  // before anything is built or fetched for nothing
        guard case .unpinned(let name) = plan.image else { return plan }
        progress = .building
        let image = try await resolver.resolve(name, policy: .missing)
        var pinned = live.version
        pinned.details.imageDigest = image.digest.rawValue
        try await onPinned(pinned)
        if self.live.version.number == pinned.number { self.live.version = pinned }
        return try await ServicePlanner(world: world, version: pinned, loaded: loaded).plan(config)
    }

    /// Makes the container of a plan run and waits until it is healthy. What does not become healthy is stopped and
    /// kept for inspection.
    func bringUp(_ plan: ServicePlan) async throws -> RunningService {
        if let development = plan.development { return try await bringUp(plan, development) }
        let id = plan.containerID
        // The version before the last is wanted again, and its container is about to go.
        if let retirement = retirements[id] { await retirement.value }
        do {
            if let existing = try await existing(id) {
                switch existing.phase {
                case .running:
                    // It may have ended a moment ago, and nobody has noticed yet.
                    guard try await world.engine.container(id)?.state.isAlive != true else { break }
                    try await world.containers.restart(id)
                    try await world.containers.waitUntilReady(id)
                case .starting: try await world.containers.waitUntilReady(id)
                case .unhealthy, .paused:
                    try await world.containers.restart(id)
                    try await world.containers.waitUntilReady(id)
                case .created, .stopping, .exited, .restarting, .failed, .deleted:
                    do {
                        // Rendered files do not survive a reboot; they are made again before they are needed.
                        if let image = try await world.engine.image(existing.spec.image) {
                            _ = try await mounts(plan, image)
                        }
                        try await world.containers.start(id)
                    } catch let error as ContainerError where error.code == .secretsWithheld || error.code == .notFound
                    {
                        try await create(plan)
                    }
                    progress = .starting
                    try await world.containers.waitUntilReady(id)
                }
            } else {
                try await create(plan)
                progress = .starting
                JobProgress.sink?(.step("wait until \(id) is healthy"))
                try await world.containers.waitUntilReady(id)
            }
            return try await running(plan)
        } catch {
            await stopFailed(id)
            throw error
        }
    }

    /// The service behind a plan whose container runs.
    func running(_ plan: ServicePlan) async throws -> RunningService {
        let id = plan.containerID
        let image = try await world.engine.image(try await world.containers.container(id.rawValue).spec.image)
        let port = try plan.port ?? image.map(plan.port(of:)) ?? 0
        return RunningService(
            container: id, port: port, endpoint: try await world.containers.address(of: id, port: port),
            image: plan.image.name)
    }

    func existing(_ id: ContainerID) async throws -> ContainerStatus? {
        do {
            let status = try await world.containers.container(id.rawValue)
            return status.id == id ? status : nil
        } catch let error as ContainerError where error.code == .notFound {
            return nil
        }
    }

    func create(_ plan: ServicePlan) async throws {
        progress = .building
        let image = try await resolver.image(of: plan)
        var spec = try plan.serviceSpec(
            image: image, configuration: world.configuration, capabilities: world.engine.capabilities)
        spec.mounts = try await mounts(plan, image)
        let id = plan.containerID
        do {
            _ = try await world.containers.create(spec, id: id, owner: .app(self.id))
        } catch let error as ContainerError where error.code == .exists || error.code == .secretsWithheld {
            try await world.containers.delete(id, force: true)
            _ = try await world.containers.create(spec, id: id, owner: .app(self.id))
        }
        try await world.containers.start(id)
    }

    /// The mounts of a plan; the volumes that its image declares count, too, so that no data is lost with a version.
    func mounts(_ plan: ServicePlan, _ image: ImageRecord) async throws -> [BindMount] {
        try await VolumeBinder(world: world).mounts(plan, imageVolumes: image.configuration.volumes)
    }

    func stopFailed(_ id: ContainerID) async {
        do {
            if try await existing(id) != nil { try await world.containers.stop(id, grace: .seconds(1)) }
        } catch {
            world.logger.warning(
                "failed container could not be stopped", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }
}
