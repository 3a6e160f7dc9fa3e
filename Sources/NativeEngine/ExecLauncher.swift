internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import OCI

/// Starts further processes in a container: the runtime runs beside each of them and ends with its exit status.
///
/// The runtime gets the process's description as a file in memory, and its log is a pipe of its own, because standard
/// error belongs to the process. The runtimes differ in two points:
///
/// | | crun | runc |
/// |---|---|---|
/// | process identifier | written to a pipe | written to a file that is renamed, so it needs a directory |
/// | output | of the process itself | copied; runc ends when nobody holds the process's streams any more |
/// | terminal | handed over a socket while crun waits for the end | made by runc, which copies between it and its own |
struct ExecLauncher {
    let id: ContainerID
    let paths: ContainerPaths
    let runtime: OCIRuntime

    /// Descriptors of the runtime beyond the standard ones.
    private static let identifierSlot = 3
    private static let logSlot = 4
    private static let descriptionSlot = 5
    private static let directorySlot = 6

    /// What a launch leaves: the runtime's process and our ends of its pipes.
    private struct Launch {
        let child: ChildProcess
        let identifier: Identifier
        let log: AsyncDescriptor
    }

    /// Where the runtime leaves the process's identifier.
    private enum Identifier {
        case pipe(AsyncDescriptor)
        /// A file, and what happens in its directory since before the runtime was started.
        case file(String, AsyncStream<FileWatcher.Change>)
    }

    /// Runs `process`; returns once it runs.
    /// - Throws: ``EngineError`` `.execFailed` with the runtime's reason.
    func launch(_ process: RuntimeProcess, openInput: Bool, size: TerminalSize?) async throws -> ExecSession {
        guard process.terminal == true else { return try await launchPlain(process, openInput: openInput) }
        switch runtime.program.kind {
        case .crun: return try await launchTerminal(process, size: size)
        case .runc: return try await launchCopiedTerminal(process, size: size)
        }
    }

    private func launchPlain(_ process: RuntimeProcess, openInput: Bool) async throws -> ExecSession {
        let (launch, input, output, errors) = try startPlain(process, openInput: openInput)
        let handle = try await identify(launch)
        return ExecSession(
            child: launch.child, process: handle, input: input,
            outputs: [(.standardOutput, output), (.standardError, errors)],
            terminal: nil, isCopied: runtime.program.kind == .runc)
    }

    private func startPlain(
        _ process: RuntimeProcess, openInput: Bool
    ) throws -> (Launch, AsyncDescriptor?, AsyncDescriptor, AsyncDescriptor) {
        let output = try ChildPipe(childReads: false)
        let errors = try ChildPipe(childReads: false)
        let (out, err) = (output.theirs.rawValue, errors.theirs.rawValue)
        guard openInput else {
            return (try spawn(process, standard: [nil, out, err], extra: []), nil, output.ours, errors.ours)
        }
        let input = try ChildPipe(childReads: true)
        let launch = try spawn(process, standard: [input.theirs.rawValue, out, err], extra: [])
        return (launch, input.ours, output.ours, errors.ours)
    }

    private func launchTerminal(_ process: RuntimeProcess, size: TerminalSize?) async throws -> ExecSession {
        let directory = open(paths.bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw KernelError.last("open", paths.bundle) }
        let owned = OwnedDescriptor(adopting: directory)
        let name = "tty-" + String(UInt32.random(in: 0...UInt32.max), radix: 16)
        let listener = try ListeningSocket(directory: directory, name: name)
        defer { unlinkat(owned.rawValue, name, 0) }
        let launch = try spawn(
            process, standard: [nil, nil, nil], extra: [directory],
            options: ["--console-socket", "/proc/self/fd/\(Self.directorySlot)/\(name)"])
        let accepting = Task { try await Self.terminal(listener) }  // awaited below
        Task {  // ends with the runtime; without it a runtime that fails early would leave the wait for ever
            _ = await launch.child.wait()
            accepting.cancel()
        }
        guard let terminal = try? await accepting.value else { throw await failure(launch) }  // the log says why
        if let size { try terminal.resizeTerminal(columns: size.columns, rows: size.rows) }
        let handle = try await identify(launch)
        return ExecSession(
            child: launch.child, process: handle, input: terminal, outputs: [(.standardOutput, terminal)],
            terminal: terminal, isCopied: runtime.program.kind == .runc)
    }

    /// With a terminal of ours, from and to which the runtime copies.
    private func launchCopiedTerminal(_ process: RuntimeProcess, size: TerminalSize?) async throws -> ExecSession {
        let (launch, terminal) = try startCopiedTerminal(process, size: size)
        let handle = try await identify(launch)
        return ExecSession(
            child: launch.child, process: handle, input: terminal, outputs: [(.standardOutput, terminal)],
            terminal: terminal, isCopied: runtime.program.kind == .runc)
    }

    private func startCopiedTerminal(
        _ process: RuntimeProcess, size: TerminalSize?
    ) throws -> (Launch, AsyncDescriptor) {
        let pair = try PseudoTerminal()
        if let size { try pair.ours.resizeTerminal(columns: size.columns, rows: size.rows) }
        let theirs = pair.theirs.rawValue
        let launch = try spawn(process, standard: [theirs, theirs, theirs], extra: [], grouping: .ownTerminal)
        return (launch, pair.ours)
    }

    private static func terminal(_ listener: ListeningSocket) async throws -> AsyncDescriptor {
        AsyncDescriptor(adopting: try await listener.accept().receiveDescriptor())
    }

    private func spawn(
        _ process: RuntimeProcess, standard: [CInt?], extra: [CInt], options: [String] = [],
        grouping: ChildProcess.Grouping = .ownSession
    ) throws -> Launch {
        let description = try MemoryFile.make(Array(try JSONEncoder().encode(process)), name: "process")
        let identifier = try ChildPipe(childReads: false)
        let log = try ChildPipe(childReads: false)
        let place: Identifier
        var path = "/proc/self/fd/\(Self.identifierSlot)"
        switch runtime.program.kind {
        case .crun: place = .pipe(identifier.ours)
        case .runc:
            path = "\(paths.bundle)/exec-\(UInt64.random(in: 0...UInt64.max)).pid"
            place = .file(path, try FileWatcher.shared.changes(of: paths.bundle))
        }
        let invocation = runtime.invocation(
            before: ["--log", "/proc/self/fd/\(Self.logSlot)"],
            ["exec", "--process", "/proc/self/fd/\(Self.descriptionSlot)"] + options
                + ["--pid-file", path, id.rawValue])
        let descriptors = standard + [identifier.theirs.rawValue, log.theirs.rawValue, description.rawValue] + extra
        let child = try ChildProcess.spawn(invocation, descriptors: descriptors, grouping: grouping)
        return Launch(child: child, identifier: place, log: log.ours)
    }

    /// The process, once the runtime has told its identifier.
    private func identify(_ launch: Launch) async throws -> ProcessHandle? {
        let text: String
        switch launch.identifier {
        case .pipe(let pipe): text = String(decoding: try await pipe.read(upTo: 64), as: UTF8.self)
        case .file(let path, let changes): text = await Self.text(path, changes, launch.child)
        }
        guard let processID = Int32(text.split(separator: "\n").first ?? "") else { throw await failure(launch) }
        return try? ProcessHandle(processID: processID)  // it may have ended already
    }

    /// What the runtime leaves in a file; empty when it ends without doing so.
    private static func text(
        _ path: String, _ changes: AsyncStream<FileWatcher.Change>, _ child: ChildProcess
    ) async -> String {
        let (looks, look) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        // Cancelled below.
        let watching = Task { for await _ in changes { look.yield() } }
        // Ends with the runtime.
        Task {
            _ = await child.wait()
            look.finish()
        }
        defer {
            watching.cancel()
            Files.remove(path)
        }
        var iterator = looks.makeAsyncIterator()
        while true {
            // Asked before the file is read: what came until the end is then certainly read.
            let hasEnded = child.exitStatus != nil
            let text = SmallFile.text(path)
            if !text.isEmpty || hasEnded { return text }
            _ = await iterator.next()
        }
    }

    private func failure(_ launch: Launch) async -> EngineError {
        let log = (try? await launch.log.read()) ?? []  // without a log the message says so
        launch.child.signal(SIGKILL)
        _ = await launch.child.wait()
        return RuntimeMessage.execFailure(id, String(decoding: log, as: UTF8.self))
    }
}
