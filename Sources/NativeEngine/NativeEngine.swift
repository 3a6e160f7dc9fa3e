package import Core
package import Engines
internal import Images
internal import LinuxKernel
package import Logging
internal import Networking
internal import OCI

/// The embedded engine: an OCI runtime under a monitor per container, our own image store and our own network.
///
/// Containers, logs and published ports go on when this process ends, whatever way it ends; the next engine with the same layout
/// takes them up again. Several engines may exist for one layout at a time only while one takes over from another.
package actor NativeEngine: Engine {
    package nonisolated let name = "native"
    package nonisolated let capabilities: EngineCapabilities
    nonisolated let context: EngineContext
    var containersByID: [ContainerID: NativeContainer] = [:]
    var idsByName: [ContainerName: ContainerID] = [:]
    var imagesInUse: [ContainerID: Digest] = [:]
    /// Creations under way, so that equal ones join.
    var creations: [ContainerID: Task<Void, any Error>] = [:]
    private var exitWatcher: Task<Void, Never>?

    /// Opens the engine of `layout`: checks the host, takes up every container found on disk and in the runtime, and
    /// collects what nobody needs.
    /// - Throws: ``EngineError`` `.hostLacks` that names what is missing and how to get it.
    package init(layout: InstanceLayout, options: NativeEngineOptions, logger: Logger) async throws {
        let host = await HostChecks.profile()
        var capabilities: EngineCapabilities = [.pull, .pause, .bridge, .terminal, .stats]
        if host.controllers.contains("memory"), host.controllers.contains("cpu") { capabilities.insert(.limits) }
        let tools = try await HostTools.find(options.runtime)
        if tools.builder != nil { capabilities.insert(.build) }
        self.capabilities = capabilities
        let namespace = try await Self.prepare(layout, host, tools)
        async let images = ImageStore(directory: layout.imageDirectory, logger: logger)
        let network = try InstanceNetwork(
            instance: layout.instanceName, runtimeDirectory: layout.runtimeDirectory,
            stateDirectory: layout.stateDirectory, logger: logger)
        try await network.open()
        context = EngineContext(
            layout: layout, options: options, logger: logger, tools: tools, host: host, namespace: namespace,
            images: try await images, network: network)
        try await adopt()
        try watchExits()
        logger.info(
            "engine opened",
            metadata: [
                "runtime": "\(tools.runtime.path) \(tools.runtime.version)",
                "cgroups": "\(host.controlGroups.rawValue)",
                "containers": "\(containersByID.count)",
            ])
    }

    /// Makes the directories, and the mount namespace the runtime needs on hosts whose control groups are split: crun
    /// refuses such a layout unless the unified hierarchy is out of its sight.
    private static func prepare(
        _ layout: InstanceLayout, _ host: HostProfile, _ tools: HostTools
    ) async throws -> MountNamespace? {
        try await Blocking.run {
            try Files.makeDirectory(layout.containerDirectory)
            try Files.makeDirectory(ContainerPaths.bundles(layout))
            try Files.makeDirectory(ContainerPaths.exits(layout))
            try Files.makeDirectory(ContainerPaths.runtimeRoot(layout))
            guard host.controlGroups == .hybrid, tools.runtime.kind == .crun else { return nil }
            try Files.makeDirectory(ContainerPaths.cover(layout))
            try MountNamespace.share(ContainerPaths.bundles(layout))
            return try MountNamespace(covering: "/sys/fs/cgroup/unified", with: ContainerPaths.cover(layout))
        }
    }

    private func watchExits() throws {
        let changes = try FileWatcher.shared.changes(of: ContainerPaths.exits(context.layout), capacity: 4096)
        exitWatcher = Task { [weak self] in  // cancelled by `close`
            for await change in changes {
                guard let name = change.name, let id = ContainerID(rawValue: name) else { continue }
                await self?.containersByID[id]?.checkEnd()
            }
        }
        // Whatever ended between adoption and now has left its file before the watch began.
        for container in containersByID.values {
            Task { await container.checkEnd() }  // ends at once
        }
    }

    /// Lets go of everything without touching containers; streams end.
    package func close() async {
        exitWatcher?.cancel()
        for container in containersByID.values { await container.letGo() }
        context.hub.finish()
    }

    /// Ends the engine. With `removeEverything` all containers of the instance are stopped and removed, and the host is
    /// as if the engine had never run; images and networks' records stay on disk.
    package func shutdown(removeEverything: Bool) async throws {
        guard removeEverything else {
            await close()
            return
        }
        let all = Array(containersByID.keys)
        await withTaskGroup(of: Void.self) { group in
            for id in all { group.addTask { await self.removeOrReport(id) } }
        }
        await close()
        try await context.network.close(removeAll: true)
        let context = context
        try await Blocking.run {
            ControlGroup(mode: context.host.controlGroups, path: "/martlet-\(context.layout.instanceName)").remove()
            try FileSystemMount.unmountAll(beneath: ContainerPaths.bundles(context.layout))
            for directory in [
                ContainerPaths.bundles(context.layout), ContainerPaths.exits(context.layout),
                ContainerPaths.runtimeRoot(context.layout), ContainerPaths.cover(context.layout),
            ] { try Files.removeTree(directory) }
        }
    }

    private func removeOrReport(_ id: ContainerID) async {
        do { try await removeContainer(id, force: true) } catch {
            context.logger.error(
                "container cannot be removed", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    package nonisolated func events() -> AsyncStream<EngineEvent> { context.hub.events() }

    func find(_ id: ContainerID) throws -> NativeContainer {
        guard let container = containersByID[id] else { throw EngineError.notFound(id) }
        return container
    }
}

enum HostChecks {
    static func profile() async -> HostProfile {
        await withCheckedContinuation { continuation in
            Task {  // awaited through the continuation
                let profile = try? await Blocking.run { HostProfile.read() }  // reading never throws
                continuation.resume(returning: profile ?? HostProfile.read())
            }
        }
    }
}
