package import Core
internal import Glibc

/// The right to be the one daemon of an instance; held as long as the process lives, whatever ends it.
package struct InstanceLock: ~Copyable {
    private let descriptor: CInt

    /// Takes the lock of an instance.
    /// - Throws: ``DaemonError`` `.alreadyRunning` when another process holds it.
    package init(_ layout: InstanceLayout) throws {
        let path = layout.runtimeDirectory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw DaemonError.fileSystem("open", path, errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            var text = [UInt8](repeating: 0, count: 32)
            let count = pread(descriptor, &text, text.count, 0)
            close(descriptor)
            let owner = String(decoding: text.prefix(max(0, count)).prefix { $0 != 10 }, as: UTF8.self)
            throw DaemonError.alreadyRunning(layout, process: owner)
        }
        let text = Array("\(getpid())\n".utf8)
        ftruncate(descriptor, 0)
        pwrite(descriptor, text, text.count, 0)
    }

    deinit { close(descriptor) }
}
