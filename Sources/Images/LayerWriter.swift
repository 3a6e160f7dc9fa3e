internal import CArchive
internal import CLinux
internal import Core
internal import Glibc
internal import LinuxKernel

/// Makes the entries of one archive beneath a directory.
///
/// Names are resolved by the kernel as if the directory were `/`. Whiteouts become what overlayfs understands: a character
/// device 0/0 for a removed name, the attribute `trusted.overlay.opaque` for an emptied directory. A whiteout hides what
/// lies in lower layers only, never what the same archive holds.
/// Source: OCI image spec 1.1, "Image Layer Filesystem Changeset"; kernel documentation of overlayfs.
///
/// It must be used from one thread without file mode creation mask.
final class LayerWriter {
    /// What the archive's entries mean.
    struct Options: Sendable {
        /// Whether `.wh.` names are whiteouts.
        var hasWhiteouts = true
        /// Whether owner, attributes and device nodes are taken over; else plain files of this process are made.
        var keepsOwners = true
    }

    let root: CInt
    let limits: LayerLimits
    let options: Options
    let flag: CancellationFlag
    var path = LayerPath()
    var linkTarget = LayerPath()
    /// Bytes of file content written.
    private(set) var contentBytes: Int64 = 0
    /// Whether anything had a default access list, under which creation modes are not exact.
    var hasAccessLists = false

    private var entries = 0
    var parentPath: [UInt8] = []
    var parentDescriptor: CInt = -1
    /// Whether new files inherit the group of the directory they are made in.
    var parentSetsGroup = false
    /// Whether something was removed, so that the remembered directory may be another one now.
    var isParentStale = false
    var pendingTimes: [(path: [UInt8], times: FileTimes)] = []
    var pendingTimeBytes = 0

    /// Writes beneath the open directory `root`, which stays the caller's.
    init(root: CInt, limits: LayerLimits, options: Options, flag: CancellationFlag) {
        self.root = root
        self.limits = limits
        self.options = options
        self.flag = flag
    }

    deinit { if parentDescriptor >= 0 { close(parentDescriptor) } }

    /// Makes every entry in the order of the archive.
    func writeAll(from archive: OpaquePointer) throws {
        var entry: OpaquePointer?
        while true {
            let result = archive_read_next_header(archive, &entry)
            if result == ARCHIVE_EOF { break }
            guard let entry, result == ARCHIVE_OK || result == ARCHIVE_WARN else { throw ArchiveFailure.error(archive) }
            if result == ARCHIVE_WARN { try checkWarning(archive) }
            try flag.check()
            entries += 1
            guard entries <= limits.entries else {
                throw LayerError(.tooLarge, "the layer has more than \(limits.entries) entries")
            }
            try write(entry, archive)
        }
        try applyTimes()
    }

    /// Most warnings are harmless; a name that was changed while it was read is not.
    private func checkWarning(_ archive: OpaquePointer) throws {
        guard let text = archive_error_string(archive).map({ String(cString: $0) }), text.contains("can't be converted")
        else { return }
        throw LayerError(.malformed, "the archive holds a name that is not UTF-8: \(text.lowercased())")
    }

    private func write(_ entry: OpaquePointer, _ archive: OpaquePointer) throws {
        guard let name = archive_entry_pathname(entry) else { throw LayerError(.malformed, "an entry has no name") }
        try path.assign(name, limit: limits.pathLength)
        let kind = EntryKind(rawValue: archive_entry_filetype(entry))
        let metadata = EntryMetadata(entry)
        if path.isRoot {
            guard kind == .directory, archive_entry_hardlink(entry) == nil else {
                throw LayerError(.malformed, "an entry other than a directory is named `/`")
            }
            return try setRoot(entry, metadata)
        }
        if options.hasWhiteouts, path.leaf.starts(with: Self.whiteoutPrefix) { return try writeWhiteout() }
        if let target = archive_entry_hardlink(entry) { return try writeHardLink(to: target) }
        switch kind {
        case .file, .unspecified: try writeFile(entry, archive, metadata)
        case .directory: try writeDirectory(entry, metadata)
        case .symbolicLink: try writeSymbolicLink(entry, metadata)
        case .characterDevice?, .blockDevice?, .pipe?: try writeNode(entry, metadata)
        case .socket: return  // means nothing without its process
        case nil: throw LayerError.malformed(path.bytes.dropLast(), "is of an unknown kind")
        }
    }

    // MARK: Kinds of entries

    private func writeFile(_ entry: OpaquePointer, _ archive: OpaquePointer, _ metadata: EntryMetadata) throws {
        let size = archive_entry_size(entry)
        guard size <= limits.bytes else { throw LayerError(.tooLarge, "entry `\(shownPath)` has \(ByteCount(size))") }
        let parent = try parent()
        let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let descriptor = try creating(parent) { openat(parent, $0, flags, metadata.mode) }
        let file = OwnedDescriptor(adopting: descriptor)
        try copyContent(archive, to: file.rawValue, size: size)
        if options.keepsOwners {
            if metadata.isForeign || parentSetsGroup {
                guard fchown(file.rawValue, metadata.user, metadata.group) == 0 else { throw failure("fchown") }
            }
            if metadata.isForeign && metadata.hasSpecialBits || parentSetsGroup || hasAccessLists {
                guard fchmod(file.rawValue, metadata.mode) == 0 else { throw failure("fchmod") }
            }
            try setAttributes(of: entry) { clx_fsetxattr(file.rawValue, $0, $1, $2) }
        }
        try metadata.times.withPointer {
            guard futimens(file.rawValue, $0) == 0 else { throw failure("futimens") }
        }
    }

    private func copyContent(_ archive: OpaquePointer, to file: CInt, size: Int64) throws {
        var block: UnsafeRawPointer?
        var count = 0
        var offset: la_int64_t = 0
        var position: Int64 = 0
        var isSparse = false
        while true {
            let result = archive_read_data_block(archive, &block, &count, &offset)
            if result == ARCHIVE_EOF { break }
            guard result == ARCHIVE_OK || result == ARCHIVE_WARN, offset >= position else {
                throw ArchiveFailure.error(archive)
            }
            guard let block, count > 0 else { continue }
            if offset != position { isSparse = true }
            var done = 0
            while done < count {
                let n =
                    isSparse
                    ? pwrite(file, block + done, count - done, off_t(offset) + off_t(done))
                    : Glibc.write(file, block + done, count - done)
                if n < 0, errno == EINTR { continue }
                guard n > 0 else { throw failure("write") }
                done += n
            }
            position = offset + Int64(count)
            contentBytes += Int64(count)
            try flag.check()
        }
        if position < size {  // a hole at the end
            guard ftruncate(file, off_t(size)) == 0 else { throw failure("ftruncate") }
        }
    }

    private func writeDirectory(_ entry: OpaquePointer, _ metadata: EntryMetadata) throws {
        let parent = try parent()
        var existed = false
        try path.withLeaf { leaf in
            guard mkdirat(parent, leaf, metadata.mode) != 0 else { return }
            guard errno == EEXIST else { throw failure("mkdirat") }
            switch try existing(parent, leaf) {
            case .directory: existed = true
            case .whiteout:
                try replaceWhiteout(parent, leaf, mode: metadata.mode)
            case .other:
                try removeExisting(parent, leaf)
                guard mkdirat(parent, leaf, metadata.mode) == 0 else { throw failure("mkdirat") }
            case .absent: throw failure("mkdirat")
            }
        }
        if options.keepsOwners {
            try path.withLeaf { leaf in
                let isForeign = metadata.isForeign || existed || parentSetsGroup
                if isForeign {
                    guard fchownat(parent, leaf, metadata.user, metadata.group, AT_SYMLINK_NOFOLLOW) == 0 else {
                        throw failure("fchownat")
                    }
                }
                if isForeign || metadata.hasSpecialBits || hasAccessLists {
                    guard fchmodat(parent, leaf, metadata.mode, 0) == 0 else { throw failure("fchmodat") }
                }
            }
            try setAttributesOfLeaf(entry, parent)
        }
        if metadata.hasSpecialBits { forgetParent() }  // it may be the next parent, and then sets groups
        try postponeTimes(metadata.times)
    }

    private func writeSymbolicLink(_ entry: OpaquePointer, _ metadata: EntryMetadata) throws {
        guard let target = archive_entry_symlink(entry), target.pointee != 0 else {
            throw LayerError.malformed(path.bytes.dropLast(), "is a link to nothing")
        }
        let parent = try parent()
        _ = try creating(parent) { symlinkat(target, parent, $0) }
        try finishLeaf(entry, parent, metadata)
    }

    private func writeNode(_ entry: OpaquePointer, _ metadata: EntryMetadata) throws {
        guard options.keepsOwners else { return }
        let parent = try parent()
        let kind = archive_entry_filetype(entry)
        let device = kind == EntryKind.pipe.rawValue ? 0 : archive_entry_rdev(entry)
        _ = try creating(parent) { mknodat(parent, $0, kind | metadata.mode, device) }
        try finishLeaf(entry, parent, metadata)
    }

    private func writeHardLink(to target: UnsafePointer<CChar>) throws {
        try linkTarget.assign(target, limit: limits.pathLength)
        guard !linkTarget.isRoot else {
            throw LayerError.malformed(path.bytes.dropLast(), "is a hard link to a directory")
        }
        if linkTarget.bytes == path.bytes { return }
        let parent = try parent()
        let other = linkTarget.bytes.withUnsafeBytes {
            clx_openat2_bytes(
                root, $0.baseAddress!.assumingMemoryBound(to: CChar.self), linkTarget.parentLength,
                UInt64(CLX_O_PATH) | UInt64(O_DIRECTORY), 0, CInt(CLX_RESOLVE_IN_ROOT))
        }
        guard other >= 0 else { throw missingTarget(-other) }
        let owned = OwnedDescriptor(adopting: other)
        try linkTarget.withLeaf { targetLeaf in
            guard try existing(owned.rawValue, targetLeaf) != .absent else { throw missingTarget(ENOENT) }
            _ = try creating(parent) { linkat(owned.rawValue, targetLeaf, parent, $0, 0) }
        }
    }

    private func missingTarget(_ number: Int32) -> any Error {
        guard number == ENOENT || number == ENOTDIR else {
            return KernelError(call: "openat2", errorNumber: number, subject: shownPath)
        }
        return LayerError.malformed(
            path.bytes.dropLast(),
            "is a hard link to `\(LayerError.shown(linkTarget.bytes.dropLast()))`, which the layer does not hold")
    }

    private func setRoot(_ entry: OpaquePointer, _ metadata: EntryMetadata) throws {
        guard options.keepsOwners else { return }
        guard fchown(root, metadata.user, metadata.group) == 0 else { throw failure("fchown") }
        guard fchmod(root, metadata.mode) == 0 else { throw failure("fchmod") }
        try setAttributes(of: entry) { clx_fsetxattr(root, $0, $1, $2) }
        try postponeTimes(metadata.times)
    }

    var shownPath: String { LayerError.shown(path.bytes.dropLast()) }

    func failure(_ call: String) -> KernelError { KernelError.last(call, shownPath) }
}
