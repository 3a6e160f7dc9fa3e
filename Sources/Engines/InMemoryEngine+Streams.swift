package import Core
internal import OCI

extension InMemoryEngine {
    package func logs(_ id: ContainerID, options: LogOptions) async throws -> AsyncThrowingStream<LogEntry, any Error> {
        let cell = try find(id)
        var entries = cell.log
        if let since = options.since { entries = entries.filter { LogTime.milliseconds($0.time) ?? 0 >= since } }
        if let tail = options.tail { entries = Array(entries.suffix(max(0, tail))) }
        let (stream, continuation) = AsyncThrowingStream.makeStream(of: LogEntry.self)
        entries.forEach { continuation.yield($0) }
        if options.follow, cell.isAlive { cell.followers.append(continuation) } else { continuation.finish() }
        return stream
    }

    package func exec(_ id: ContainerID, _ spec: ExecSpec) async throws -> any ProcessSession {
        record(.exec(id, spec.command))
        let cell = try findRunning(id)
        guard let program = spec.command.first, !program.isEmpty else {
            throw EngineError(.invalidSpec, "no command to run in container `\(id)`")
        }
        if spec.terminal { try require(.terminal, "terminals") }
        let process = try cell.image.script.process(
            SimulatedRequest(
                id: id, arguments: spec.command, environment: cell.environment(adding: spec.environment), isExec: true))
        let session = SimulatedSession(process: process, terminal: spec.terminal)
        if process.exit == nil { cell.sessions.append(session) }
        return session
    }

    package func attach(_ id: ContainerID) async throws -> any ProcessSession {
        let cell = try findRunning(id)
        let session = SimulatedSession(process: cell.process, terminal: cell.spec.terminal) { [weak self] signal in
            try await self?.killContainer(id, signal: signal)
        }
        cell.sessions.append(session)
        return session
    }

    package func stats(_ id: ContainerID) async throws -> ContainerStats {
        try require(.stats, "statistics")
        let cell = try findAlive(id)
        var stats = ContainerStats(readAt: now())
        stats.processes = 1
        stats.memory = .mebibytes(1)
        stats.memoryLimit = cell.spec.limits.memory
        return stats
    }

    private func findRunning(_ id: ContainerID) throws -> SimulatedContainer {
        let cell = try findAlive(id)
        if case .paused = cell.state {
            throw EngineError(.containerNotRunning, "container `\(id)` is paused", hint: "resume it first")
        }
        return cell
    }
}
