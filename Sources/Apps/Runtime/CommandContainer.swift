internal import Core
internal import Engines
internal import Glibc
internal import Logging

/// Runs one command in a container of its own, which is gone afterwards, whatever happens.
struct CommandContainer: Sendable {
    let engine: any Engine
    let time: any TimeSource
    let logger: Logger
    /// Bytes of output kept in memory; the rest is read and dropped.
    var outputLimit = 100 << 20
    /// Bytes of standard error kept for messages.
    static let errorTailLimit = 2000

    /// Runs it to its end, its time limit, or the cancellation of the task.
    func run(_ id: ContainerID, _ spec: ContainerSpec, _ command: RunCommand, file: String?) async throws -> RunResult {
        do {
            try await engine.createContainer(id, spec)
            let result = try await runCreated(id, command, file: file)
            await remove(id)
            return result
        } catch {
            await remove(id)
            if let result = Self.startFailure(error) { return result }
            throw error
        }
    }

    private func runCreated(_ id: ContainerID, _ command: RunCommand, file: String?) async throws -> RunResult {
        try await engine.startContainer(id)
        let isLate = Box<Bool>(nil)
        return try await withThrowingTaskGroup(of: RunResult?.self) { group in
            group.addTask { try await collect(id, command, file: file) }
            group.addTask {
                try await time.sleep(for: .seconds(command.timeoutSeconds))
                isLate.value = true
                try await engine.killContainer(id, signal: SIGKILL)
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next() else { return RunResult() }
            if let result = first, isLate.value != true { return result }  // its end may be seen before the timer's
            var result = RunResult(exitCode: 124)
            result.timedOut = true
            return result
        }
    }

    private func collect(_ id: ContainerID, _ command: RunCommand, file: String?) async throws -> RunResult {
        var result = RunResult()
        var errors = ""
        let sink = try file.map(OutputFile.init)
        for try await entry in try await engine.logs(id, options: LogOptions(follow: true)) {
            if entry.stream == .standardError {
                errors += entry.text + "\n"
                if errors.utf8.count > 4 * Self.errorTailLimit { errors = String(errors.suffix(Self.errorTailLimit)) }
                guard command.includesErrorOutput else { continue }
            }
            let line = Array(entry.text.utf8) + [0x0A]
            if let sink {
                try sink.write(line)
            } else if result.output.count + line.count <= outputLimit {
                result.output += line
            } else if !result.isTruncated {
                result.isTruncated = true
                logger.warning("output of a command is longer than the limit; the rest is dropped")
            }
        }
        try Task.checkCancellation()  // a cancelled stream ends like a finished one
        let exit = try await engine.waitForExit(id)
        result.exitCode = exit.code ?? 125
        result.errorTail = Self.tail(errors)
        if exit.outOfMemory { result.errorTail += " (out of memory)" }
        result.file = file
        return result
    }

    /// Removes the container even when the task has been cancelled.
    private func remove(_ id: ContainerID) async {
        // Awaited at once; a task of its own only so that cancellation does not reach it.
        let removal = Task { try await engine.removeContainer(id, force: true) }
        do {
            try await removal.value
        } catch {
            logger.error(
                "container of a command could not be removed",
                metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }

    private static func tail(_ text: String) -> String {
        let end = text.utf8.suffix(errorTailLimit)
        return String(String(decoding: Array(end), as: UTF8.self).trimmed)
    }

    /// What a shell would say of a program that cannot be started: 127 not found, 126 not executable, 125 otherwise.
    private static func startFailure(_ error: any Error) -> RunResult? {
        guard let error = error as? EngineError, error.code == .startFailed else { return nil }
        let text = error.description.lowercased()
        var result = RunResult(exitCode: 125)
        if text.contains("permission denied") { result.exitCode = 126 }
        if text.contains("not found") || text.contains("no such file") || text.contains("not in the image") {
            result.exitCode = 127
        }
        result.errorTail = error.description
        return result
    }
}

/// A file that output is written to.
private final class OutputFile: Sendable {
    private let descriptor: CInt

    init(_ path: String) throws {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw AppError(.runStart, "the output file cannot be made: \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else {
                throw AppError(.runStart, "the output file cannot be written: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(count)
        }
    }
}
