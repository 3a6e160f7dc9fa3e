internal import Core
internal import Engines
internal import Glibc
internal import LinuxKernel

/// Gives a new volume what the image has at its place, with owners and modes, as Docker does.
///
/// The copy is made beside the volume and takes the empty directory's place in one step, so a volume is never half-filled,
/// whenever the daemon ends. An attribute tells that it has been done: a volume that a container has emptied stays empty.
struct VolumeContent {
    /// Set on every volume that has been looked at.
    static let attribute = "trusted.martlet.filled"

    let container: ContainerID
    /// The root that the container is about to see.
    let root: DirectoryHandle

    /// Fills the volumes among the mounts that are new. Blocks.
    func fill(_ mounts: [BindMount]) throws {
        for mount in mounts where mount.takesImageContent { try fill(mount) }
    }

    private func fill(_ mount: BindMount) throws {
        guard let slash = mount.source.lastIndex(of: "/") else { return }
        let base = try DirectoryHandle(path: String(mount.source[..<slash]) + "/", resolution: .beneath)
        let name = String(mount.source[mount.source.index(after: slash)...])
        // Without attributes on that file system, a volume is new as long as it is empty.
        guard (try? base.attribute(name, name: Self.attribute)) == nil else { return }
        guard try base.directory(name).names().isEmpty, let image = try imageDirectory(mount.target) else {
            return mark(base, name)
        }
        guard try !image.names().isEmpty else {
            try takeOver(image, base, name)
            return mark(base, name)
        }
        let copy = "\(name).new-\(container)"
        try base.removeTree(copy)
        try base.makeDirectory(copy, mode: 0o700)
        try self.copy(image, to: try base.directory(copy), depth: 0)
        try takeOver(image, base, copy)
        mark(base, copy)
        do {
            try base.rename(copy, to: name)
        } catch let error as KernelError where error.errorNumber == ENOTEMPTY || error.errorNumber == EEXIST {
            try base.removeTree(copy)  // another container of the same volume was faster
        }
    }

    /// The directory of the image; nil when it has none there.
    private func imageDirectory(_ target: String) throws -> DirectoryHandle? {
        do {
            return try root.directory(target)
        } catch let error as KernelError where [ENOENT, ENOTDIR, ELOOP].contains(error.errorNumber) {
            return nil
        }
    }

    private func mark(_ base: DirectoryHandle, _ name: String) {
        // As above: emptiness decides where attributes cannot be kept.
        try? base.setAttribute(name, name: Self.attribute, value: [0x31])
    }

    /// Gives a directory owner and mode of another.
    private func takeOver(_ original: DirectoryHandle, _ base: DirectoryHandle, _ name: String) throws {
        var status = stat()
        guard fstat(original.rawValue, &status) == 0 else { throw KernelError.last("fstat", name) }
        try base.setOwner(name, user: status.st_uid, group: status.st_gid)
        try base.setMode(name, status.st_mode & 0o7777)
    }

    /// Copies directories, files and links; devices, pipes and sockets of an image have no place in a volume.
    private func copy(_ source: DirectoryHandle, to target: DirectoryHandle, depth: Int) throws {
        guard depth < 200 else { throw KernelError(call: "open", errorNumber: ELOOP, subject: "volume") }
        for name in try source.names() {
            guard let status = try source.status(name) else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR:
                try target.makeDirectory(name, mode: 0o700)
                try copy(try source.directory(name), to: try target.directory(name), depth: depth + 1)
            case S_IFREG: try copyFile(name, from: source, to: target)
            case S_IFLNK: try target.makeSymbolicLink(name, to: try source.linkTarget(name))
            default: continue
            }
            try target.setOwner(name, user: status.st_uid, group: status.st_gid)
            if status.st_mode & S_IFMT != S_IFLNK { try target.setMode(name, status.st_mode & 0o7777) }
            try target.setTimes(name, accessed: status.st_atim, modified: status.st_mtim)
        }
    }

    private func copyFile(_ name: String, from source: DirectoryHandle, to target: DirectoryHandle) throws {
        let input = try source.open(name, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
        let output = try target.open(name, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while true {
            let count = read(input.rawValue, buffer.baseAddress, buffer.count)
            guard count >= 0 else { throw KernelError.last("read", name) }
            if count == 0 { return }
            var written = 0
            while written < count {
                let part = write(output.rawValue, buffer.baseAddress?.advanced(by: written), count - written)
                guard part > 0 else { throw KernelError.last("write", name) }
                written += part
            }
        }
    }
}
