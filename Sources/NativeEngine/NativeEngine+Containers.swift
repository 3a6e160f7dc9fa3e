package import Core
package import Engines
internal import Images
internal import Logging
internal import OCI

extension NativeEngine {
    package func createContainer(_ id: ContainerID, _ spec: ContainerSpec) async throws {
        try spec.validate()
        try spec.require(capabilities, of: name)
        if let creation = creations[id] {
            try await creation.value
        } else if containersByID[id] == nil {
            let creation = Task { try await self.make(id, spec) }  // awaited here and by equal creations
            creations[id] = creation
            defer { creations[id] = nil }
            return try await creation.value
        }
        let existing = try find(id)
        guard await existing.spec.isEquivalent(to: spec) else {
            throw EngineError(
                .containerExists, "container `\(id)` exists with another specification",
                hint: "delete it first, or use another identifier")
        }
        if !spec.environment.values.contains(.withheld) { await existing.adoptSecrets(of: spec) }
    }

    private func make(_ id: ContainerID, _ spec: ContainerSpec) async throws {
        if let name = spec.name {
            if let other = idsByName[name] {
                throw EngineError(.nameTaken, "name `\(name)` is taken by container `\(other)`")
            }
            idsByName[name] = id
        }
        do {
            guard let image = try await context.images.image(spec.image) else {
                throw EngineError.imageNotFound(spec.image)
            }
            imagesInUse[id] = image.digest
            _ = try spec.processArguments(ImageRunConfiguration(image.configuration))
            _ = try CapabilitySet.resolve(spec.security, available: context.host.capabilities)
            let record = ContainerRecord(
                id: id, spec: spec, imageDigest: image.digest, stopSignal: image.configuration.stopSignal,
                createdAt: LogTime.now())
            let paths = ContainerPaths(context.layout, id)
            try Files.makeDirectory(paths.state)
            try record.save(paths.record)
            containersByID[id] = NativeContainer(record, context: context, isDirty: false)
        } catch {
            forget(id, spec)
            throw error
        }
        context.hub.publish(.created(id))
        context.logger.debug("container prepared", metadata: ["container.id": "\(id)", "image": "\(spec.image)"])
    }

    private func forget(_ id: ContainerID, _ spec: ContainerSpec) {
        if let name = spec.name, idsByName[name] == id { idsByName[name] = nil }
        imagesInUse[id] = nil
        containersByID[id] = nil
    }

    package func startContainer(_ id: ContainerID) async throws {
        try await find(id).exclusively { container in try await container.start() }
    }

    @discardableResult
    package func stopContainer(_ id: ContainerID, grace: Duration) async throws -> ContainerExit {
        try await find(id).stop(grace: grace)
    }

    package func killContainer(_ id: ContainerID, signal: Int32) async throws { try await find(id).kill(signal) }

    package func pauseContainer(_ id: ContainerID) async throws {
        try await find(id).exclusively { container in try await container.pause() }
    }

    package func resumeContainer(_ id: ContainerID) async throws {
        try await find(id).exclusively { container in try await container.resume() }
    }

    package func removeContainer(_ id: ContainerID, force: Bool) async throws {
        guard let container = containersByID[id] else { return }
        let observed = await container.observed
        if observed.state.isAlive {
            guard force else {
                throw EngineError(
                    .containerRunning, "container `\(id)` is running", hint: "stop it, or force the removal")
            }
            _ = try await container.stop(grace: .zero, signal: 9)
        }
        let removed = try await container.exclusively { container in
            if container.isRemoved { return false }
            guard container.run == nil else {
                throw EngineError(.containerRunning, "container `\(id)` was started meanwhile")
            }
            try await container.remove()
            return true
        }
        guard removed else { return }
        forget(id, observed.spec)
        context.hub.publish(.removed(id))
        context.logger.debug("container taken off the host", metadata: ["container.id": "\(id)"])
    }

    package func container(_ id: ContainerID) async throws -> ObservedContainer? { await containersByID[id]?.observed }

    package func containers() async throws -> [ObservedContainer] {
        var all: [ObservedContainer] = []
        for container in containersByID.values { all.append(await container.observed) }
        return all.sorted { ($0.createdAt, $0.id.rawValue) < ($1.createdAt, $1.id.rawValue) }
    }

    package func waitForExit(_ id: ContainerID) async throws -> ContainerExit { try await find(id).waitForExit() }

    package func logs(_ id: ContainerID, options: LogOptions) async throws -> AsyncThrowingStream<LogEntry, any Error> {
        try await find(id).logs(options)
    }

    package func exec(_ id: ContainerID, _ spec: ExecSpec) async throws -> any ProcessSession {
        try await find(id).exec(spec)
    }

    package func attach(_ id: ContainerID) async throws -> any ProcessSession { try await find(id).attach() }

    package func stats(_ id: ContainerID) async throws -> ContainerStats { try await find(id).stats() }

    package func address(of id: ContainerID, port: UInt16) async throws -> Endpoint {
        let observed = try await find(id).observed
        guard observed.state.isAlive else {
            throw EngineError(.containerNotRunning, "container `\(id)` is not running")
        }
        switch observed.spec.network {
        case .host: return Endpoint(host: "127.0.0.1", port: port)
        case .bridge: return Endpoint(host: observed.address ?? "127.0.0.1", port: port)
        case .none:
            throw EngineError(
                .invalidSpec, "container `\(id)` has no network", hint: "use network `bridge` to reach its ports")
        }
    }
}
