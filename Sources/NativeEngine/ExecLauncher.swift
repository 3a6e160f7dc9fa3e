internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import OCI

/// Starts further processes in a container: the runtime runs beside each of them and ends with its exit status.
///
/// The runtime gets the process's description as a file in memory, and its log is a pipe of its own, because standard
/// error belongs to the process.
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
        let identifier: AsyncDescriptor
        let log: AsyncDescriptor
    }

    /// Runs `process`; returns once it runs.
    /// - Throws: ``EngineError`` `.execFailed` with the runtime's reason.
    func launch(_ process: RuntimeProcess, openInput: Bool, size: TerminalSize?) async throws -> ExecSession {
        process.terminal == true
            ? try await launchTerminal(process, size: size) : try await launchPlain(process, openInput: openInput)
    }

    private func launchPlain(_ process: RuntimeProcess, openInput: Bool) async throws -> ExecSession {
        let (launch, input, output, errors) = try startPlain(process, openInput: openInput)
        let handle = try await identify(launch)
        return ExecSession(
            child: launch.child, process: handle, input: input,
            outputs: [(.standardOutput, output), (.standardError, errors)],
            terminal: nil)
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
            terminal: terminal)
    }

    private static func terminal(_ listener: ListeningSocket) async throws -> AsyncDescriptor {
        AsyncDescriptor(adopting: try await listener.accept().receiveDescriptor())
    }

    private func spawn(
        _ process: RuntimeProcess, standard: [CInt?], extra: [CInt], options: [String] = []
    ) throws -> Launch {
        let description = try MemoryFile.make(Array(try JSONEncoder().encode(process)), name: "process")
        let identifier = try ChildPipe(childReads: false)
        let log = try ChildPipe(childReads: false)
        let invocation = runtime.invocation(
            before: ["--log", "/proc/self/fd/\(Self.logSlot)"],
            ["exec", "--process", "/proc/self/fd/\(Self.descriptionSlot)"] + options
                + ["--pid-file", "/proc/self/fd/\(Self.identifierSlot)", id.rawValue])
        let descriptors = standard + [identifier.theirs.rawValue, log.theirs.rawValue, description.rawValue] + extra
        let child = try ChildProcess.spawn(invocation, descriptors: descriptors, grouping: .ownSession)
        return Launch(child: child, identifier: identifier.ours, log: log.ours)
    }

    /// The process, once the runtime has told its identifier.
    private func identify(_ launch: Launch) async throws -> ProcessHandle? {
        let text = String(decoding: try await launch.identifier.read(upTo: 64), as: UTF8.self)
        guard let processID = Int32(text.split(separator: "\n").first ?? "") else { throw await failure(launch) }
        return try? ProcessHandle(processID: processID)  // it may have ended already
    }

    private func failure(_ launch: Launch) async -> EngineError {
        let log = (try? await launch.log.read()) ?? []  // without a log the message says so
        launch.child.signal(SIGKILL)
        _ = await launch.child.wait()
        return RuntimeMessage.execFailure(id, String(decoding: log, as: UTF8.self))
    }
}
