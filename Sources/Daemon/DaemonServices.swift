internal import API
internal import Apps
internal import Core
internal import Gateway
internal import Glibc
internal import Jobs
internal import Logging
internal import ServiceLifecycle
internal import Synchronization

/// The moment after which nothing is started or restarted any more, although the daemon still answers.
final class Quiescence: Sendable {
    private struct State {
        var hasBegun = false
        var running = 0
        var stops: [AsyncStream<Void>.Continuation] = []
        var waiters: [CheckedContinuation<Void, Never>] = []
    }
    private let state = Mutex(State())

    /// Ends supervision, and returns when it has ended.
    func begin() async {
        let stops = state.withLock { state in
            state.hasBegun = true
            return state.stops
        }
        for stop in stops { stop.finish() }
        await withCheckedContinuation { continuation in
            let isDone = state.withLock { state in
                if state.running > 0 { state.waiters.append(continuation) }
                return state.running == 0
            }
            if isDone { continuation.resume() }
        }
    }

    /// Runs `work` until it ends or this begins.
    func run(_ work: @escaping @Sendable () async throws -> Void) async throws {
        let (stream, stop) = AsyncStream<Void>.makeStream()
        let mayRun = state.withLock { state in
            guard !state.hasBegun else { return false }
            state.running += 1
            state.stops.append(stop)
            return true
        }
        guard mayRun else { return }
        defer { didEnd() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await work() }
            group.addTask { for await _ in stream {} }
            try await group.next()
            group.cancelAll()
        }
    }

    private func didEnd() {
        let waiters = state.withLock { state in
            state.running -= 1
            defer { if state.running == 0 { state.waiters = [] } }
            return state.running == 0 ? state.waiters : []
        }
        for waiter in waiters { waiter.resume() }
    }
}

/// Work that goes on until the daemon ends, or becomes quiet.
struct Supervision: Service {
    let work: @Sendable () async throws -> Void
    let quiet: Quiescence

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown {
                try await quiet.run(work)
                // Quiet, and yet the daemon serves until it is asked to end.
                try await Task.sleep(for: .seconds(1 << 31))
            }
        } catch is CancellationError {
            // The regular end.
        }
    }
}

/// Ends what apps and jobs have under way, once nobody can ask for more.
struct AppsEnd: Service {
    let apps: AppService
    let jobs: JobCoordinator

    func run() async throws {
        try? await gracefulShutdown()  // cancellation is an end, too
        await jobs.shutdown()
        await apps.shutdown()
    }
}

/// The API as a part of the daemon.
struct APIService: Service {
    let server: APIServer
    func run() async throws { try await server.run() }
}

/// Says once that everything serves: in the log, to systemd, and in the ready file.
struct Announcement: Service {
    let server: APIServer
    let gateway: Gateway
    let options: DaemonProcess.Options
    let logger: Logger

    func run() async throws {
        await server.waitUntilReady()
        let addresses = gateway.boundAddresses.map(\.description)
        logger.info(
            "ready",
            metadata: [
                "gateway": "\(addresses.joined(separator: ","))",
                "api": "\(server.boundAddresses.joined(separator: ","))",
            ])
        Self.notifySystemd("READY=1")
        if let path = options.readyFile {
            Self.write("ready \(addresses.first ?? "-")\n", to: path, logger)
        }
        try? await gracefulShutdown()  // cancellation is an end, too
        Self.notifySystemd("STOPPING=1")
    }

    private static func write(_ line: String, to path: String, _ logger: Logger) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        defer { if descriptor >= 0 { close(descriptor) } }
        let bytes = Array(line.utf8)
        if descriptor < 0 || Glibc.write(descriptor, bytes, bytes.count) != bytes.count {
            logger.warning(
                "the ready file cannot be written",
                metadata: ["path": "\(path)", "error": "\(String(cString: strerror(errno)))"])
        }
    }

    /// Source: sd_notify(3).
    private static func notifySystemd(_ text: String) {
        guard let raw = getenv("NOTIFY_SOCKET") else { return }
        let path = String(cString: raw)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(path.utf8)
        guard let first = bytes.first, bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        if first == UInt8(ascii: "@") { bytes[0] = 0 }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        let message = Array(text.utf8)
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
    }
}
