internal import Core
internal import Engines
internal import Glibc
internal import Images
internal import LinuxKernel
internal import Logging
internal import Networking
internal import OCI

/// One container: what is recorded of it, its live process if any, and the order of its changes.
///
/// It tells of starts and ends at level `debug` only: the line for people is written by whoever asked.
///
///     idle ──start──▶ live ──end observed──▶ idle, to be cleaned ──(clean-up, start, remove)──▶ idle
actor NativeContainer {
    /// A live process.
    struct Run {
        let process: ProcessHandle
        let monitor: ProcessHandle?
        var isPaused: Bool
    }

    nonisolated let id: ContainerID
    nonisolated let paths: ContainerPaths
    let context: EngineContext
    var record: ContainerRecord
    var run: Run?
    /// Whether the start of the run has not been told yet; its end is told after that.
    var isStarting = false
    /// Whether the host may still hold things of an earlier run.
    var isDirty: Bool
    let exits = ExitWaiters()
    /// Changes happen one after the other.
    private let turn = Permits(1)
    private var stopping: Task<ContainerExit, any Error>?
    private var heldInput: AttachSession?
    /// Connections that wait for the first start.
    var earlySessions: [EarlyAttachSession] = []
    private(set) var isRemoved = false
    /// Waits for the monitor to begin a new log; cancelled with the end of the run.
    private var logWatch: Task<Void, Never>?

    init(_ record: ContainerRecord, context: EngineContext, isDirty: Bool) {
        self.id = record.id
        self.record = record
        self.context = context
        self.paths = ContainerPaths(context.layout, record.id)
        self.isDirty = isDirty
    }

    var logger: Logger {
        var logger = context.logger
        logger[metadataKey: "container.id"] = "\(id)"
        return logger
    }

    var generations: LogGenerations {
        LogGenerations(path: paths.log, count: context.options.logFileLimit)
    }

    var controlGroup: ControlGroup { ControlGroup(mode: context.host.controlGroups, path: paths.controlGroup) }

    var observed: ObservedContainer {
        let state: ObservedState
        if let run {
            let pid = run.process.processID
            state = run.isPaused ? .paused(processID: pid) : .running(processID: pid)
        } else if let exit = record.exit, record.startedAt != nil {
            state = .exited(exit)
        } else {
            state = .created
        }
        var observed = ObservedContainer(id: id, spec: record.spec, state: state, createdAt: record.createdAt)
        observed.imageDigest = record.imageDigest
        observed.startedAt = record.startedAt
        observed.finishedAt = run == nil ? record.finishedAt : nil
        observed.address = run == nil ? nil : record.address
        observed.ports = record.ports
        return observed
    }

    var spec: ContainerSpec { record.spec }

    /// Takes the values of secrets from an equal specification.
    func adoptSecrets(of spec: ContainerSpec) { record.spec = spec }

    /// Runs a change when the earlier ones are done, to its end even when the caller is cancelled.
    func exclusively<Result: Sendable>(
        _ body: @escaping @Sendable (isolated NativeContainer) async throws -> Result
    ) async throws -> Result {
        // Awaited right here; a task of its own, so that cancellation leaves nothing half done.
        try await Task {
            await turn.take()
            defer { turn.giveBack() }
            return try await body(self)
        }.value
    }

    /// The live process, for calls that need one.
    func requireRun(unpaused: Bool = false) throws -> Run {
        guard let run else { throw EngineError(.containerNotRunning, "container `\(id)` is not running") }
        if unpaused, run.isPaused {
            throw EngineError(.containerNotRunning, "container `\(id)` is paused", hint: "resume it first")
        }
        return run
    }

    // MARK: Ends

    /// Called when the exit file appeared, the monitor ended or the process ended: sees whether this is the end.
    func checkEnd() {
        guard let run, !isStarting else { return }
        if let code = exitStatus() {
            finish(code)
        } else if run.process.hasEnded, run.monitor?.hasEnded ?? true {
            finish(exitStatus())  // asked again, as it may have come meanwhile; absent when the monitor was killed
        } else if run.monitor?.hasEnded ?? true {
            run.process.whenEnded { [weak self] in
                Task { await self?.checkEnd() }  // bridges the poller's callback; ends at once
            }
        }
    }

    /// Begins to watch the process and its monitor.
    func watch() {
        guard let run else { return }
        (run.monitor ?? run.process).whenEnded { [weak self] in
            Task { await self?.checkEnd() }  // bridges the poller's callback; ends at once
        }
        watchLog()
    }

    /// Keeps the files that the monitor replaces.
    private func watchLog() {
        do {
            let changes = try FileWatcher.renames.changes(of: paths.state)
            keepLog()
            logWatch?.cancel()
            logWatch = Task { [weak self] in  // cancelled with the end of the run
                for await _ in changes { await self?.keepLog() }
            }
        } catch {
            logger.warning("log cannot be watched; older lines may be lost", metadata: ["error": "\(error)"])
        }
    }

    private func keepLog() {
        do { try generations.update() } catch {
            logger.warning("older lines of the log cannot be kept", metadata: ["error": "\(error)"])
        }
    }

    /// What the monitor wrote; nil when there is nothing.
    func exitStatus() -> Int32? {
        guard let bytes = try? Files.read(paths.exitFile) else { return nil }  // absent is the normal case
        return Int32(String(decoding: bytes, as: UTF8.self))
    }

    private func finish(_ code: Int32?) {
        run?.process.stopWatching()
        run?.monitor?.stopWatching()
        run = nil
        heldInput = nil
        isDirty = true
        logWatch?.cancel()
        keepLog()
        let exit = ContainerExit(code: code, outOfMemory: code == 137 && ContainerUsage.ranOutOfMemory(controlGroup))
        record.exit = exit
        record.finishedAt = LogTime.now()
        save()
        logger.debug("process of container ended", metadata: ["exit.code": "\(code.map(String.init) ?? "unknown")"])
        exits.resume(.success(exit))
        context.hub.publish(.exited(id, exit))
        utimes(paths.log, nil)  // wakes the followers of the log, who then see that it is over
        Task {  // cleaning up keeps nobody waiting; a start or removal that comes first does it itself
            try? await exclusively { container in await container.clean() }  // logged where it fails
        }
    }

    func save() {
        do {
            try record.save(paths.record)
        } catch {
            logger.error("container record cannot be written", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Cleaning

    /// Takes everything of the latest run off the host; the changes the container made to its root stay.
    func clean() async {
        guard isDirty, run == nil else { return }
        async let network = attempt("detach network") { [context, id, paths] in
            try await context.network.detach(id.rawValue, namespacePath: paths.networkNamespace)
        }
        let runtime = await attempt("delete from runtime") { [context, id, paths, controlGroup] in
            try await Blocking.run {
                for processID in controlGroup.processes() { Glibc.kill(processID, SIGKILL) }  // none but after a crash
                controlGroup.remove()
            }
            if Files.exists(controlGroup.directory("pids")) {
                try await context.runtime.delete(id, paths: paths)
            } else {
                try await Blocking.run { try Files.removeTree(paths.runtimeState) }
            }
            try await Blocking.run {
                controlGroup.remove()
                try Files.removeTree(paths.hiddenGroup)
            }
        }
        let snapshot = await attempt("unmount root") { [context, id, paths] in
            try await context.images.unmountSnapshot(id: id.rawValue, mountPoint: paths.root)
        }
        _ = await network
        Files.remove(paths.exitFile)
        if runtime, snapshot { isDirty = false }
    }

    /// Whether `step` succeeded; a failure is logged and the next attempt comes with the next change.
    private func attempt(_ step: String, _ body: () async throws -> Void) async -> Bool {
        do {
            try await body()
            return true
        } catch {
            logger.warning("clean-up step failed", metadata: ["step": "\(step)", "error": "\(error)"])
            return false
        }
    }

    // MARK: Stop

    /// Stops the container; who comes while a stop is under way shares it.
    /// - Parameter signal: instead of the container's own.
    func stop(grace: Duration, signal: Int32? = nil) async throws -> ContainerExit {
        guard run != nil else { return record.exit ?? ContainerExit(code: nil) }
        if let stopping {
            if let signal { run?.process.signal(signal) }
            return try await stopping.value
        }
        let task = Task { try await performStop(grace: grace, signal: signal) }  // awaited here and by who joins
        stopping = task
        defer { if stopping == task { stopping = nil } }
        return try await task.value
    }

    private func performStop(grace: Duration, signal: Int32?) async throws -> ContainerExit {
        guard let run else { return record.exit ?? ContainerExit(code: nil) }
        let polite = SignalNumber(parsing: record.spec.stopSignal ?? record.stopSignal)?.rawValue ?? SIGTERM
        run.process.signal(signal ?? polite)
        let killer = Task { [process = run.process] in  // cancelled below as soon as the container has ended
            try await Task.sleep(for: grace)
            process.signal(SIGKILL)
        }
        defer { killer.cancel() }
        if run.isPaused { try await thaw() }
        guard self.run != nil else { return record.exit ?? ContainerExit(code: nil) }
        return try await exits.wait()
    }

    func thaw() async throws {
        guard run?.isPaused == true else { return }
        try await ContainerFreezer(controlGroup).thaw()
        run?.isPaused = false
    }

    // MARK: Removal

    /// Removes everything, on the host and on disk; what a crash leaves is collected at the next start.
    func remove() async throws {
        isDirty = isDirty || Files.exists(paths.bundle)
        await clean()
        try await context.images.removeSnapshot(id: id.rawValue)
        try await Blocking.run { [paths] in
            try Files.removeTree(paths.bundle)
            Files.remove(paths.record)
            try Files.removeTree(paths.state)
        }
        isRemoved = true
        exits.resume(.failure(EngineError.notFound(id)))
    }

    /// Watches the process no longer and ends nothing.
    func letGo() {
        run?.process.stopWatching()
        run?.monitor?.stopWatching()
        logWatch?.cancel()
        heldInput = nil
        exits.resume(.failure(CancellationError()))
    }

    /// Keeps a connection whose loss would end the process's input.
    func hold(_ session: AttachSession) { heldInput = session }
}
