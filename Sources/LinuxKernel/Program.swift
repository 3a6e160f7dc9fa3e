internal import Core
internal import Glibc
internal import Synchronization

/// One line of a program's output.
package struct OutputLine: Sendable, Hashable {
    /// Whether it was written to standard error.
    package let isError: Bool
    /// The line without its end; invalid UTF-8 is replaced.
    package let text: String
}

/// How a program ended and what it wrote.
package struct ProgramResult: Sendable {
    /// The exit status, or 128 + n for signal n.
    package let exitCode: Int32
    /// What it wrote to standard output, up to the limit.
    package let output: [UInt8]
    /// What it wrote to standard error, up to the limit.
    package let errorOutput: [UInt8]
    /// Whether it wrote more than was kept.
    package let isTruncated: Bool

    /// Standard output as text, without white space at the end.
    package var outputText: String { Self.text(output) }
    /// Standard error as text, without white space at the end.
    package var errorText: String { Self.text(errorOutput) }

    private static func text(_ bytes: [UInt8]) -> String {
        let end = bytes.lastIndex { $0 != 10 && $0 != 13 && $0 != 32 && $0 != 9 }.map { $0 + 1 } ?? 0
        return String(decoding: bytes[..<end], as: UTF8.self)
    }
}

/// Runs other programs to their end.
package enum Program {
    private static let searchPath = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/bin", "/usr/local/sbin"]

    /// The program of that name in the system's directories, or `name` itself when it is an absolute path to one.
    package static func find(_ name: String) -> String? {
        let candidates = name.hasPrefix("/") ? [name] : searchPath.map { "\($0)/\(name)" }
        return candidates.first { access($0, X_OK) == 0 }
    }

    /// Runs a program to its end; a non-zero exit is a result, not an error.
    ///
    /// Output beyond `outputLimit` of each stream is dropped, but still goes to `onLine`. Cancelling the task sends SIGTERM, two
    /// seconds later SIGKILL, to the program's process group, and throws `CancellationError` once it has ended.
    /// - Parameters:
    ///   - input: written to standard input, which is `/dev/null` otherwise.
    ///   - onLine: called for each line in the order read, from one stream at a time.
    package static func run(
        _ invocation: ProgramInvocation, input: [UInt8]? = nil, outputLimit: Int = 4 << 20,
        onLine: (@Sendable (OutputLine) -> Void)? = nil
    ) async throws -> ProgramResult {
        try Task.checkCancellation()
        let (child, inputWriter, outputReader, errorReader) = try start(invocation, hasInput: input != nil)
        return try await withTaskCancellationHandler {
            // The readers end by themselves; a task of its own each, so that neither stream blocks the other.
            async let outputBytes = collect(outputReader, limit: outputLimit, isError: false, onLine)
            async let errorBytes = collect(errorReader, limit: outputLimit, isError: true, onLine)
            if let input, let inputWriter {
                do { try await inputWriter.write(input) } catch {}  // it may end without reading its input
                inputWriter.close()
            }
            let status = await child.wait()
            let watchdog = closeLater([outputReader, errorReader])
            let first = await outputBytes
            let second = await errorBytes
            watchdog.cancel()
            try Task.checkCancellation()
            return ProgramResult(
                exitCode: status, output: first.bytes, errorOutput: second.bytes,
                isTruncated: first.isTruncated || second.isTruncated)
        } onCancel: {
            terminate(child)
        }
    }

    private static func start(
        _ invocation: ProgramInvocation, hasInput: Bool
    ) throws -> (ChildProcess, AsyncDescriptor?, AsyncDescriptor, AsyncDescriptor) {
        let output = try ChildPipe(childReads: false)
        let errors = try ChildPipe(childReads: false)
        guard hasInput else {
            let child = try ChildProcess.spawn(
                invocation, descriptors: [nil, output.theirs.rawValue, errors.theirs.rawValue])
            return (child, nil, output.ours, errors.ours)
        }
        let input = try ChildPipe(childReads: true)
        let child = try ChildProcess.spawn(
            invocation, descriptors: [input.theirs.rawValue, output.theirs.rawValue, errors.theirs.rawValue])
        return (child, input.ours, output.ours, errors.ours)
    }

    /// A grandchild may keep the pipes open for ever: two seconds after the program's end they are closed.
    private static func closeLater(_ readers: [AsyncDescriptor]) -> Task<Void, Never> {
        Task {  // cancelled by `run` as soon as both streams have ended
            do { try await Task.sleep(for: .seconds(2)) } catch { return }
            readers.forEach { $0.close() }
        }
    }

    private static func terminate(_ child: ChildProcess) {
        child.signalGroup(SIGTERM)
        Task {  // `run` waits for the child; this only makes sure that it ends
            do { try await Task.sleep(for: .seconds(2)) } catch { return }
            child.signalGroup(SIGKILL)
        }
    }

    private static func collect(
        _ reader: AsyncDescriptor, limit: Int, isError: Bool, _ onLine: (@Sendable (OutputLine) -> Void)?
    ) async -> (bytes: [UInt8], isTruncated: Bool) {
        // A task of its own, awaited here: a cancelled caller still drains what the dying program writes.
        await Task.detached {
            var kept: [UInt8] = []
            var isTruncated = false
            var splitter = LineSplitter()
            while let chunk = try? await reader.read(), !chunk.isEmpty {  // a failure is the end of the output
                let room = min(chunk.count, limit - kept.count)
                kept += chunk[..<room]
                isTruncated = isTruncated || room < chunk.count
                guard let onLine else { continue }
                for line in splitter.append(chunk) { onLine(OutputLine(isError: isError, text: line)) }
            }
            if let onLine, let rest = splitter.finish() { onLine(OutputLine(isError: isError, text: rest)) }
            return (kept, isTruncated)
        }.value
    }
}

/// Cuts a byte stream into lines; a line beyond 64 KiB is cut into pieces.
package struct LineSplitter: Sendable {
    private var pending: [UInt8] = []
    private static let limit = 65536

    /// A splitter that has seen nothing.
    package init() {}

    /// The lines that `bytes` completes, without `\n` or `\r\n`.
    package mutating func append(_ bytes: [UInt8]) -> [String] {
        var lines: [String] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 10) {
            pending += bytes[start..<end]
            lines.append(take())
            start = end + 1
        }
        pending += bytes[start...]
        if pending.count > Self.limit { lines.append(take()) }
        return lines
    }

    /// The last line, when it had no end.
    package mutating func finish() -> String? { pending.isEmpty ? nil : take() }

    private mutating func take() -> String {
        if pending.last == 13 { pending.removeLast() }
        defer { pending.removeAll(keepingCapacity: true) }
        return String(decoding: pending, as: UTF8.self)
    }
}
