internal import Core
internal import Glibc
internal import LinuxKernel

/// The few file operations the engine needs on paths of its own.
enum Files {
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Makes a directory and those above it; an existing one is fine.
    static func makeDirectory(_ path: String, mode: mode_t = 0o700) throws {
        if mkdir(path, mode) == 0 { return }
        switch errno {
        case EEXIST: return
        case ENOENT:
            let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
            guard !parent.isEmpty else { throw KernelError.last("mkdir", path) }
            try makeDirectory(parent, mode: mode)
            guard mkdir(path, mode) == 0 || errno == EEXIST else { throw KernelError.last("mkdir", path) }
        default: throw KernelError.last("mkdir", path)
        }
    }

    /// Replaces a file in one step. Not flushed to disk: it must survive this process, not the machine.
    static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws {
        let sibling = path + ".new"
        let descriptor = open(sibling, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw KernelError.last("open", sibling) }
        defer { close(descriptor) }
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw KernelError.last("write", sibling) }
            offset += count
        }
        guard rename(sibling, path) == 0 else { throw KernelError.last("rename", path) }
    }

    static func write(_ text: String, to path: String, mode: mode_t = 0o600) throws {
        try write(Array(text.utf8), to: path, mode: mode)
    }

    /// Everything in a file; nil when there is none.
    static func read(_ path: String) throws -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw KernelError.last("open", path)
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw KernelError.last("fstat", path) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: max(4096, Int(status.st_size) + 1))
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { throw KernelError.last("read", path) }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
        }
    }

    /// Removes a file; a missing one is fine.
    static func remove(_ path: String) { unlink(path) }

    /// Removes a directory with everything in it; a missing one is fine. Mounts in it must be gone.
    static func removeTree(_ path: String) throws {
        guard let slash = path.lastIndex(of: "/"), exists(path) else { return }
        let parent = try DirectoryHandle(path: String(path[..<slash]))
        _ = try parent.removeTree(String(path[path.index(after: slash)...]))
    }

    /// Milliseconds since 1970 at which a file was changed last.
    static func changed(_ path: String) -> Int64? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        return Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000
    }
}
