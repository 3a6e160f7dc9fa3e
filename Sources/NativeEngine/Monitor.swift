internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel

/// Starts the monitor of a container: a process of its own that calls the runtime, holds the container's streams, writes its
/// log and exit status, and outlives this daemon.
struct Monitor: Sendable {
    let path: String
    let runtime: OCIRuntime
    let layout: InstanceLayout
    let logSizeLimit: ByteCount

    private struct Report: Decodable {
        let data: Int32
        let message: String?
    }

    /// Has the container created by the runtime.
    /// - Returns: the host's identifier of its first process, which waits to be started.
    /// - Throws: ``EngineError`` `.startFailed` with the runtime's reason.
    func create(_ id: ContainerID, spec: ContainerSpec, paths: ContainerPaths) async throws -> Int32 {
        let (reports, launcher) = try launch(arguments(id, spec, paths), paths)
        var line: [UInt8] = []
        while !line.contains(10) {
            let chunk = try await reports.read(upTo: 4096)
            if chunk.isEmpty { break }
            line += chunk
        }
        _ = await launcher.wait()
        guard !line.isEmpty else {
            throw RuntimeMessage.startFailure(id, SmallFile.text(paths.monitorLog))
        }
        let report = try JSONDecoder().decode(Report.self, from: Data(line))
        guard report.data > 0 else { throw RuntimeMessage.startFailure(id, report.message ?? "") }
        return report.data
    }

    private func launch(_ arguments: [String], _ paths: ContainerPaths) throws -> (AsyncDescriptor, ChildProcess) {
        let sync = try ChildPipe(childReads: false)
        let start = try ChildPipe(childReads: true)
        let log = open(paths.monitorLog, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw KernelError.last("open", paths.monitorLog) }
        let errors = OwnedDescriptor(adopting: log)
        var invocation = ProgramInvocation(path, arguments)
        invocation.environment["_OCI_SYNCPIPE"] = "3"
        invocation.environment["_OCI_STARTPIPE"] = "4"
        invocation.mountNamespace = runtime.namespace?.descriptor
        _ = try start.ours.withDescriptor { Glibc.write($0, [0], 1) }
        let child = try ChildProcess.spawn(
            invocation, descriptors: [nil, nil, errors.rawValue, sync.theirs.rawValue, start.theirs.rawValue])
        return (sync.ours, child)
    }

    private func arguments(_ id: ContainerID, _ spec: ContainerSpec, _ paths: ContainerPaths) -> [String] {
        var arguments = [
            "--api-version", "1", "-c", id.rawValue, "-u", id.rawValue, "-n", id.rawValue,
            "-r", runtime.program.path, "-b", paths.bundle, "-p", paths.processFile, "-P", paths.monitorFile,
            "-l", "k8s-file:\(paths.log)", "--log-size-max", "\(logSizeLimit.rawValue)",
            "--exit-dir", ContainerPaths.exits(layout), "--persist-dir", paths.persist,
            "--socket-dir-path", paths.bundle, "--full-attach", "--log-level", "warning",
            "--no-sync-log",  // the kernel writes the log out in its own time, as it does for every other program
        ]
        for argument in runtime.globalArguments { arguments += ["--runtime-arg", argument] }
        if spec.openInput { arguments.append("-i") }
        if spec.terminal { arguments.append("-t") }
        return arguments
    }
}
