internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import NIOCore
internal import Synchronization

/// Standard input as a sequence of pieces.
enum StandardInput {
    /// Pieces as they come; the next one is read when it is asked for.
    static func chunks() -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { try await next() }
    }

    /// Reads off the concurrency pool: the terminal may stay silent for ever, and the thread ends with the process.
    static func next() async throws -> ByteBuffer? {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                var bytes = [UInt8](repeating: 0, count: 32 << 10)
                var count = 0
                repeat { count = read(0, &bytes, bytes.count) } while count < 0 && errno == EINTR
                if count < 0 {
                    let reason = String(cString: strerror(errno))
                    continuation.resume(throwing: UsageError("standard input cannot be read: \(reason)"))
                } else {
                    continuation.resume(returning: count == 0 ? nil : ByteBuffer(bytes: bytes[..<count]))
                }
            }
        }
    }
}

/// What is typed at a terminal, until the detach keys.
final class TypedInput: Sendable {
    private let keys: Mutex<DetachKeys>
    private let detached = Mutex(false)

    init(keys: DetachKeys) { self.keys = Mutex(keys) }

    /// Whether the detach keys were typed.
    var isDetached: Bool { detached.withLock { $0 } }

    /// Pieces as they come, without the keys; it ends with them.
    func chunks() -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { [self] in
            guard !isDetached, let typed = try await StandardInput.next() else { return nil }
            let result = keys.withLock { $0.filter(typed.readableBytesView) }
            if result.detached { detached.withLock { $0 = true } }
            return ByteBuffer(bytes: result.passed)
        }
    }
}
