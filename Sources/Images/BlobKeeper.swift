internal import Glibc
internal import LinuxKernel
internal import OCI

/// Brings the blobs of unpacked layers into the store.
struct BlobKeeper {
    let files: StoreFiles

    /// Keeps the layers' blobs of an image as far as it is wanted. A blob that cannot be kept is no failure: the image runs
    /// without it.
    func keep(_ image: IncomingImage) throws {
        guard image.keeping != .leave else { return }
        for layer in image.layers {
            let name = files.blob(layer.blobDigest)
            guard try files.root.status(name) == nil else { continue }
            let blob = try image.source.open(layer.path, flags: O_RDONLY | O_NONBLOCK)
            if layer.digest == nil, try !Self.isPlainArchive(blob.rawValue) { continue }  // its digest is not known
            switch image.keeping {
            case .leave: return
            case .takeOver: try Self.link(blob.rawValue, into: files.root, as: name, files)
            case .copy: try Self.copy(blob.rawValue, into: files.root, as: name, files)
            }
        }
    }

    /// Gives an open file a further name; copies it where that is not possible.
    static func link(_ blob: CInt, into root: DirectoryHandle, as name: String, _ files: StoreFiles) throws {
        if linkat(AT_FDCWD, "/proc/self/fd/\(blob)", root.rawValue, name, AT_SYMLINK_FOLLOW) == 0 || errno == EEXIST {
            return
        }
        guard [EXDEV, EPERM, EMLINK, ENOENT].contains(errno) else { throw KernelError.last("linkat", name) }
        try copy(blob, into: root, as: name, files)
    }

    /// Copies an open file beside `name` and renames it.
    private static func copy(_ blob: CInt, into root: DirectoryHandle, as name: String, _ files: StoreFiles) throws {
        let folder = name.split(separator: "/").dropLast().joined(separator: "/")
        let sibling = files.temporary(in: folder, "copy")
        do {
            let target = try root.open(sibling, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
            let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 4096)
            defer { buffer.deallocate() }
            var offset: off_t = 0
            while true {
                let count = pread(blob, buffer.baseAddress!, buffer.count, offset)
                guard count >= 0 else { throw KernelError.last("read", name) }
                if count == 0 { break }
                guard write(target.rawValue, buffer.baseAddress!, count) == count else {
                    throw KernelError.last("write", name)
                }
                offset += off_t(count)
            }
            try root.rename(sibling, to: name)
        } catch {
            // The first error counts; a leftover is collected at the next start.
            try? root.unlink(sibling)
            throw error
        }
    }

    /// Whether an open file looks like a tar archive without compression, so that its digest is the layer's.
    private static func isPlainArchive(_ blob: CInt) throws -> Bool {
        var block = [UInt8](repeating: 0, count: 512)
        let count = pread(blob, &block, block.count, 0)
        guard count >= 0 else { throw KernelError.last("read", "layer") }
        return count < 512 || block.allSatisfy { $0 == 0 } || block[257..<262].elementsEqual(Array("ustar".utf8))
    }
}
