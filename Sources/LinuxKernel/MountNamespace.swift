internal import CLinux
internal import Core
internal import Glibc

/// A mount namespace kept alive by a descriptor, for programs that must not see everything this process sees.
package final class MountNamespace: Sendable {
    /// The descriptor to enter it with.
    package let descriptor: CInt

    /// A namespace that receives the mounts made here, in which `cover` is seen in place of what is mounted at `covered`.
    /// Blocks for a few milliseconds.
    package init(covering covered: String, with cover: String) throws {
        descriptor = clx_mount_namespace(covered, cover)
        guard descriptor >= 0 else {
            throw KernelError(call: "unshare", errorNumber: -descriptor, subject: covered)
        }
    }

    deinit { close(descriptor) }

    /// Makes `directory` a mount of its own whose later mounts are seen in namespaces made from this one. Idempotent.
    package static func share(_ directory: String) throws {
        if try MountTable.read().mount(at: directory) == nil {
            try FileSystemMount.bind(directory, at: directory, recursive: false)
        }
        let result = clx_make_shared(directory)
        guard result == 0 else { throw KernelError(call: "mount", errorNumber: -result, subject: directory) }
    }
}

/// A file without a name that holds bytes for a program to read.
package enum MemoryFile {
    /// A file with that content, positioned at its beginning.
    package static func make(_ bytes: [UInt8], name: String) throws -> OwnedDescriptor {
        let descriptor = clx_memory_file(name)
        guard descriptor >= 0 else { throw KernelError(call: "memfd_create", errorNumber: -descriptor) }
        let owned = OwnedDescriptor(adopting: descriptor)
        var offset = 0
        while offset < bytes.count {
            let count = bytes[offset...].withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw KernelError.last("write", name) }
            offset += count
        }
        lseek(descriptor, 0, SEEK_SET)
        return owned
    }
}
