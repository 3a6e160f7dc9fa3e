internal import NIOCore
internal import Synchronization

/// The latest list of containers as it was sent: who asks again before anything has changed gets the same bytes.
final class ContainerListCache: Sendable {
    /// What was asked for, and of which state of the containers.
    struct Key: Equatable, Sendable {
        let version: UInt64
        let owner: String?
        let limit: String?
        let after: String?
    }

    private let latest = Mutex<(key: Key, bytes: ByteBuffer)?>(nil)

    /// The bytes for `key`, written by `write` when they are not the latest.
    func bytes(_ key: Key, write: () async throws -> [UInt8]) async rethrows -> ByteBuffer {
        if let known = latest.withLock({ $0?.key == key ? $0?.bytes : nil }) { return known }
        let bytes = ByteBuffer(bytes: try await write())
        latest.withLock { $0 = (key, bytes) }
        return bytes
    }
}
