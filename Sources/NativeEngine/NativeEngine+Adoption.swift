internal import Core
internal import Engines
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import Networking
internal import OCI

extension NativeEngine {
    /// Takes up what is on disk and in the runtime, and collects what belongs to no container.
    func adopt() async throws {
        let layout = context.layout
        let names = try await Blocking.run { DirectoryListing.directories(layout.containerDirectory) }
        let started = try await context.runtime.started()
        for name in names {
            guard let id = ContainerID(rawValue: name) else { continue }
            let paths = ContainerPaths(layout, id)
            do {
                guard let record = try ContainerRecord.load(paths.record) else {
                    try Files.removeTree(paths.state)  // its creation or removal was cut off
                    continue
                }
                let container = NativeContainer(record, context: context, isDirty: Files.exists(paths.bundle))
                await container.adopt(processID: started[name])
                containersByID[id] = container
                imagesInUse[id] = record.imageDigest
                if let name = record.spec.name { idsByName[name] = id }
            } catch {
                quarantine(paths, error)
            }
        }
        let known = Set(containersByID.keys.map(\.rawValue))
        await collect(known)
        var live: Set<String> = []
        for (id, container) in containersByID where await container.run != nil { live.insert(id.rawValue) }
        try await context.network.reconcile(live: live)
        for container in containersByID.values where await container.isDirty {
            Task {  // keeps the start waiting for nothing; a start or removal that comes first does it itself
                try? await container.exclusively { container in await container.clean() }  // logged where it fails
            }
        }
    }

    /// A record that cannot be read is kept beside the others for a person to look at.
    private func quarantine(_ paths: ContainerPaths, _ error: any Error) {
        let target = "\(context.layout.containerDirectory)/.unreadable-\(LogTime.now())"
        rename(paths.state, target)
        context.logger.error(
            "container record cannot be read and was set aside",
            metadata: ["path": "\(target)", "error": "\(error)"])
    }

    /// Removes bundles, control groups and snapshots that no record knows.
    private func collect(_ known: Set<String>) async {
        let layout = context.layout
        let bundles = DirectoryListing.directories(ContainerPaths.bundles(layout))
        let runtime = DirectoryListing.directories(ContainerPaths.runtimeRoot(layout))
        let exits = DirectoryListing.names(ContainerPaths.exits(layout))
        for name in Set(bundles + runtime + exits).subtracting(known) {
            guard let id = ContainerID(rawValue: name) else { continue }
            let record = ContainerRecord(
                id: id, spec: ContainerSpec(image: ""), imageDigest: .init(of: []), stopSignal: "", createdAt: 0)
            let container = NativeContainer(record, context: context, isDirty: true)
            do {
                try await context.runtime.delete(id, paths: container.paths)
                try await Blocking.run { try FileSystemMount.unmountAll(beneath: container.paths.bundle) }
                try await container.remove()
                context.logger.info("leftover of a container collected", metadata: ["container.id": "\(id)"])
            } catch {
                context.logger.warning(
                    "leftover of a container cannot be collected",
                    metadata: ["container.id": "\(id)", "error": "\(error)"])
            }
        }
    }
}

extension NativeContainer {
    /// Finds out what has become of the container since it was recorded.
    /// - Parameter processID: its first process, if the runtime knows it as started.
    func adopt(processID: Int32?) async {
        if let processID, exitStatus() == nil, Self.belongs(processID, to: paths),
            let process = try? ProcessHandle(processID: processID)  // gone meanwhile is a normal answer
        {
            let isFrozen =
                context.host.controlGroups == .unified
                ? controlGroup.number("", "cgroup.events", key: "frozen") == 1
                : controlGroup.text("freezer", "freezer.state") == "FROZEN"
            run = Run(process: process, monitor: monitorHandle(), isPaused: isFrozen)
            if record.startedAt == nil || record.exit != nil {
                record.startedAt = Files.changed(paths.processFile) ?? LogTime.now()
                record.exit = nil
                record.finishedAt = nil
                save()
            }
            watch()
            logger.info("container adopted", metadata: ["process.id": "\(processID)"])
            return
        }
        await endCreated()
        if let code = exitStatus(), record.startedAt != nil {
            record.exit = ContainerExit(
                code: code, outOfMemory: code == 137 && ContainerUsage.ranOutOfMemory(controlGroup))
            record.finishedAt = Files.changed(paths.exitFile) ?? LogTime.now()
            save()
        } else if record.startedAt != nil, record.exit == nil {
            record.exit = ContainerExit(code: nil)
            record.finishedAt = LogTime.now()
            save()
        }
    }

    /// Ends a process that was created but never started: nobody knows of it any more.
    private func endCreated() async {
        for processID in controlGroup.processes() {
            guard let process = try? ProcessHandle(processID: processID) else { continue }  // gone meanwhile
            process.signal(SIGKILL)
            try? await process.waitForEnd()  // its end is what counts
            isDirty = true
        }
        monitorHandle()?.signal(SIGKILL)
    }
}
