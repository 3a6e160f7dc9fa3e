internal import Core
internal import Engines

/// A session with a process that ended before anybody could connect with it: its log tells what it wrote.
final class LoggedSession: ProcessSession {
    let output: AsyncThrowingStream<ProcessOutput, any Error>
    private let engine: any Engine
    private let id: ContainerID

    /// - Parameter since: milliseconds since 1970 of the start; earlier lines are of earlier runs.
    init(_ engine: any Engine, _ id: ContainerID, since: Int64?) async throws {
        self.engine = engine
        self.id = id
        let reader = LineReader(try await engine.logs(id, options: LogOptions(since: since)))
        output = AsyncThrowingStream { try await reader.next() }
    }

    func write(_ bytes: [UInt8]) async throws {}
    func closeInput() async throws {}
    func resize(to size: TerminalSize) async throws {}
    func signal(_ signal: Int32) async throws {}
    func waitForExit() async throws -> ContainerExit { try await engine.waitForExit(id) }
    func detach() async {}

    /// Turns lines back into output; has one reader.
    private actor LineReader {
        private let lines: AsyncThrowingStream<LogEntry, any Error>

        init(_ lines: AsyncThrowingStream<LogEntry, any Error>) { self.lines = lines }

        func next() async throws -> ProcessOutput? {
            for try await line in lines {
                return ProcessOutput(stream: line.stream, bytes: Array(line.text.utf8) + [10])
            }
            return nil
        }
    }
}
