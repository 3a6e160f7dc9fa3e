internal import Core
internal import Engines
internal import Wire

/// The connections to processes that clients hold.
///
/// A session is one reader of output and any number of senders of input. It goes when it is deleted, or a minute after
/// its reader has left; one that nobody ever read goes after a minute, too. Processes are not ended by that.
package actor SessionRegistry {
    private struct Entry {
        let info: SessionInfo
        let session: any ProcessSession
        var reader = Reader.none
        var idleSince: ContinuousClock.Instant
    }

    private enum Reader {
        case none, connected, left
    }

    private var entries: [String: Entry] = [:]
    private let idleLimit: Duration
    private let wakeUps: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    /// A registry without sessions.
    package init(idleLimit: Duration = .seconds(60)) {
        self.idleLimit = idleLimit
        (wakeUps, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Ends forgotten sessions until cancelled; nothing wakes while there are none.
    package func run() async {
        for await _ in wakeUps {
            while !entries.isEmpty, !Task.isCancelled {
                // Cancellation ends the wait early and the loop with it.
                try? await Task.sleep(for: idleLimit / 4)
                await removeForgotten()
            }
            if Task.isCancelled { break }
        }
        for id in Array(entries.keys) { await remove(id) }
    }

    private func removeForgotten() async {
        let now = ContinuousClock.now
        for (id, entry) in entries where entry.reader != .connected && now - entry.idleSince > idleLimit {
            await remove(id)
        }
    }

    /// How many sessions are open.
    var count: Int { entries.count }

    /// Takes a session over.
    func add(_ session: any ProcessSession, container: ContainerID, now: Int64) async throws -> SessionInfo {
        guard entries.count < APILimits.sessions else {
            await session.detach()
            throw APIError(
                code: .tooManySessions, message: "\(entries.count) sessions are open already",
                hint: "end some: each attach and exec holds one")
        }
        let info = SessionInfo(id: JobID.random().rawValue, container: container.rawValue, createdAt: now)
        entries[info.id] = Entry(info: info, session: session, idleSince: .now)
        wakeUp.yield()
        return info
    }

    /// The session for input, size, signals and exit.
    func session(_ id: String) throws -> any ProcessSession {
        guard let entry = entries[id] else { throw APIError.sessionNotFound(id) }
        entries[id]?.idleSince = .now
        return entry.session
    }

    /// The session for its one reader of output.
    func connectReader(_ id: String) throws -> any ProcessSession {
        guard let entry = entries[id] else { throw APIError.sessionNotFound(id) }
        guard entry.reader == .none else {
            throw APIError(code: .outputTaken, message: "the output of session `\(id)` is read already")
        }
        entries[id]?.reader = .connected
        return entry.session
    }

    /// The reader has gone.
    func disconnectReader(_ id: String) {
        entries[id]?.reader = .left
        entries[id]?.idleSince = .now
    }

    /// Ends a session; an unknown one is fine.
    func remove(_ id: String) async {
        guard let entry = entries.removeValue(forKey: id) else { return }
        await entry.session.detach()
    }
}

/// The output of a session as frames; the last one says how the process ended.
struct SessionFrames: AsyncSequence, Sendable {
    let session: any ProcessSession

    struct AsyncIterator: AsyncIteratorProtocol {
        let session: any ProcessSession
        var output: AsyncThrowingStream<ProcessOutput, any Error>.Iterator
        var hasEnded = false

        mutating func next() async throws -> [UInt8]? {
            if hasEnded { return nil }
            if let piece = try await output.next() {
                let kind: OutputFrame.Kind = piece.stream == .standardError ? .standardError : .standardOutput
                return OutputFrame(kind, piece.bytes).encoded
            }
            try Task.checkCancellation()
            hasEnded = true
            let exit = ExitInfo(try await session.waitForExit())
            return OutputFrame(.exit, try WireJSON.encode(exit)).encoded
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(session: session, output: session.output.makeAsyncIterator())
    }
}
