internal import CLinux
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Why a tree cannot be watched.
package enum TreeWatchFailure: Error, Sendable, Hashable {
    /// It has more directories than the watcher was told to watch.
    case tooManyDirectories(limit: Int)
    /// A limit of the kernel is used up; the name is that of its setting.
    case kernelLimit(setting: String)
    /// A call failed.
    case failed(String)
}

/// Tells of changes anywhere below a directory, through an inotify instance of its own.
///
/// Directories that appear are watched, too, links are not followed. ``close()`` ends it; until then it lives.
package final class TreeWatcher: Sendable {
    private struct State {
        var descriptor: CInt?
        /// Relative paths by watch; the root's is empty.
        var paths: [CInt: String] = [:]
        var changeCount = 0
        var failure: TreeWatchFailure?
    }

    /// One element for any number of changes since the last one; ends with ``close()``.
    package let changes: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    private let root: String
    private let limit: Int
    private let isIgnored: @Sendable (String) -> Bool
    private let queue = DispatchQueue(label: "martlet.tree-watcher")
    private let state = Mutex(State())

    private static let depthLimit = 64
    private static let mask = UInt32(
        IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF)

    /// Watches `root` from now on. Blocks while it lists the directories.
    /// - Parameters:
    ///   - limit: how many directories are watched at most.
    ///   - isIgnored: names of entries that are passed over, with everything below them.
    /// - Throws: ``TreeWatchFailure``.
    package init(root: String, limit: Int, isIgnored: @escaping @Sendable (String) -> Bool) throws {
        self.root = root
        self.limit = limit
        self.isIgnored = isIgnored
        (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let descriptor = clx_inotify_create()
        guard descriptor >= 0 else { throw Self.failure("inotify_init1", -descriptor) }
        state.withLock { $0.descriptor = descriptor }
        do {
            try add("", descriptor)
            guard state.withLock({ !$0.paths.isEmpty }) else {
                throw TreeWatchFailure.failed("`\(root)` is no directory that can be read")
            }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        waitForEvents(descriptor)
    }

    /// How many changes there were so far.
    package var changeCount: Int { state.withLock { $0.changeCount } }

    /// How many directories are watched.
    package var directoryCount: Int { state.withLock { $0.paths.count } }

    /// Why directories that appeared later are not watched.
    package var failure: TreeWatchFailure? { state.withLock { $0.failure } }

    /// Ends the watch; more than once is fine.
    package func close() {
        guard let descriptor = state.withLock({ $0.descriptor.take() }) else { return }
        continuation.finish()
        queue.async {  // after what is being read now
            DescriptorPoller.shared.forget(descriptor)
            Glibc.close(descriptor)
        }
    }

    private func waitForEvents(_ descriptor: CInt) {
        DescriptorPoller.shared.whenReady(descriptor, .readable) { [self] isReady in
            guard isReady else { return }
            queue.async { [self] in
                guard state.withLock({ $0.descriptor == descriptor }) else { return }
                InotifyEvents.drain(descriptor) { take($0, $1, $2, descriptor) }
                waitForEvents(descriptor)
            }
        }
    }

    private func take(_ watch: CInt, _ mask: UInt32, _ name: String, _ descriptor: CInt) {
        func has(_ bits: Int32...) -> Bool { bits.contains { mask & UInt32($0) != 0 } }
        if has(IN_Q_OVERFLOW) {
            follow("", descriptor)  // whatever appeared meanwhile
            return changed()
        }
        if has(IN_IGNORED) { return state.withLock { $0.paths[watch] = nil } }
        guard let parent = state.withLock({ $0.paths[watch] }), !isIgnored(name) else { return }
        if mask & UInt32(IN_ISDIR) != 0, !name.isEmpty {
            let path = parent.isEmpty ? name : parent + "/" + name
            if has(IN_CREATE, IN_MOVED_TO) { follow(path, descriptor) }
            if has(IN_MOVED_FROM) { unfollow(path, descriptor) }
        }
        // The end of a directory is also told by its parent, except that of the root.
        guard !name.isEmpty || parent.isEmpty else { return }
        changed()
    }

    private func changed() {
        state.withLock { $0.changeCount += 1 }
        continuation.yield(())
    }

    private func follow(_ path: String, _ descriptor: CInt) {
        do {
            try add(path, descriptor)
        } catch let failure as TreeWatchFailure {
            state.withLock { $0.failure = failure }
        } catch {
            state.withLock { $0.failure = .failed("\(error)") }
        }
    }

    private func unfollow(_ path: String, _ descriptor: CInt) {
        let watches = state.withLock { state in
            state.paths.filter { $0.value == path || $0.value.hasPrefix(path + "/") }.map(\.key)
        }
        for watch in watches {
            inotify_rm_watch(descriptor, watch)
            state.withLock { $0.paths[watch] = nil }
        }
    }

    /// Watches a directory and those below it; what vanishes meanwhile is passed over.
    private func add(_ path: String, _ descriptor: CInt) throws {
        var pending = [(path: path, depth: 0)]
        while let next = pending.popLast() {
            let full = next.path.isEmpty ? root : root + "/" + next.path
            // A link as root is meant to be followed, one below is not.
            let kind = UInt32(IN_ONLYDIR) | (next.path.isEmpty ? 0 : UInt32(IN_DONT_FOLLOW))
            let watch = inotify_add_watch(descriptor, full, Self.mask | kind)
            guard watch >= 0 else {
                if errno == ENOENT || errno == ENOTDIR || errno == ELOOP { continue }
                throw Self.failure("inotify_add_watch", errno)
            }
            let count = state.withLock { state in
                state.paths[watch] = next.path
                return state.paths.count
            }
            guard count <= limit else { throw TreeWatchFailure.tooManyDirectories(limit: limit) }
            guard next.depth < Self.depthLimit else { continue }
            // It vanished after the watch: its parent tells so.
            guard let handle = try? DirectoryHandle(path: full, resolution: .beneath), let names = try? handle.names()
            else { continue }
            for name in names where !isIgnored(name) {
                guard let status = try? handle.status(name), status.st_mode & S_IFMT == S_IFDIR else { continue }
                pending.append((next.path.isEmpty ? name : next.path + "/" + name, next.depth + 1))
            }
        }
    }

    private static func failure(_ call: String, _ number: Int32) -> TreeWatchFailure {
        switch number {
        case ENOSPC: .kernelLimit(setting: "fs.inotify.max_user_watches")
        case EMFILE where call == "inotify_init1": .kernelLimit(setting: "fs.inotify.max_user_instances")
        default: .failed("\(call): \(String(cString: strerror(number))) (\(number))")
        }
    }
}
