internal import Core
internal import Glibc
internal import LinuxKernel
internal import Logging

/// Follows the source of one development app and asks for a reload once it has come to rest.
///
/// ```
///     change ──▶ quiet for 300 ms ──▶ anything different? ──▶ reload ──▶ …
/// ```
/// The kernel tells of changes; nothing is polled, and what only looks like a change (a file that was opened for writing
/// and closed) reloads nothing.
actor SourceWatch {
    /// Time without changes after which a reload begins.
    static let pause = Duration.milliseconds(300)
    /// Directories that are watched at most.
    static let directoryLimit = 8192
    /// Reloads in a row, each right after the one before and for the same files, after which those files are left out:
    /// the app changes them itself whenever it starts.
    static let echoLimit = 5
    /// A change that comes sooner after a reload may be an echo of it.
    static let echoTime = Duration.seconds(2)

    private let app: String
    private let directory: String
    private let world: AppWorld
    private let reload: @Sendable () async -> Void
    private var watcher: TreeWatcher?
    private var task: Task<Void, Never>?
    private var stamps: [String: FileStamp] = [:]
    /// Files whose changes the app makes itself.
    private(set) var passedOver: Set<String> = []
    private var echo: (files: Set<String>, count: Int, at: Duration)?

    init(app: String, directory: String, world: AppWorld, reload: @escaping @Sendable () async -> Void) {
        self.app = app
        self.directory = directory
        self.world = world
        self.reload = reload
    }

    /// Begins to follow the source.
    /// - Returns: why changes are not seen; nil when they are.
    func start() async -> String? {
        close()
        let directory = directory
        do {
            let (watcher, stamps) = try await Blocking.run {
                let watcher = try TreeWatcher(
                    root: directory, limit: Self.directoryLimit, isIgnored: IgnoredNames.contains)
                return (watcher, try FileStamp.all(in: directory, limit: 200_000))
            }
            self.watcher = watcher
            self.stamps = stamps
            // Owned by this actor; ended by `close()`.
            task = Task { await self.follow(watcher) }
            return nil
        } catch {
            let reason = Self.reason(error, directory)
            world.logger.warning("source is not watched", metadata: ["app.id": "\(app)", "reason": "\(reason)"])
            return reason
        }
    }

    /// Ends it without waiting for a reload that is under way: that may wait for whoever calls this.
    func close() {
        task?.cancel()
        task = nil
        watcher?.close()
        watcher = nil
    }

    private func follow(_ watcher: TreeWatcher) async {
        var told: TreeWatchFailure?
        for await _ in watcher.changes {
            do { try await rest(watcher) } catch { return }  // cancelled
            let changed = await changes()
            if let failure = watcher.failure, failure != told {
                told = failure
                world.logger.warning(
                    "part of a source is not watched",
                    metadata: ["app.id": "\(app)", "reason": "\(Self.reason(failure, directory))"])
            }
            guard !changed.isEmpty, !isEcho(changed), !Task.isCancelled else { continue }
            world.logger.debug(
                "source changed",
                metadata: ["app.id": "\(app)", "files": "\(changed.sorted().prefix(10).joined(separator: " "))"])
            await reload()
            echo?.at = world.time.uptime
        }
    }

    /// Waits until nothing has changed for a moment; a source that never rests is taken as it is after a while.
    private func rest(_ watcher: TreeWatcher) async throws {
        for _ in 0..<10 {
            let seen = watcher.changeCount
            try await world.time.sleep(for: Self.pause)
            if watcher.changeCount == seen { return }
        }
    }

    /// The files that are others than when this was asked before.
    private func changes() async -> Set<String> {
        let directory = directory
        // What cannot be listed has changed: the reload says why.
        let now = (try? await Blocking.run { try FileStamp.all(in: directory, limit: 200_000) }) ?? [:]
        var changed = Set(now.filter { stamps[$0.key] != $0.value }.keys)
        changed.formUnion(stamps.keys.filter { now[$0] == nil })
        stamps = now
        return changed.subtracting(passedOver)
    }

    /// Whether the app itself has made the change, as far as can be told.
    private func isEcho(_ files: Set<String>) -> Bool {
        guard let last = echo, last.files == files, world.time.uptime - last.at < Self.echoTime else {
            echo = (files, 1, world.time.uptime)
            return false
        }
        echo?.count += 1
        guard last.count + 1 > Self.echoLimit else { return false }
        passedOver.formUnion(files)
        echo = nil
        world.logger.warning(
            "the app changes its own source whenever it starts; these files are left out from now on",
            metadata: ["app.id": "\(app)", "files": "\(files.sorted().prefix(10).joined(separator: " "))"])
        return true
    }

    /// Why a source is not watched, and what helps.
    static func reason(_ error: any Error, _ directory: String) -> String {
        switch error as? TreeWatchFailure {
        case .tooManyDirectories(let limit)?:
            "changes below `\(directory)` are not seen: it has more than \(limit) directories, the limit for one app"
        case .kernelLimit(let setting)?:
            "changes below `\(directory)` are not seen: the kernel's limit \(setting) is used up; raise it with sysctl"
        case .failed(let text)?: "changes below `\(directory)` are not seen: \(text)"
        case nil: "changes below `\(directory)` are not seen: \(error)"
        }
    }
}

/// What tells one state of a file from another.
struct FileStamp: Sendable, Hashable {
    let inode: UInt64
    let size: Int64
    let mode: UInt32
    let seconds: Int64
    let nanoseconds: Int64

    /// The files and links below a directory that are not ignored. Blocks.
    static func all(in directory: String, limit: Int) throws -> [String: FileStamp] {
        var found: [String: FileStamp] = [:]
        try walk(directory) { path, status in
            found[path] = FileStamp(
                inode: UInt64(status.st_ino), size: Int64(status.st_size), mode: UInt32(status.st_mode),
                seconds: Int64(status.st_mtim.tv_sec), nanoseconds: Int64(status.st_mtim.tv_nsec))
            return found.count < limit
        }
        return found
    }

    /// When one of these files was changed, moved or made last, in milliseconds since 1970. Blocks.
    static func latestChange(in directory: String) throws -> Int64 {
        var latest: Int64 = 0
        try walk(directory) { _, status in
            latest = max(latest, Int64(status.st_ctim.tv_sec) * 1000 + Int64(status.st_ctim.tv_nsec) / 1_000_000)
            return true
        }
        return latest
    }

    /// - Parameter visit: is given a file's path and status; false ends the walk.
    private static func walk(_ directory: String, _ visit: (String, stat) -> Bool) throws {
        let root = try DirectoryHandle(path: directory, resolution: .beneath)
        var pending = [""]
        while let path = pending.popLast() {
            // Vanished meanwhile: the next change tells.
            guard let handle = path.isEmpty ? root : try? root.directory(path), let names = try? handle.names() else {
                continue
            }
            for name in names where !IgnoredNames.contains(name) {
                guard let status = try? handle.status(name) else { continue }
                let child = path.isEmpty ? name : path + "/" + name
                if status.st_mode & S_IFMT == S_IFDIR {
                    pending.append(child)
                } else if !visit(child, status) {
                    return
                }
            }
        }
    }
}
