internal import CLinux
internal import Core
internal import Glibc
internal import Synchronization

/// Tells of changes of files and directories through one inotify instance for each kind of changes.
package final class FileWatcher: Sendable {
    /// A change of a watched file, or of an entry of a watched directory.
    package struct Change: Sendable, Hashable {
        /// The entry's name; nil for the watched file itself.
        package let name: String?
        /// Whether the file itself was replaced or removed.
        package let isGone: Bool
    }

    private struct State {
        var descriptor: CInt?
        var readers: [CInt: [Int: AsyncStream<Change>.Continuation]] = [:]
        var lastKey = 0
    }

    /// Tells of every change.
    package static let shared = FileWatcher(
        mask: IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
    /// Tells only of entries of a directory that were renamed into place; writing wakes nobody.
    package static let renames = FileWatcher(mask: IN_MOVED_TO)
    private let state = Mutex(State())
    private let mask: UInt32

    private init(mask: Int32) { self.mask = UInt32(mask) }

    /// Changes of `path` from now on; ends when the stream is dropped. Keeps the newest `capacity` unread ones.
    package func changes(of path: String, capacity: Int = 1) throws -> AsyncStream<Change> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: Change.self, bufferingPolicy: .bufferingNewest(capacity))
        let (watch, key): (CInt, Int) = try state.withLock { state in
            let inotify = try opened(&state)
            let watch = inotify_add_watch(inotify, path, mask)
            guard watch >= 0 else { throw KernelError.last("inotify_add_watch", path) }
            state.lastKey += 1
            state.readers[watch, default: [:]][state.lastKey] = continuation
            return (watch, state.lastKey)
        }
        continuation.onTermination = { [weak self] _ in self?.remove(watch, key) }
        return stream
    }

    private func opened(_ state: inout State) throws -> CInt {
        if let descriptor = state.descriptor { return descriptor }
        let descriptor = clx_inotify_create()
        guard descriptor >= 0 else { throw KernelError(call: "inotify_init1", errorNumber: -descriptor) }
        state.descriptor = descriptor
        watchNext(descriptor)
        return descriptor
    }

    private func watchNext(_ descriptor: CInt) {
        DescriptorPoller.shared.whenReady(descriptor, .readable) { [self] ready in
            guard ready else { return }
            InotifyEvents.drain(descriptor) { deliver($0, $1, $2.isEmpty ? nil : $2) }
            watchNext(descriptor)
        }
    }

    private func remove(_ watch: CInt, _ key: Int) {
        state.withLock { state in
            state.readers[watch]?[key] = nil
            guard state.readers[watch]?.isEmpty == true, let descriptor = state.descriptor else { return }
            state.readers[watch] = nil
            inotify_rm_watch(descriptor, watch)
        }
    }

    private func deliver(_ watch: CInt, _ mask: UInt32, _ name: String?) {
        let gone = mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB) != 0 && name == nil
        let readers = state.withLock { state in
            guard mask & UInt32(IN_IGNORED) == 0 else { return state.readers.removeValue(forKey: watch) ?? [:] }
            return state.readers[watch] ?? [:]
        }
        for reader in readers.values {
            reader.yield(Change(name: name, isGone: gone || mask & UInt32(IN_IGNORED) != 0))
        }
    }
}
