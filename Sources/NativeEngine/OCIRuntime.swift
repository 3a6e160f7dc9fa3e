internal import Core
internal import Engines
internal import FoundationEssentials
internal import Glibc
internal import LinuxKernel
internal import OCI

/// The OCI runtime of this engine: how it is called, and what it says of containers.
struct OCIRuntime: Sendable {
    let program: HostTools.Runtime
    /// Its state directory.
    let root: String
    /// Where it has to run; nil when it runs as this process does.
    let namespace: MountNamespace?

    /// What comes before the verb.
    var globalArguments: [String] {
        switch program.kind {
        case .crun: ["--root", root, "--cgroup-manager=cgroupfs"]
        case .runc: ["--root", root]
        }
    }

    func invocation(before: [String] = [], _ arguments: [String]) -> ProgramInvocation {
        var invocation = ProgramInvocation(program.path, globalArguments + before + arguments)
        invocation.mountNamespace = namespace?.descriptor
        return invocation
    }

    /// Lets a created container's process run.
    func start(_ id: ContainerID, paths: ContainerPaths) async throws {
        if program.kind == .crun, releaseStart(paths) { return }
        let result = try await Program.run(invocation(["start", id.rawValue]))
        guard result.exitCode == 0 else { throw RuntimeMessage.startFailure(id, result.errorText) }
    }

    /// Does what `crun start` does, without a process: the container's first process waits for one byte on a pipe.
    /// False when it is not waiting there yet.
    private func releaseStart(_ paths: ContainerPaths) -> Bool {
        let descriptor = open(paths.startPipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        unlink(paths.startPipe)  // from here on the container counts as started
        return Glibc.write(descriptor, [0], 1) == 1
    }

    /// Ends whatever is left of a container and forgets it. Idempotent.
    func delete(_ id: ContainerID, paths: ContainerPaths) async throws {
        guard Files.exists(paths.runtimeState) else { return }
        let result = try await Program.run(invocation(["delete", "--force", id.rawValue]))
        if result.exitCode == 0 || !Files.exists(paths.runtimeState) { return }
        // A half-written state that the runtime itself cannot read: its files are all that is left.
        try Files.removeTree(paths.runtimeState)
    }

    private struct Listed: Decodable {
        let id: String
        let pid: Int32
        let status: String
    }

    /// The first process of each container that was started and has not ended.
    func started() async throws -> [String: Int32] {
        let result = try await Program.run(invocation(["list", "--format", "json"]))
        guard result.exitCode == 0 else {
            throw EngineError(
                .runtimeFailed, "`\(program.path) list` ended with \(result.exitCode): \(result.errorText)")
        }
        let text = result.outputText
        guard text.hasPrefix("[") else { return [:] }  // runc says `null` for none
        var found: [String: Int32] = [:]
        for entry in try JSONDecoder().decode([Listed].self, from: Data(text.utf8))
        where entry.status == "running" || entry.status == "paused" {
            found[entry.id] = entry.pid
        }
        return found
    }
}

/// Turns the runtimes' texts into errors that say what to do.
enum RuntimeMessage {
    static func startFailure(_ id: ContainerID, _ text: String) -> EngineError {
        let message = firstUseful(text)
        let lower = message.lowercased()
        if lower.contains("executable file") || lower.contains("no such file or directory") && lower.contains("exec") {
            return EngineError(
                .startFailed, "container `\(id)` cannot start: its program is not in the image (\(message))",
                hint: "check the command and the image's PATH")
        }
        if lower.contains("permission denied"), lower.contains("exec") || lower.contains("open executable") {
            return EngineError(
                .startFailed, "container `\(id)` cannot start: its program may not be executed (\(message))",
                hint: "make it executable in the image")
        }
        if lower.contains("cgroup") {
            return EngineError(
                .startFailed, "container `\(id)` cannot start: control groups refuse (\(message))",
                hint: "`martlet doctor` shows what this host supports")
        }
        return EngineError(.startFailed, "container `\(id)` cannot start: \(message)")
    }

    static func execFailure(_ id: ContainerID, _ text: String) -> EngineError {
        EngineError(.execFailed, "cannot run a process in container `\(id)`: \(firstUseful(text))")
    }

    /// Without the time stamps and levels of the runtimes' logs.
    private static func firstUseful(_ text: String) -> String {
        let lines = text.split(separator: "\n").map { line -> String in
            let parts = line.split(separator: "msg=\"", maxSplits: 1)
            guard parts.count == 2 else { return String(line.drop(while: { $0 == " " })) }
            let message = parts[1].last == "\"" ? parts[1].dropLast() : parts[1]
            return String(message).replacing("\\\"", with: "\"")
        }
        return lines.last { !$0.isEmpty } ?? "the runtime gave no reason"
    }
}
