internal import ArgumentParser
internal import Dispatch
internal import Glibc
internal import NIOCore

/// Standard input as a sequence of pieces.
enum StandardInput {
    /// Pieces as they come; the next one is read when it is asked for.
    static func chunks() -> AsyncThrowingStream<ByteBuffer, any Error> {
        AsyncThrowingStream { try await next() }
    }

    /// Reads off the concurrency pool: the terminal may stay silent for ever, and the thread ends with the process.
    private static func next() async throws -> ByteBuffer? {
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
