internal import CLinux
internal import Glibc
internal import LinuxKernel

extension LayerWriter {
    // MARK: Times of directories

    /// A directory's time changes with everything made in it: set at the end.
    func postponeTimes(_ times: FileTimes) throws {
        let name = Array(path.bytes)
        pendingTimes.append((name, times))
        pendingTimeBytes += name.count + 64
        if pendingTimeBytes > 128 << 20 { try applyTimes() }  // an absurd archive gets inexact times, not our memory
    }

    func applyTimes() throws {
        for (name, times) in pendingTimes {  // in order: the last word counts
            let descriptor = name.withUnsafeBytes { bytes in
                clx_openat2_bytes(
                    root, bytes.baseAddress?.assumingMemoryBound(to: CChar.self), max(0, bytes.count - 1),
                    UInt64(O_RDONLY | O_DIRECTORY | O_NOFOLLOW), 0, CInt(CLX_RESOLVE_IN_ROOT))
            }
            guard descriptor >= 0 else { continue }  // replaced by something else in the meantime
            times.withPointer { _ = futimens(descriptor, $0) }
            close(descriptor)
        }
        pendingTimes.removeAll()
        pendingTimeBytes = 0
    }

    // MARK: The directory an entry lies in

    /// The open directory of the current entry, made if the archive did not name it before.
    func parent() throws -> CInt {
        let length = path.parentLength
        if length == 0 {
            forgetParent()
            return root
        }
        if isParentStale { forgetParent() }
        if parentDescriptor >= 0, parentPath.count == length, parentPath.elementsEqual(path.bytes[..<length]) {
            return parentDescriptor
        }
        forgetParent()
        var descriptor = openDirectory(length)
        if descriptor == -ENOENT || descriptor == -ENOTDIR {
            try makeParents()
            descriptor = openDirectory(length)
        }
        guard descriptor >= 0 else { throw openFailure(-descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            close(descriptor)
            throw failure("fstat")
        }
        parentSetsGroup = status.st_mode & S_ISGID != 0
        parentDescriptor = descriptor
        parentPath.removeAll(keepingCapacity: true)
        parentPath.append(contentsOf: path.bytes[..<length])
        return descriptor
    }

    /// Whatever was remembered may have moved.
    func forgetParent() {
        if parentDescriptor >= 0 { close(parentDescriptor) }
        parentDescriptor = -1
        parentSetsGroup = false
        isParentStale = false
    }

    /// Opens the first `length` bytes of the current name as a directory; a descriptor or -errno.
    private func openDirectory(_ length: Int) -> CInt {
        path.bytes.withUnsafeBytes {
            clx_openat2_bytes(
                root, $0.baseAddress!.assumingMemoryBound(to: CChar.self), length,
                UInt64(CLX_O_PATH) | UInt64(O_DIRECTORY), 0,
                CInt(CLX_RESOLVE_IN_ROOT))
        }
    }

    private func makeParents() throws {
        var length = 0
        var above = root
        defer { if above != root { close(above) } }
        while length < path.parentLength {
            let start = length == 0 ? 0 : length + 1
            length = path.bytes[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.parentLength
            var descriptor = openDirectory(length)
            if descriptor == -ENOENT || descriptor == -ENOTDIR {
                let name = Array(path.bytes[start..<length]) + [0]
                try name.withUnsafeBytes {
                    try makeParent(above, $0.baseAddress!.assumingMemoryBound(to: CChar.self))
                }
                descriptor = openDirectory(length)
            }
            guard descriptor >= 0 else { throw openFailure(-descriptor) }
            if above != root { close(above) }
            above = descriptor
        }
    }

    private func makeParent(_ above: CInt, _ name: UnsafePointer<CChar>) throws {
        if mkdirat(above, name, 0o755) == 0 { return }
        guard errno == EEXIST else { throw failure("mkdirat") }
        guard case .whiteout = try existing(above, name) else {
            throw LayerError.malformed(path.bytes.dropLast(), "lies beneath what is no directory")
        }
        try replaceWhiteout(above, name, mode: 0o755)
    }

    private func openFailure(_ number: Int32) -> any Error {
        switch number {
        case EXDEV: LayerError.pathEscapes(path.bytes.dropLast())
        case ELOOP: LayerError.malformed(path.bytes.dropLast(), "passes through too many links")
        case ENOTDIR, ENOENT: LayerError.malformed(path.bytes.dropLast(), "lies beneath what is no directory")
        default: KernelError(call: "openat2", errorNumber: number, subject: shownPath)
        }
    }
}
