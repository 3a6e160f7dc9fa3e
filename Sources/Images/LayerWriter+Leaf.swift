internal import CArchive
internal import CLinux
internal import Glibc
internal import LinuxKernel

/// What stands at a name already.
enum ExistingEntry {
    case absent, directory, whiteout, other
}

/// The kinds of files, as inode(7) numbers them; libarchive uses the same numbers.
enum EntryKind: mode_t {
    case unspecified = 0
    case pipe = 0o010000
    case characterDevice = 0o020000
    case directory = 0o040000
    case blockDevice = 0o060000
    case file = 0o100000
    case symbolicLink = 0o120000
    case socket = 0o140000

    static let mask: mode_t = 0o170000
}

/// Access and modification time, as futimens(2) takes them.
struct FileTimes {
    let accessed: timespec
    let modified: timespec

    func withPointer<Result>(_ body: (UnsafePointer<timespec>) throws -> Result) rethrows -> Result {
        try withUnsafePointer(to: self) { pointer in
            try pointer.withMemoryRebound(to: timespec.self, capacity: 2) { try body($0) }
        }
    }
}

/// Mode, owner and times of an entry.
struct EntryMetadata {
    let mode: mode_t
    let user: uid_t
    let group: gid_t
    let times: FileTimes

    init(_ entry: OpaquePointer) {
        mode = archive_entry_perm(entry) & 0o7777
        user = uid_t(truncatingIfNeeded: archive_entry_uid(entry))
        group = gid_t(truncatingIfNeeded: archive_entry_gid(entry))
        let modified = timespec(tv_sec: archive_entry_mtime(entry), tv_nsec: archive_entry_mtime_nsec(entry))
        let hasAccessTime = archive_entry_atime_is_set(entry) != 0
        times = FileTimes(
            accessed: hasAccessTime
                ? timespec(tv_sec: archive_entry_atime(entry), tv_nsec: archive_entry_atime_nsec(entry)) : modified,
            modified: modified)
    }

    /// Whether the owner differs from what a new file of root gets.
    var isForeign: Bool { user != 0 || group != 0 }
    /// Whether set-user-ID, set-group-ID or the sticky bit is on.
    var hasSpecialBits: Bool { mode & 0o7000 != 0 }
}

extension LayerWriter {
    static let whiteoutPrefix = Array(".wh.".utf8)
    private static let metaPrefix = Array(".wh..wh.".utf8)
    private static let opaqueMarker = Array(".wh..wh..opq".utf8)

    // MARK: Whiteouts

    func writeWhiteout() throws {
        let leaf = path.leaf
        if leaf.elementsEqual(Self.opaqueMarker) {
            return try setOpaque(descriptor: try parent())
        }
        if leaf.starts(with: Self.metaPrefix) { return }  // bookkeeping of another storage driver
        let hidden = leaf.dropFirst(Self.whiteoutPrefix.count)
        guard !hidden.isEmpty, !hidden.elementsEqual([0x2e]), !hidden.elementsEqual([0x2e, 0x2e]) else {
            throw LayerError.pathEscapes(path.bytes.dropLast())
        }
        let name = Array(hidden) + [0]
        let parent = try parent()
        try name.withUnsafeBytes { bytes in
            let name = bytes.assumingMemoryBound(to: CChar.self).baseAddress!
            if mknodat(parent, name, EntryKind.characterDevice.rawValue, 0) == 0 { return }
            guard errno == EEXIST else { throw failure("mknodat") }
            if try existing(parent, name) == .directory { try setOpaque(parent, name) }
        }
    }

    /// Makes a directory where a whiteout stands: it is new, nothing of lower layers shows through.
    func replaceWhiteout(_ parent: CInt, _ name: UnsafePointer<CChar>, mode: mode_t) throws {
        try removeExisting(parent, name)
        guard mkdirat(parent, name, mode) == 0 else { throw failure("mkdirat") }
        try setOpaque(parent, name)
    }

    private func setOpaque(descriptor: CInt) throws {
        try withAttributePath(descriptor, nil) { try setOpaque(path: $0) }
    }

    private func setOpaque(_ parent: CInt, _ name: UnsafePointer<CChar>) throws {
        try withAttributePath(parent, name) { try setOpaque(path: $0) }
    }

    private func setOpaque(path: UnsafePointer<CChar>) throws {
        let result = clx_lsetxattr(path, "trusted.overlay.opaque", "y", 1)
        guard result == 0 else { throw KernelError(call: "lsetxattr", errorNumber: -result, subject: shownPath) }
    }

    // MARK: Names that exist

    func existing(_ parent: CInt, _ name: UnsafePointer<CChar>) throws -> ExistingEntry {
        var status = stat()
        guard fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
            guard errno == ENOENT else { throw failure("fstatat") }
            return .absent
        }
        switch EntryKind(rawValue: status.st_mode & EntryKind.mask) {
        case .directory: return .directory
        case .characterDevice where status.st_rdev == 0: return .whiteout
        default: return .other
        }
    }

    /// Removes what an earlier entry of the same archive made.
    func removeExisting(_ parent: CInt, _ name: UnsafePointer<CChar>) throws {
        isParentStale = true
        if unlinkat(parent, name, 0) == 0 { return }
        guard errno == EISDIR else { throw failure("unlinkat") }
        // Whole trees are rare here: moved aside under a plain name, then removed.
        let aside = ".martlet-replaced"
        guard renameat(parent, name, root, aside) == 0 else { throw failure("renameat") }
        let handle = DirectoryHandle(adopting: fcntl(root, F_DUPFD_CLOEXEC, 3))
        try handle.removeTree(aside)
    }

    /// Runs a call that makes the current entry, once more after removing what is in its way.
    func creating(_ parent: CInt, _ body: (UnsafePointer<CChar>) -> CInt) throws -> CInt {
        try path.withLeaf { leaf in
            var result = body(leaf)
            if result < 0, errno == EEXIST {
                try removeExisting(parent, leaf)
                result = body(leaf)
            }
            guard result >= 0 else { throw failure("create") }
            return result
        }
    }

    // MARK: Metadata of what has no descriptor

    func finishLeaf(_ entry: OpaquePointer, _ parent: CInt, _ metadata: EntryMetadata) throws {
        try path.withLeaf { leaf in
            if options.keepsOwners, metadata.isForeign || parentSetsGroup {
                guard fchownat(parent, leaf, metadata.user, metadata.group, AT_SYMLINK_NOFOLLOW) == 0 else {
                    throw failure("fchownat")
                }
            }
            try metadata.times.withPointer {
                guard utimensat(parent, leaf, $0, AT_SYMLINK_NOFOLLOW) == 0 else { throw failure("utimensat") }
            }
        }
        if options.keepsOwners { try setAttributesOfLeaf(entry, parent) }
    }

    func setAttributesOfLeaf(_ entry: OpaquePointer, _ parent: CInt) throws {
        guard archive_entry_xattr_count(entry) > 0 else { return }
        try path.withLeaf { leaf in
            try withAttributePath(parent, leaf) { file in
                try setAttributes(of: entry) { clx_lsetxattr(file, $0, $1, $2) }
            }
        }
    }

    /// Applies the extended attributes of an entry. Attributes of overlayfs are dropped: they could point a layer elsewhere.
    func setAttributes(
        of entry: OpaquePointer, _ set: (UnsafePointer<CChar>, UnsafeRawPointer?, Int) -> CInt
    ) throws {
        guard archive_entry_xattr_reset(entry) > 0 else { return }
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var size = 0
        while archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK {
            guard let name else { continue }
            if strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0 { continue }
            if strncmp(name, "system.posix_acl", 16) == 0 { hasAccessLists = true }
            let result = set(name, value, size)
            if result == 0 { continue }
            // A host without some kind of attribute runs the image nevertheless; lost capabilities would break it quietly.
            let isOptional = result == -EOPNOTSUPP || result == -EPERM
            guard isOptional, strcmp(name, "security.capability") != 0 else {
                throw KernelError(call: "setxattr", errorNumber: -result, subject: shownPath)
            }
        }
    }

    /// A path by which attributes of a name can be set without following a link at its end.
    private func withAttributePath(
        _ parent: CInt, _ name: UnsafePointer<CChar>?, _ body: (UnsafePointer<CChar>) throws -> Void
    ) throws {
        var file = Array("/proc/self/fd/\(parent)/".utf8CString.dropLast())
        if let name {
            file.append(contentsOf: UnsafeBufferPointer(start: name, count: strlen(name)))
        } else {
            file.append(0x2e)
        }
        file.append(0)
        try file.withUnsafeBufferPointer { try body($0.baseAddress!) }
    }
}
