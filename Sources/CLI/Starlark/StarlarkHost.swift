internal import Core
@preconcurrency internal import Dispatch
internal import FoundationEssentials
internal import Glibc
internal import Starlark
internal import Synchronization

/// What `martlet starlark` gives to programs.
enum StarlarkHost {
    /// Values that every program finds.
    static let predeclared: [String: Value] = [
        "json": StandardModules.json, "math": StandardModules.math, "struct": StandardModules.structure,
        "time": StandardModules.time(clock: now, zones: zone),
    ]

    private static func now() -> (seconds: Int, nanoseconds: Int) {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return (time.tv_sec, time.tv_nsec)
    }

    /// The offset and abbreviation of a zone of the host's database at an instant.
    private static func zone(_ name: String, _ seconds: Int) -> (offset: Int, abbreviation: String)? {
        guard let zone = TimeZone(identifier: name) else { return nil }
        let date = Date(timeIntervalSince1970: Double(seconds))
        return (zone.secondsFromGMT(for: date), zone.abbreviation(for: date) ?? name)
    }

    /// No limits but the depth of calls: the user can end what runs too long.
    static let limits = Limits(steps: nil, allocatedBytes: nil)

    /// Runs `body` off the concurrency pool: programs may take as long as they like.
    static func perform<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result { try body() }) }
        }
    }
}

/// Where an interrupt from the keyboard goes.
final class InterruptTarget: Sendable {
    private let running = Mutex<Cancellation?>(nil)

    /// The evaluation that runs from now on; nil for none.
    func aim(at cancellation: Cancellation?) { running.withLock { $0 = cancellation } }

    /// What an interrupt met.
    enum Effect: Equatable {
        case cancelled
        /// Nothing ran.
        case idle
        /// What runs was cancelled before and has not ended.
        case stuck
    }

    /// Cancels what runs.
    func interrupt() -> Effect {
        guard let cancellation = running.withLock({ $0 }) else { return .idle }
        if cancellation.isCancelled { return .stuck }
        cancellation.cancel("interrupted")
        return .cancelled
    }

    /// Runs `body` while SIGINT cancels the evaluation aimed at. The process ends when that does not help, and,
    /// with `endsWhenIdle`, when nothing runs.
    func whileWatching<Result>(endsWhenIdle: Bool = true, _ body: () async throws -> Result) async rethrows -> Result {
        Glibc.signal(SIGINT, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        source.setEventHandler {
            switch self.interrupt() {
            case .cancelled: break
            case .idle: if endsWhenIdle { exit(130) }
            case .stuck: exit(130)
            }
        }
        source.resume()
        defer {
            source.cancel()
            Glibc.signal(SIGINT, SIG_DFL)
        }
        return try await body()
    }
}

/// Collects what a program prints; writes it in large pieces unless somebody watches.
final class PrintedOutput {
    private var pending: [UInt8] = []
    private let limit: Int
    private let write: ([UInt8]) -> Void

    /// Writes pieces of at least `limit` bytes.
    init(limit: Int, write: @escaping ([UInt8]) -> Void) {
        self.limit = limit
        self.write = write
    }

    /// Writes to standard output.
    convenience init() {
        self.init(limit: Console.outputIsTerminal ? 0 : 32 << 10) { Console.write($0, to: 1) }
    }

    func print(_ text: String) {
        pending += text.utf8
        pending.append(10)
        if pending.count > limit { flush() }
    }

    func flush() {
        guard !pending.isEmpty else { return }
        write(pending)
        pending.removeAll(keepingCapacity: true)
    }
}
