internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import Images
internal import LinuxKernel
internal import Logging
internal import Networking
internal import OCI

extension NativeContainer {
    /// Starts the process; returns once it runs. Everything made on the way is undone when it does not.
    func start() async throws {
        if run != nil { return }
        guard !isRemoved else { throw EngineError.notFound(id) }
        let withheld = try knownSecrets()
        await clean()
        guard !isDirty else {
            throw EngineError(
                .runtimeFailed, "what is left of the earlier run of container `\(id)` cannot be removed",
                hint: "the daemon's log names the step that fails")
        }
        isDirty = true
        do {
            try await launch(withheld)
        } catch {
            logger.debug("container did not start", metadata: ["error": "\(error)"])
            if let exit = exitStatus() { logger.debug("monitor reported an exit", metadata: ["exit.code": "\(exit)"]) }
            await abandon()
            let reason = startError(error)
            for session in earlySessions { session.end(reason) }
            earlySessions = []
            throw reason
        }
    }

    private func launch(_ withheld: [String: String]) async throws {
        let image = try await context.images.image(record.imageDigest.rawValue)
        guard let image else { throw EngineError.imageNotFound(record.spec.image) }
        try prepareBundle()
        async let attached: Void = connect()
        do {
            _ = try await context.images.prepareSnapshot(
                id: id.rawValue, image: record.imageDigest, mountPoint: paths.root)
            let root = try DirectoryHandle(path: paths.root)
            let volumes = VolumeContent(container: id, root: root)
            try await Blocking.run { [mounts = record.spec.mounts] in try volumes.fill(mounts) }
            let configuration = BundleConfiguration(
                id: id, spec: record.spec, image: ImageRunConfiguration(image.configuration), paths: paths,
                host: context.host, withheld: withheld, filters: context.filters)
            try writeConfiguration(try configuration.make(root: root))
            try await attached
            try await writeNames(hostname: configuration.hostname)
        } catch {
            _ = try? await attached  // the first error is the one to report
            throw error
        }
        let processID = try await context.launches.with {
            try await context.monitor.create(id, spec: record.spec, paths: paths)
        }
        let capabilities = try CapabilitySet.resolve(record.spec.security, available: context.host.capabilities)
        context.filters.learn(capabilities, runtimeState: paths.runtimeState)
        let process = try ProcessHandle(processID: processID)
        let created = Run(process: process, monitor: monitorHandle(), isPaused: false)
        isStarting = true
        defer { isStarting = false }
        do {
            // Whoever attaches during this joins them, because the run is not known yet.
            try await connectEarlySessions(created)
            run = created
            record.startedAt = LogTime.now()
            record.finishedAt = nil
            record.exit = nil
            save()
            try await context.runtime.start(id, paths: paths)
        } catch {
            run = nil
            process.signal(SIGKILL)
            throw error
        }
        context.hub.publish(.started(id, processID: processID))
        logger.debug("process of container runs", metadata: ["process.id": "\(processID)"])
        isStarting = false
        watch()
        checkEnd()  // it may be over already
    }

    private func prepareBundle() throws {
        try Files.makeDirectory(paths.bundle)
        try Files.makeDirectory(paths.root)
        try Files.makeDirectory(paths.persist)
        try generations.prepare(limit: context.options.logSizeLimit)
        Files.remove(paths.exitFile)
        Files.remove(paths.processFile)
        Files.remove(paths.monitorFile)
        for leftover in ["attach", "ctl", "winsz", "shm"] { Files.remove("\(paths.bundle)/\(leftover)") }
    }

    /// The network namespace, cable, address and ports.
    private func connect() async throws {
        switch record.spec.network {
        case .host: return
        case .none: try await context.network.makeIsolated(namespacePath: paths.networkNamespace)
        case .bridge:
            let lease = try await context.network.attach(
                id.rawValue, name: record.spec.name?.rawValue, aliases: record.spec.networkAliases,
                namespacePath: paths.networkNamespace, ports: record.spec.ports)
            record.address = "\(lease.address)"
            record.ports = lease.ports
        }
    }

    private func writeConfiguration(_ spec: RuntimeSpec) throws {
        try Files.write(Array(try JSONEncoder().encode(spec)), to: paths.configuration)
    }

    /// `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`; written in place, so that running binds keep seeing them.
    private func writeNames(hostname: String) async throws {
        var hosts = """
            127.0.0.1\tlocalhost
            ::1\tlocalhost ip6-localhost ip6-loopback

            """
        switch record.spec.network {
        case .bridge: if let address = record.address { hosts += "\(address)\t\(hostname)\n" }
        case .none: hosts += "127.0.0.1\t\(hostname)\n"
        case .host:
            // A host without a readable list has only the usual names.
            hosts = (try? Files.read("/etc/hosts")).flatMap { $0 }.map { String(decoding: $0, as: UTF8.self) } ?? hosts
        }
        var resolver = ""
        switch record.spec.network {
        case .bridge: for server in await context.network.nameServers { resolver += "nameserver \(server)\n" }
        case .host: resolver = SmallFile.text("/etc/resolv.conf") + "\n"
        case .none: break
        }
        try Files.write(hosts, to: paths.hosts, mode: 0o644)
        try Files.write(hostname + "\n", to: paths.hostname, mode: 0o644)
        try Files.write(resolver, to: paths.resolver, mode: 0o644)
    }

    /// The monitor by the identifier it left; nil when it is gone or the number belongs to another program by now.
    func monitorHandle() -> ProcessHandle? {
        guard let processID = Int32(SmallFile.text(paths.monitorFile)),
            let handle = try? ProcessHandle(processID: processID)  // gone is a normal answer
        else { return nil }
        let words = SmallFile.text("/proc/\(processID)/cmdline").split(separator: "\0")
        return words.contains { $0 == paths.bundle } ? handle : nil
    }

    /// Values of secrets that the record does not hold, from the bundle of the latest start.
    private func knownSecrets() throws -> [String: String] {
        let names = record.spec.environment.filter { $0.value.exposed == nil }.keys
        guard !names.isEmpty, let bytes = try Files.read(paths.configuration) else { return [:] }
        let known = try JSONDecoder().decode(RuntimeSpec.self, from: Data(bytes)).process?.env ?? []
        var values: [String: String] = [:]
        for name in names {
            guard let entry = known.first(where: { $0.hasPrefix(name + "=") }) else { continue }
            values[name] = String(entry.dropFirst(name.utf8.count + 1))
        }
        return values
    }

    /// Undoes a start that failed half-way.
    private func abandon() async {
        // One that is gone by now needs no signal.
        if run == nil, let processID = Int32(SmallFile.text(paths.processFile)),
            Self.belongs(processID, to: paths), let process = try? ProcessHandle(processID: processID)
        {
            process.signal(SIGKILL)
            try? await process.waitForEnd()  // its end is what counts
        }
        run = nil
        await clean()
    }

    /// Whether a process is one of the container's control group.
    static func belongs(_ processID: Int32, to paths: ContainerPaths) -> Bool {
        SmallFile.text("/proc/\(processID)/cgroup").split(separator: "\n").contains { $0.hasSuffix(paths.controlGroup) }
    }

    private func startError(_ error: any Error) -> any Error {
        switch error {
        case let error as EngineError: return error
        case let error as NetworkError where error.code == .portTaken:
            return EngineError(.portTaken, error.message, hint: error.hint)
        case let error as any MartletError:
            return EngineError(.startFailed, "container `\(id)` cannot start", hint: error.hint, cause: error)
        default: return EngineError(.startFailed, "container `\(id)` cannot start", cause: error)
        }
    }
}
