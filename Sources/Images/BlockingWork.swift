internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Runs what blocks off the cooperative pool.
enum BlockingWork {
    private static let queue = DispatchQueue(label: "martlet.images", qos: .userInitiated, attributes: .concurrent)

    private static let releaseQueue = DispatchQueue(label: "martlet.images.release", qos: .utility)

    /// Runs work that may wait for the disk for long and that nobody is in a hurry for; one after the other.
    static func runLater(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            releaseQueue.async {
                body()
                continuation.resume()
            }
        }
    }

    /// How many processors this process may use.
    static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    /// Runs short file system work on a dispatch queue.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: body)) }
        }
    }

    /// Runs long work on a thread of its own, which has no file mode creation mask and reads names as UTF-8.
    ///
    /// `body` is handed a flag that is set when the calling task is cancelled, and must end soon after.
    static func runOnThread<Value: Sendable>(
        _ body: @escaping @Sendable (CancellationFlag) throws -> Value
    ) async throws -> Value {
        let flag = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                do {
                    // The thread ends by itself once the continuation is resumed.
                    _ = try WorkThread.start {
                        continuation.resume(
                            with: Result {
                                try prepareThread()
                                return try body(flag)
                            })
                    }
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            flag.cancel()
        }
    }

    private static func prepareThread() throws {
        let result = clx_private_umask()
        guard result == 0 else {
            throw ImageError(.storeFailed, "unshare(2) of the file mode creation mask: errno \(-result)")
        }
        _ = clx_utf8_thread()  // without C.UTF-8 names outside ASCII may be refused later, never changed
    }
}

/// Tells a thread that nobody waits for its result any more.
final class CancellationFlag: Sendable {
    private let flag = Atomic(false)

    func cancel() { flag.store(true, ordering: .relaxed) }
    var isCancelled: Bool { flag.load(ordering: .relaxed) }
    func check() throws { if isCancelled { throw CancellationError() } }
}

/// A thread that runs one closure.
struct WorkThread: ~Copyable {
    private let handle: pthread_t

    private final class Start {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Starts a thread; it is detached unless ``join()`` is called.
    static func start(_ body: @escaping @Sendable () -> Void) throws -> WorkThread {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, 1 << 20)
        var handle = pthread_t()
        let start = Unmanaged.passRetained(Start(body))
        let result = pthread_create(&handle, &attributes, threadMain, start.toOpaque())
        guard result == 0 else {
            start.release()
            throw ImageError(.storeFailed, "pthread_create(3): errno \(result)")
        }
        return WorkThread(handle: handle)
    }

    private init(handle: pthread_t) { self.handle = handle }

    /// Waits for the thread's end.
    consuming func join() {
        pthread_join(handle, nil)
        discard self
    }

    deinit { pthread_detach(handle) }

    fileprivate static func run(_ argument: UnsafeMutableRawPointer?) {
        guard let argument else { return }
        Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body()
    }
}

/// A free function: a closure written in an isolated context would trap on a foreign thread.
private func threadMain(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    WorkThread.run(argument)
    return nil
}
