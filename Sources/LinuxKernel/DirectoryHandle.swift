internal import CLinux
package import Glibc

/// An open directory beneath which names from outside are resolved by the kernel.
///
/// A path is relative; whatever links or `..` it meets, nothing outside the directory is reached. The last component of
/// a path is never followed when it is a link, except where a function says so. Source: openat2(2).
package final class DirectoryHandle: Sendable {
    /// What happens to a path that would leave the directory.
    package enum Resolution: Sendable {
        /// It fails with `EXDEV`.
        case beneath
        /// The directory counts as `/`, as for a process that was changed into it.
        case inRoot

        fileprivate var rule: CInt {
            switch self {
            case .beneath: CInt(CLX_RESOLVE_BENEATH)
            case .inRoot: CInt(CLX_RESOLVE_IN_ROOT)
            }
        }
    }

    /// The descriptor; open as long as this object lives.
    package let rawValue: CInt
    /// The rule for every path.
    package let resolution: Resolution

    /// Takes ownership of an open directory.
    package init(adopting rawValue: CInt, resolution: Resolution = .inRoot) {
        self.rawValue = rawValue
        self.resolution = resolution
    }

    /// Opens the directory at `path`, an ordinary path of this host.
    package convenience init(path: String, resolution: Resolution = .inRoot) throws {
        let fd = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard fd >= 0 else { throw KernelError.last("open", path) }
        self.init(adopting: fd, resolution: resolution)
    }

    deinit { close(rawValue) }

    /// Opens the directory `path`, following links beneath this one; names under it are resolved against it alone.
    package func directory(_ path: String) throws -> DirectoryHandle {
        let flags = UInt64(O_RDONLY | O_DIRECTORY)
        return DirectoryHandle(adopting: try opened(path, flags: flags, mode: 0), resolution: resolution)
    }

    /// Opens `path` with flags of open(2). Links are followed beneath the directory unless `O_NOFOLLOW` is given.
    package func open(_ path: String, flags: Int32, mode: UInt32 = 0) throws -> OwnedDescriptor {
        let wanted = flags & (O_CREAT | Int32(CLX_O_TMPFILE)) == 0 ? 0 : UInt64(mode)
        return OwnedDescriptor(adopting: try opened(path, flags: UInt64(flags), mode: wanted))
    }

    /// Reads the whole of a regular file of at most `limit` bytes.
    package func contents(_ path: String, limit: Int = 16 << 20) throws -> [UInt8] {
        let file = try open(path, flags: O_RDONLY | O_NONBLOCK)
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else { throw KernelError.last("fstat", path) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw failure("open", path, EINVAL) }
        guard Int(status.st_size) <= limit else { throw failure("read", path, EFBIG) }
        var out: [UInt8] = []
        out.reserveCapacity(Int(status.st_size) + 1)
        while out.count <= limit {
            let chunk = try [UInt8](unsafeUninitializedCapacity: max(4096, Int(status.st_size) - out.count + 1)) {
                let n = read(file.rawValue, $0.baseAddress!, $0.count)
                guard n >= 0 else { throw KernelError.last("read", path) }
                $1 = n
            }
            if chunk.isEmpty { return out }
            out += chunk
        }
        throw failure("read", path, EFBIG)
    }

    /// What lstat(2) says of `path`; nil when it does not exist.
    package func status(_ path: String) throws -> stat? {
        do {
            return try at(path) { parent, name in
                var status = stat()
                guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                    throw KernelError.last("fstatat", path)
                }
                return status
            }
        } catch let error as KernelError where error.errorNumber == ENOENT || error.errorNumber == ENOTDIR {
            return nil
        }
    }

    /// Makes a directory; its parent must exist.
    package func makeDirectory(_ path: String, mode: UInt32 = 0o755) throws {
        try call("mkdirat", path) { mkdirat($0, $1, mode) }
    }

    /// Makes a directory and those above it, as far as they are missing.
    package func makeDirectories(_ path: String, mode: UInt32 = 0o755) throws {
        var made = ""
        for component in path.split(separator: "/") where component != "." {
            made += made.isEmpty ? String(component) : "/\(component)"
            do {
                try makeDirectory(made, mode: mode)
            } catch let error as KernelError where error.errorNumber == EEXIST {
                _ = try directory(made)  // a link to a directory beneath will do; anything else fails here
            }
        }
    }

    /// Makes a link at `path` that holds `target` as it is.
    package func makeSymbolicLink(_ path: String, to target: String) throws {
        try call("symlinkat", path) { symlinkat(target, $0, $1) }
    }

    /// Makes `path` a further name of the file at `existing`; a link there is not followed.
    package func makeHardLink(_ path: String, to existing: String) throws {
        try at(existing) { oldParent, oldName in
            try call("linkat", path) { linkat(oldParent, oldName, $0, $1, 0) }
        }
    }

    /// Makes a device node, pipe or socket; `mode` holds the kind too.
    package func makeNode(_ path: String, mode: UInt32, major: UInt32 = 0, minor: UInt32 = 0) throws {
        try call("mknodat", path) { mknodat($0, $1, mode, clx_makedev(major, minor)) }
    }

    /// Removes a name that is no directory.
    package func unlink(_ path: String) throws { try call("unlinkat", path) { unlinkat($0, $1, 0) } }

    /// Removes an empty directory.
    package func removeDirectory(_ path: String) throws {
        try call("unlinkat", path) { unlinkat($0, $1, AT_REMOVEDIR) }
    }

    /// Renames; what stood at `destination` is replaced.
    package func rename(_ source: String, to destination: String) throws {
        try at(source) { oldParent, oldName in
            try call("renameat", destination) { renameat(oldParent, oldName, $0, $1) }
        }
    }

    /// Sets owner and group, of a link itself too.
    package func setOwner(_ path: String, user: UInt32, group: UInt32) throws {
        try call("fchownat", path) { fchownat($0, $1, user, group, AT_SYMLINK_NOFOLLOW) }
    }

    /// Sets permission bits; a link is refused with `ELOOP`.
    package func setMode(_ path: String, _ mode: UInt32) throws {
        try at(path) { parent, name in
            let fd = openat(parent, name, Int32(CLX_O_PATH) | O_NOFOLLOW | O_CLOEXEC)
            guard fd >= 0 else { throw KernelError.last("openat", path) }
            let owned = OwnedDescriptor(adopting: fd)
            var status = stat()
            guard fstat(owned.rawValue, &status) == 0 else { throw KernelError.last("fstat", path) }
            guard status.st_mode & S_IFMT != S_IFLNK else { throw failure("chmod", path, ELOOP) }
            guard chmod("/proc/self/fd/\(owned.rawValue)", mode) == 0 else { throw KernelError.last("chmod", path) }
        }
    }

    /// Sets access and modification time, of a link itself too.
    package func setTimes(_ path: String, accessed: timespec, modified: timespec) throws {
        try call("utimensat", path) { utimensat($0, $1, [accessed, modified], AT_SYMLINK_NOFOLLOW) }
    }

    /// Sets an extended attribute, of a link itself too.
    package func setAttribute(_ path: String, name: String, value: [UInt8]) throws {
        try at(path) { parent, leaf in
            let file = "/proc/self/fd/\(parent)/\(String(cString: leaf))"
            let result = clx_lsetxattr(file, name, value, value.count)
            guard result == 0 else { throw failure("lsetxattr", path, -result) }
        }
    }

    /// The value of an extended attribute; nil when it is not set.
    package func attribute(_ path: String, name: String) throws -> [UInt8]? {
        try at(path) { parent, leaf in
            let file = "/proc/self/fd/\(parent)/\(String(cString: leaf))"
            var value = [UInt8](repeating: 0, count: 65536)
            let count = clx_lgetxattr(file, name, &value, value.count)
            if count == -Int(ENODATA) { return nil }
            guard count >= 0 else { throw failure("lgetxattr", path, Int32(-count)) }
            return Array(value.prefix(count))
        }
    }

    /// The target of a link.
    package func linkTarget(_ path: String) throws -> String {
        try at(path) { parent, name in
            var buffer = [UInt8](repeating: 0, count: 4097)
            let count = readlinkat(parent, name, &buffer, buffer.count)
            guard count >= 0 else { throw KernelError.last("readlinkat", path) }
            return String(decoding: buffer.prefix(count), as: UTF8.self)
        }
    }

    /// Runs `body` with the directory that holds `path` and the last component of `path`.
    private func at<Result>(
        _ path: String, _ body: (_ parent: CInt, _ name: UnsafePointer<CChar>) throws -> Result
    ) throws -> Result {
        var trimmed = path[...]
        while trimmed.utf8.count > 1, trimmed.last == "/" { trimmed.removeLast() }
        guard let slash = trimmed.lastIndex(of: "/") else {
            let name = trimmed.isEmpty ? "." : String(trimmed)
            guard name != ".." else { throw failure("openat2", path, EXDEV) }
            return try body(rawValue, name)
        }
        let name = String(trimmed[trimmed.index(after: slash)...])
        guard name != ".." else { throw failure("openat2", path, EXDEV) }
        let parent = try opened(String(trimmed[...slash]), flags: UInt64(CLX_O_PATH) | UInt64(O_DIRECTORY), mode: 0)
        let owned = OwnedDescriptor(adopting: parent)
        return try body(owned.rawValue, name)
    }

    private func call(
        _ name: String, _ path: String, _ body: (CInt, UnsafePointer<CChar>) throws -> CInt
    ) throws {
        try at(path) { parent, leaf in
            guard try body(parent, leaf) == 0 else { throw KernelError.last(name, path) }
        }
    }

    private func opened(_ path: String, flags: UInt64, mode: UInt64) throws -> CInt {
        let fd = clx_openat2(rawValue, path.isEmpty ? "." : path, flags, mode, resolution.rule)
        guard fd >= 0 else { throw failure("openat2", path, -fd) }
        return fd
    }

    private func failure(_ call: String, _ path: String, _ number: Int32) -> KernelError {
        KernelError(call: call, errorNumber: number, subject: path)
    }
}
