internal import Core
internal import Engines
internal import Glibc
internal import Logging

extension AppRuntime {
    /// Starts a command in a fresh container and hands out what it writes, as fast as it is read. The container is removed
    /// when the command has ended, when nobody reads any more, and when its time is up.
    func stream(
        _ command: RunCommand, for live: LiveVersion
    ) async throws -> AsyncThrowingStream<[UInt8], any Error> {
        do {
            let (id, spec) = try await commandContainer(command, for: live)
            let reading = CommandStream()
            do {
                try await world.engine.createContainer(id, spec)
                try await world.engine.startContainer(id)
                reading.logs = try await world.engine.logs(id, options: LogOptions(follow: true))
            } catch {
                await removeCommand(id)
                throw error
            }
            let seconds = command.timeoutSeconds
            let (world, ends, isLate) = (world, reading.ends, reading.isLate)
            // Owned by this actor: cancelled and awaited by `close()`. It outlives nobody: the reader's end wakes it.
            streams[id] = Task {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask { for await _ in ends {} }
                    group.addTask {
                        // Cancelled when the reader has ended.
                        guard (try? await world.time.sleep(for: .seconds(seconds))) != nil else { return }
                        isLate.value = true
                        try? await world.engine.killContainer(id, signal: SIGKILL)  // it may have ended by itself
                        for await _ in ends {}
                    }
                    await group.next()
                    group.cancelAll()
                }
                await self.removeCommand(id)
                self.streams[id] = nil
            }
            return reading.output(command, of: id, world.engine)
        } catch {
            throw AppError(starting: error)
        }
    }

    private func removeCommand(_ id: ContainerID) async {
        let world = world
        // Awaited at once; a task of its own only so that cancellation does not reach it.
        let removal = Task { try await world.engine.removeContainer(id, force: true) }
        do {
            try await removal.value
        } catch {
            world.logger.error(
                "container of a command could not be removed", metadata: ["container.id": "\(id)", "error": "\(error)"])
        }
    }
}

/// What is read of one command. The end of its life ends ``ends``.
private final class CommandStream: Sendable {
    private let source = Box<AsyncThrowingStream<LogEntry, any Error>>(nil)
    /// Set when the command ran into its time limit.
    let isLate = Box<Bool>(nil)
    /// Ends, without elements, with this object.
    let ends: AsyncStream<Never>
    private let end: AsyncStream<Never>.Continuation

    init() { (ends, end) = AsyncStream.makeStream(of: Never.self) }

    deinit { end.finish() }

    var logs: AsyncThrowingStream<LogEntry, any Error>? {
        get { source.value }
        set { source.value = newValue }
    }

    /// Line after line, each read when it is asked for. A failed command ends it with an error, so that whoever reads sees
    /// that it is not whole.
    func output(
        _ command: RunCommand, of id: ContainerID, _ engine: any Engine
    ) -> AsyncThrowingStream<[UInt8], any Error> {
        AsyncThrowingStream { [self] in
            guard let logs else { return nil }
            var iterator = logs.makeAsyncIterator()
            while let entry = try await iterator.next() {
                if entry.stream == .standardError, !command.includesErrorOutput { continue }
                return Array(entry.text.utf8) + [0x0A]
            }
            defer { end.finish() }
            self.logs = nil
            if isLate.value == true { throw AppError.commandTimeout(command.timeoutSeconds) }
            let exit = try await engine.waitForExit(id)
            guard exit.code == 0 else { throw AppError.commandExit(exit.code ?? 125, stderr: "") }
            return nil
        }
    }
}
