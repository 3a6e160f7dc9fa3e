internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import Logging
internal import OCI

extension NativeContainer {
    func kill(_ signal: Int32) throws {
        let run = try requireRun()
        guard run.process.signal(signal) else {
            throw EngineError(.containerNotRunning, "container `\(id)` is not running")
        }
    }

    func pause() async throws {
        let run = try requireRun()
        if run.isPaused { return }
        try await ContainerFreezer(controlGroup).freeze()
        guard self.run != nil else { throw EngineError(.containerNotRunning, "container `\(id)` ended meanwhile") }
        self.run?.isPaused = true
        context.hub.publish(.paused(id))
    }

    func resume() async throws {
        guard try requireRun().isPaused else { return }
        try await thaw()
        context.hub.publish(.resumed(id))
    }

    func waitForExit() async throws -> ContainerExit {
        if run == nil, record.startedAt != nil, let exit = record.exit { return exit }
        return try await exits.wait()
    }

    func logs(_ options: LogOptions) throws -> AsyncThrowingStream<LogEntry, any Error> {
        LogFile(generations: generations).entries(options) { [weak self] in await self?.run != nil }
    }

    func stats() throws -> ContainerStats {
        let run = try requireRun()
        return ContainerUsage.read(
            controlGroup, process: run.process.processID, limit: record.spec.limits.memory,
            ownNetwork: record.spec.network != .host)
    }

    func attach() throws -> any ProcessSession {
        if run == nil, record.startedAt == nil, !isRemoved {
            let session = EarlyAttachSession()
            earlySessions.append(session)
            return session
        }
        return try connect(requireRun(unpaused: true))
    }

    /// Connects the sessions that were asked for before the start, and those that join them meanwhile; the program has
    /// not begun yet. Each is told only when the monitor has taken its connection, and would miss nothing any more.
    func connectEarlySessions(_ run: Run) async throws {
        while let session = earlySessions.first {
            let sockets = run.monitor.map { MonitorSockets($0) }
            let attached = try connect(run)
            if try await sockets?.waitForAnother() != true {
                logger.warning("the monitor did not take a connection in time; output may be missed")
            }
            session.connect(attached)
            earlySessions.removeFirst()
        }
    }

    private func connect(_ run: Run) throws -> AttachSession {
        let connection = try SequencedSocket.connect(paths.attachSocket)
        return AttachSession(
            connection: connection, process: run.process, controlPipe: record.spec.terminal ? paths.controlPipe : nil,
            container: self, holdsInput: record.spec.openInput)
    }

    func exec(_ spec: ExecSpec) async throws -> any ProcessSession {
        guard let program = spec.command.first, !program.isEmpty else {
            throw EngineError(.invalidSpec, "no command to run in container `\(id)`")
        }
        _ = try requireRun(unpaused: true)
        let process = try execProcess(spec)
        return try await ExecLauncher(id: id, paths: paths, runtime: context.runtime)
            .launch(process, openInput: spec.openInput, size: spec.size)
    }

    /// The container's own process with the words, variables and identity of the further one.
    private func execProcess(_ spec: ExecSpec) throws -> RuntimeProcess {
        guard let bytes = try Files.read(paths.configuration),
            var process = try JSONDecoder().decode(RuntimeSpec.self, from: Data(bytes)).process
        else { throw EngineError(.runtimeFailed, "the bundle of container `\(id)` is gone") }
        process.args = spec.command
        process.terminal = spec.terminal
        process.consoleSize = spec.size.map { RuntimeConsoleSize(height: UInt($0.rows), width: UInt($0.columns)) }
        if let directory = spec.workingDirectory { process.cwd = directory }
        var environment: [String: String] = [:]
        for entry in process.env ?? [] {
            let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            environment[String(parts[0])] = parts.count > 1 ? String(parts[1]) : ""
        }
        if spec.terminal, environment["TERM"] == nil { environment["TERM"] = "xterm" }
        if let user = spec.user {
            let account = try AccountFiles(root: DirectoryHandle(path: paths.root)).account(user)
            process.user = account.user
            environment["HOME"] = account.home ?? "/"
            let bounding = process.capabilities?.bounding ?? []
            let held = account.user.uid == 0 ? bounding : []
            process.capabilities = RuntimeCapabilities(bounding: bounding, effective: held, permitted: held)
        }
        environment.merge(spec.environment) { $1 }
        process.env = environment.map { "\($0.key)=\($0.value)" }.sorted()
        return process
    }
}

/// Freezes and thaws all processes of a control group.
struct ContainerFreezer {
    private let group: ControlGroup

    init(_ group: ControlGroup) { self.group = group }

    func freeze() async throws { try await set(frozen: true) }
    func thaw() async throws { try await set(frozen: false) }

    private func set(frozen: Bool) async throws {
        let group = group
        try await Blocking.run {
            switch group.mode {
            case .unified:
                try group.write("", "cgroup.freeze", frozen ? "1" : "0")
                try Self.wait { group.number("", "cgroup.events", key: "frozen") == (frozen ? 1 : 0) }
            case .hybrid, .legacy:
                let state = frozen ? "FROZEN" : "THAWED"
                try group.write("freezer", "freezer.state", state)
                try Self.wait { group.text("freezer", "freezer.state") == state }
            }
        }
    }

    /// The kernel tells nobody when a group of the separate hierarchies is frozen; it takes well under a millisecond.
    private static func wait(_ isDone: () -> Bool) throws {
        for attempt in 0..<10_000 {
            if isDone() { return }
            usleep(attempt < 20 ? 100 : 1000)
        }
        throw EngineError(
            .runtimeFailed, "the processes cannot be frozen or thawed", hint: "one of them is stuck in the kernel")
    }
}
