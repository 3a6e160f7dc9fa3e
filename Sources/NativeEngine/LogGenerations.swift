internal import Core
internal import Glibc
internal import LinuxKernel

/// The files of one container's log, so that the oldest lines go when it grows and not the newest.
///
/// At its size limit the monitor begins a new file and renames it over the old one, which would be gone. A second name
/// keeps it; whenever a new file has appeared, the older ones move on by one number:
///
/// ```
///     log ◀── the monitor writes here          log.1  log.2  log.3   older ones, the last one falls off
///     log.now ── the same file, until the monitor replaces `log`: then it becomes log.1
/// ```
/// A crash between any two of these steps leaves a gap or `log.now` behind, and no reader minds. While no daemon runs,
/// the file that was current when it ended is kept, and of those after it the last.
struct LogGenerations: Sendable {
    /// Where the monitor writes.
    let path: String
    /// How many files there are at most, the current one included.
    let count: Int

    /// What tells files apart, whatever their names.
    struct Identity: Hashable, Sendable {
        let device: UInt64
        let inode: UInt64

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }

        /// Nil when there is no such file.
        init?(path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            self.init(status)
        }
    }

    private var held: String { path + ".now" }
    private func numbered(_ number: Int) -> String { "\(path).\(number)" }

    /// Makes room before the monitor begins, which counts from zero: a full file is put among the older ones.
    func prepare(limit: ByteCount) throws {
        try update()
        var status = stat()
        guard stat(path, &status) == 0, Int64(status.st_size) >= limit.rawValue else { return }
        unlink(path)
        try update()
    }

    /// Keeps the current file under its second name, and moves the earlier one on if the monitor has replaced it.
    func update() throws {
        let current = Identity(path: path)
        if let kept = Identity(path: held) {
            if kept == current { return }
            let free = (1..<count).first { Identity(path: numbered($0)) == nil } ?? count - 1
            for number in stride(from: free - 1, to: 0, by: -1) { try move(numbered(number), numbered(number + 1)) }
            if count > 1 { try move(held, numbered(1)) } else { unlink(held) }
        }
        guard current != nil, link(path, held) != 0, errno != EEXIST, errno != ENOENT else { return }
        throw KernelError.last("link", held)
    }

    private func move(_ source: String, _ target: String) throws {
        guard rename(source, target) == 0 || errno == ENOENT else { throw KernelError.last("rename", source) }
    }

    /// The files that exist, the oldest first.
    func files() -> [(path: String, identity: Identity)] {
        var seen: Set<Identity> = []
        var found: [(path: String, identity: Identity)] = []
        for name in [path, held] + (1..<max(count, 2)).map(numbered) {
            guard let identity = Identity(path: name), seen.insert(identity).inserted else { continue }
            found.append((name, identity))
        }
        return found.reversed()
    }

    /// The file that was begun after the one with `identity`; nil when that is the current one. When that has fallen
    /// off, it is the oldest there is.
    func successor(of identity: Identity) -> String? {
        let files = files()
        guard let index = files.firstIndex(where: { $0.identity == identity }) else { return files.first?.path }
        return index + 1 < files.count ? files[index + 1].path : nil
    }
}
