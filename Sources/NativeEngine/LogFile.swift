internal import Core
internal import Engines
internal import Glibc
internal import LinuxKernel

/// The log the monitor writes: lines of `TIME STREAM F|P TEXT`, where `P` marks a line that goes on in the next.
struct LogFile: Sendable {
    let generations: LogGenerations

    /// The entries asked for; with `follow` until the container has ended, as `isAlive` tells.
    func entries(
        _ options: LogOptions, isAlive: @escaping @Sendable () async -> Bool
    ) -> AsyncThrowingStream<LogEntry, any Error> {
        let reader = LogReader(generations: generations, options: options, isAlive: isAlive)
        return AsyncThrowingStream { try await reader.next() }
    }
}

/// Reads a log piece by piece; nothing is read before somebody asks.
actor LogReader {
    private let generations: LogGenerations
    private let options: LogOptions
    private let isAlive: @Sendable () async -> Bool
    private var file: OpenedLog?
    private var ready: [LogEntry] = []
    private var parser = LogParser()
    private var changes: AsyncStream<FileWatcher.Change>.Iterator?
    private var isOver = false

    init(generations: LogGenerations, options: LogOptions, isAlive: @escaping @Sendable () async -> Bool) {
        self.generations = generations
        self.options = options
        self.isAlive = isAlive
    }

    func next() async throws -> LogEntry? {
        while true {
            try Task.checkCancellation()
            if !ready.isEmpty { return ready.removeFirst() }
            if isOver { return nil }
            try await fill()
        }
    }

    private func fill() async throws {
        guard let file else {
            try open()
            if file == nil { isOver = true }  // it was never started
            return
        }
        // Whether it lives is asked before reading: what was written until its end is then certainly read.
        let goesOn = options.follow ? await isAlive() : false
        let bytes = try file.read()
        if !bytes.isEmpty {
            ready = parser.append(bytes).filter(isWanted)
            return
        }
        if let next = generations.successor(of: file.identity) {
            // Nothing is written to a file after its successor has appeared: what came before that is read first.
            let rest = try file.read()
            ready = parser.append(rest).filter(isWanted)
            if rest.isEmpty { try open(next) }
            return
        }
        if goesOn {
            await waitForChange()  // the rest of a line that was begun may still come
        } else if let last = parser.finish() {
            ready = [last].filter(isWanted)
        } else {
            isOver = true
        }
    }

    /// Opens the file that holds the first line asked for.
    private func open() throws {
        let files = generations.files()
        guard var wanted = options.tail else {
            if let first = files.first { try open(first.path) }
            return
        }
        for candidate in files.reversed() {
            try open(candidate.path)
            let found = try file?.seek(toLast: wanted) ?? 0
            if found >= wanted { return }
            wanted -= found
        }
    }

    private func open(_ path: String) throws {
        if options.follow, Files.exists(path) {
            changes = try FileWatcher.shared.changes(of: path).makeAsyncIterator()  // before the first read
        }
        // It may have fallen off since it was listed; then the next one is looked for from the beginning.
        file = try OpenedLog(path: path) ?? OpenedLog(path: generations.path)
    }

    private func isWanted(_ entry: LogEntry) -> Bool {
        guard let since = options.since else { return true }
        return (LogTime.milliseconds(entry.time) ?? 0) >= since
    }

    private func waitForChange() async {
        var iterator = changes
        _ = await iterator?.next(isolation: self)
        changes = iterator
    }
}

/// An open log file.
final class OpenedLog: Sendable {
    private let descriptor: CInt
    let identity: LogGenerations.Identity

    /// Nil when there is no file.
    init?(path: String) throws {
        descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        var status = stat()
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw KernelError.last("open", path)
        }
        fstat(descriptor, &status)
        identity = LogGenerations.Identity(status)
    }

    deinit { close(descriptor) }

    /// The next piece; empty at the end. A file that was cut short is read from its beginning.
    func read() throws -> [UInt8] {
        var status = stat()
        if fstat(descriptor, &status) == 0, lseek(descriptor, 0, SEEK_CUR) > status.st_size {
            lseek(descriptor, 0, SEEK_SET)
        }
        var failure: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65536) { buffer, count in
            let result = Glibc.read(descriptor, buffer.baseAddress, buffer.count)
            if result < 0 { failure = errno }
            count = max(0, result)
        }
        guard failure == 0 else { throw KernelError(call: "read", errorNumber: failure) }
        return bytes
    }

    /// Moves to the first of the last `count` entries, reading backwards. A line counts with the one that completes it.
    /// - Returns: how many entries follow, at most `count`; fewer when there are no more.
    func seek(toLast count: Int) throws -> Int {
        var position = lseek(descriptor, 0, SEEK_END)
        guard count > 0, position > 0 else { return 0 }
        let end = position
        var found = 0
        var candidate: off_t?  // a line begins here; an entry too, if the line before is complete
        var chunk = [UInt8](repeating: 0, count: 65536)
        while position > 0 {
            let size = min(65536, Int(position))
            position -= off_t(size)
            guard pread(descriptor, &chunk, size, position) == size else { throw KernelError.last("pread") }
            for index in stride(from: size - 1, through: 0, by: -1) where chunk[index] == 10 {
                let start = position + off_t(index) + 1
                if let candidate, try !isPartial(at: start) {
                    found += 1
                    if found == count {
                        lseek(descriptor, candidate, SEEK_SET)
                        return count
                    }
                }
                candidate = start == end ? nil : start
            }
        }
        if let candidate, try !isPartial(at: 0) {
            found += 1
            if found == count {
                lseek(descriptor, candidate, SEEK_SET)
                return count
            }
        }
        lseek(descriptor, 0, SEEK_SET)
        return found + 1
    }

    private func isPartial(at offset: off_t) throws -> Bool {
        var head = [UInt8](repeating: 0, count: 64)
        let count = pread(descriptor, &head, head.count, offset)
        guard count >= 0 else { throw KernelError.last("pread") }
        return LogParser.isPartial(head[..<count])
    }
}

/// Turns the bytes of a log into entries.
struct LogParser {
    private var pending: [UInt8] = []
    private var partial: [OutputStream: LogEntry] = [:]
    /// An entry longer than this is cut.
    private static let limit = 1 << 20

    mutating func append(_ bytes: [UInt8]) -> [LogEntry] {
        var entries: [LogEntry] = []
        var start = bytes.startIndex
        while let end = bytes[start...].firstIndex(of: 10) {
            pending += bytes[start..<end]
            if let entry = line(pending[...]) { entries.append(entry) }
            pending.removeAll(keepingCapacity: true)
            start = end + 1
        }
        pending += bytes[start...]
        return entries
    }

    /// A line whose continuation never came.
    mutating func finish() -> LogEntry? {
        guard let stream = partial.keys.first else { return nil }
        return partial.removeValue(forKey: stream)
    }

    static func isPartial(_ line: ArraySlice<UInt8>) -> Bool {
        let words = line.prefix(80).split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
        return words.count >= 3 && words[2].elementsEqual([UInt8(ascii: "P")])
    }

    private mutating func line(_ bytes: ArraySlice<UInt8>) -> LogEntry? {
        let words = bytes.split(separator: 32, maxSplits: 3, omittingEmptySubsequences: false)
        guard words.count == 4, let stream = OutputStream(rawValue: String(decoding: words[1], as: UTF8.self)) else {
            return nil  // not the monitor's: a file that was cut in the middle of a line
        }
        let text = String(decoding: words[3], as: UTF8.self)
        var entry =
            partial.removeValue(forKey: stream)
            ?? LogEntry(time: String(decoding: words[0], as: UTF8.self), stream: stream, text: "")
        entry.text += text
        if words[2].elementsEqual([UInt8(ascii: "P")]), entry.text.utf8.count < Self.limit {
            partial[stream] = entry
            return nil
        }
        return entry
    }
}
