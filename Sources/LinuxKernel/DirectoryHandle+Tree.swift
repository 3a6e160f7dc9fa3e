internal import CLinux
internal import Glibc

extension DirectoryHandle {
    /// The names in this directory, without `.` and `..`, in no particular order.
    package func names() throws -> [String] {
        try Self.entries(of: rawValue).map { String(decoding: $0.dropLast(), as: UTF8.self) }
    }

    /// Removes `path` with everything beneath it. Links are removed, never followed; what is missing, or goes missing meanwhile, is
    /// no error.
    ///
    /// Depth is bounded by neither the stack nor descriptors. Mounts beneath make it fail with `EBUSY`.
    /// - Returns: bytes that were freed on disk.
    @discardableResult
    package func removeTree(_ path: String) throws -> Int64 {
        guard let status = try status(path) else { return 0 }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            try unlink(path)
            return status.st_nlink == 1 ? Int64(status.st_blocks) * 512 : 0
        }
        var freed = Int64(status.st_blocks) * 512
        do {
            let top = try open(path, flags: O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
            var remover = TreeRemover(top: top.rawValue, subject: path)
            freed += try remover.run()
        }
        try removeDirectory(path)
        return freed
    }

    /// The names in an open directory as bytes, each with its terminating zero.
    fileprivate static func entries(of descriptor: CInt) throws -> [[UInt8]] {
        let copy = openat(descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard copy >= 0, let stream = fdopendir(copy) else { throw KernelError.last("openat", ".") }
        defer { closedir(stream) }
        var out: [[UInt8]] = []
        while true {
            errno = 0
            guard let entry = readdir(stream) else {
                guard errno == 0 else { throw KernelError.last("readdir", ".") }
                return out
            }
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let start = UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self)
            let name = Array(UnsafeRawBufferPointer(start: start, count: strlen(start) + 1))
            if name == [0x2e, 0] || name == [0x2e, 0x2e, 0] { continue }
            out.append(name)
        }
    }
}

/// Empties one directory. Below a certain depth, directories are moved up first instead of descended into.
private struct TreeRemover {
    let top: CInt
    let subject: String
    private var freed: Int64 = 0
    private var moved = 0
    private static let maximumDepth = 64

    init(top: CInt, subject: String) {
        self.top = top
        self.subject = subject
    }

    mutating func run() throws -> Int64 {
        repeat {
            moved = 0
            try empty(top, depth: 0)
        } while moved > 0
        return freed
    }

    private mutating func empty(_ directory: CInt, depth: Int) throws {
        for name in try DirectoryHandle.entries(of: directory) {
            try name.withUnsafeBytes { bytes in
                let name = bytes.assumingMemoryBound(to: CChar.self).baseAddress!
                try remove(name, in: directory, depth: depth)
            }
        }
    }

    private mutating func remove(_ name: UnsafePointer<CChar>, in directory: CInt, depth: Int) throws {
        var status = stat()
        guard fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            if errno == ENOENT { return }  // somebody else was faster
            throw KernelError.last("fstatat", subject)
        }
        if status.st_mode & S_IFMT != S_IFDIR {
            guard unlinkat(directory, name, 0) == 0 || errno == ENOENT else {
                throw KernelError.last("unlinkat", subject)
            }
            if status.st_nlink == 1 { freed += Int64(status.st_blocks) * 512 }
            return
        }
        if depth >= Self.maximumDepth {
            moved += 1
            guard renameat(directory, name, top, ".martlet-deep-\(moved)-\(status.st_ino)") == 0 else {
                throw KernelError.last("renameat", subject)
            }
            return
        }
        let child = openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if child < 0, errno == ENOENT { return }
        guard child >= 0 else { throw KernelError.last("openat", subject) }
        let owned = OwnedDescriptor(adopting: child)
        try empty(owned.rawValue, depth: depth + 1)
        guard unlinkat(directory, name, AT_REMOVEDIR) == 0 || errno == ENOENT else {
            throw KernelError.last("unlinkat", subject)
        }
        freed += Int64(status.st_blocks) * 512
    }
}
