internal import CLinux
internal import Glibc

/// Making and undoing mounts in the calling process's namespace. These calls block: keep them off the cooperative pool.
package enum FileSystemMount {
    /// Mounts an overlay file system.
    ///
    /// With a kernel since 6.5 each layer is handed over by itself, so that their number is bounded by the kernel alone
    /// (500). An older kernel takes one text of less than a page, which mount(2) would cut silently: a longer one is
    /// refused here.
    /// - Parameters:
    ///   - lower: read-only layers, uppermost first; at least one.
    ///   - upper: receives changes; nil gives a read-only mount (of at least two layers).
    ///   - work: an empty directory on the file system of `upper`; needed with it.
    ///   - target: an existing directory.
    /// - Throws: ``KernelError``; `E2BIG` when the layers do not fit an old kernel's text.
    package static func overlay(lower: [String], upper: String?, work: String?, at target: String) throws {
        do {
            try overlayByDescriptor(lower: lower, upper: upper, work: work, target: target)
        } catch let error as KernelError where error.errorNumber == EINVAL || error.errorNumber == ENOSYS {
            do {
                try overlayByText(lower: lower, upper: upper, work: work, target: target)
            } catch let second as KernelError where second.errorNumber == EINVAL {
                throw error  // it is not the kernel's age; the first error says more
            }
        }
    }

    /// Makes `source` visible at `target`, which must exist and be of the same kind.
    /// A read-only bind never allows a write, not even for a moment.
    package static func bind(_ source: String, at target: String, readOnly: Bool = false, recursive: Bool = true) throws
    {
        let tree = try check(clx_clone_tree(source, recursive ? 1 : 0), "open_tree", source)
        let owned = OwnedDescriptor(adopting: tree)
        if readOnly {
            _ = try check(clx_set_read_only(owned.rawValue, recursive ? 1 : 0), "mount_setattr", source)
        }
        _ = try check(clx_attach_mount(owned.rawValue, target), "move_mount", target)
    }

    /// Mounts a file system by mount(2); `options` are the file system's own.
    package static func mount(
        type: String, source: String, at target: String, flags: UInt = 0, options: String = ""
    ) throws {
        guard options.utf8.count < 4096 else { throw KernelError(call: "mount", errorNumber: E2BIG, subject: target) }
        guard Glibc.mount(source, target, type, flags, options) == 0 else { throw KernelError.last("mount", target) }
    }

    /// Takes the uppermost mount off `target`, without following a link at its end.
    /// - Parameter detach: whether it goes out of sight at once even if it is in use.
    /// - Returns: false when there was no mount, or no such path.
    @discardableResult
    package static func unmount(_ target: String, detach: Bool = false) throws -> Bool {
        let flags = Int32(UMOUNT_NOFOLLOW) | (detach ? Int32(MNT_DETACH) : 0)
        if umount2(target, flags) == 0 { return true }
        if errno == EINVAL || errno == ENOENT { return false }
        throw KernelError.last("umount2", target)
    }

    /// Takes the uppermost mount off `target` at once, with all mounts on it, and leaves the rest for later.
    ///
    /// The last user of a file system waits until everything is written: for an overlay that is everything on the file
    /// system of its upper directory, whoever wrote it. That waiting happens when the returned descriptor is closed.
    /// - Returns: nil when there was no mount, or no such path.
    package static func detach(_ target: String) throws -> OwnedDescriptor? {
        let held = open(target, Int32(CLX_O_PATH) | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard held >= 0 else {
            if errno == ENOENT || errno == ENOTDIR { return nil }
            throw KernelError.last("open", target)
        }
        let owned = OwnedDescriptor(adopting: held)
        guard try unmount(target, detach: true) else { return nil }
        return owned
    }

    /// Takes off every mount at `path` and beneath it, deepest first; `path` must be canonical.
    package static func unmountAll(beneath path: String) throws {
        for entry in try MountTable.read().beneath(path).reversed() { try unmount(entry.mountPoint, detach: true) }
    }

    private static func overlayByDescriptor(lower: [String], upper: String?, work: String?, target: String) throws {
        let context = OwnedDescriptor(adopting: try check(clx_fsopen("overlay"), "fsopen", "overlay"))
        let fd = context.rawValue
        var held: [CInt] = []
        defer { for descriptor in held { close(descriptor) } }
        /// A value of the kernel's 255 bytes; longer paths go by a descriptor's name.
        func set(_ key: String, _ path: String) throws {
            var value = path
            if path.utf8.count > 255 {
                let descriptor = open(path, Int32(CLX_O_PATH) | O_DIRECTORY | O_CLOEXEC)
                guard descriptor >= 0 else { throw KernelError.last("open", path) }
                held.append(descriptor)
                value = "/proc/self/fd/\(descriptor)"
            }
            try configured(clx_fsconfig_string(fd, key, value), fd, "\(key)=\(path)")
        }
        try configured(clx_fsconfig_string(fd, "source", "overlay"), fd, target)
        for layer in lower { try set("lowerdir+", layer) }
        if let upper, let work {
            try set("upperdir", upper)
            try set("workdir", work)
        }
        try configured(clx_fsconfig_create(fd), fd, target)
        let mount = OwnedDescriptor(adopting: try check(clx_fsmount(fd), "fsmount", target))
        _ = try check(clx_attach_mount(mount.rawValue, target), "move_mount", target)
    }

    private static func overlayByText(lower: [String], upper: String?, work: String?, target: String) throws {
        func escaped(_ path: String) -> String {
            path.reduce(into: "") { text, character in
                if ":,\\".contains(character) { text.append("\\") }
                text.append(character)
            }
        }
        var options = "lowerdir=" + lower.map(escaped).joined(separator: ":")
        if let upper, let work { options += ",upperdir=\(escaped(upper)),workdir=\(escaped(work))" }
        try mount(type: "overlay", source: "overlay", at: target, options: options)
    }

    /// Turns a failure of fsconfig(2) into an error that holds the kernel's own explanation, if it gave one.
    private static func configured(_ result: CInt, _ context: CInt, _ subject: String) throws {
        guard result < 0 else { return }
        let text = [UInt8](unsafeUninitializedCapacity: 512) { buffer, count in
            count = max(0, read(context, buffer.baseAddress!, buffer.count))
        }
        let explanation = String(decoding: text.dropFirst(2), as: UTF8.self)  // "e " for an error
        throw KernelError(
            call: "fsconfig", errorNumber: -result, subject: text.isEmpty ? subject : "\(subject) (\(explanation))")
    }

    private static func check(_ result: CInt, _ call: String, _ subject: String) throws -> CInt {
        guard result >= 0 else { throw KernelError(call: call, errorNumber: -result, subject: subject) }
        return result
    }
}
