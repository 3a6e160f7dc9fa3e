internal import CLinux
internal import Glibc

/// A network namespace, alive as long as this value, a pin or a process within it.
///
/// Nothing here changes the namespace of a thread that anybody else uses.
package struct NetworkNamespace: ~Copyable, Sendable {
    private let descriptor: OwnedDescriptor

    /// The descriptor for `setns`, valid as long as this value.
    package var rawDescriptor: CInt { descriptor.rawValue }

    private init(adopting descriptor: consuming OwnedDescriptor) { self.descriptor = descriptor }

    /// Opens the namespace pinned at `path`.
    package init(pinnedAt path: String) throws {
        guard try Self.isPinned(at: path) else {
            throw KernelError(call: "open namespace", errorNumber: ENOENT, subject: path)
        }
        let opened = open(path, O_RDONLY | O_CLOEXEC)
        guard opened >= 0 else { throw KernelError.last("open", path) }
        descriptor = OwnedDescriptor(adopting: opened)
    }

    /// A new namespace in which even loopback is down, and a socket that configures it.
    package static func create() throws -> Created {
        var socket: CInt = -1
        let result = clx_netns_create(&socket)
        guard result >= 0 else { throw KernelError(call: "unshare", errorNumber: -result, subject: "CLONE_NEWNET") }
        return Created(
            namespace: NetworkNamespace(adopting: OwnedDescriptor(adopting: result)),
            routes: RouteSocket(adopting: OwnedDescriptor(adopting: socket)))
    }

    /// A new namespace with its first socket.
    package struct Created: ~Copyable, Sendable {
        /// The namespace.
        package let namespace: NetworkNamespace
        /// Configures it.
        package let routes: RouteSocket
    }

    /// A socket within the namespace, usable from any thread.
    package func socket(domain: Int32, type: Int32, protocol number: Int32 = 0) throws -> OwnedDescriptor {
        let result = clx_netns_socket(descriptor.rawValue, domain, type, number)
        guard result >= 0 else { throw KernelError(call: "socket", errorNumber: -result) }
        return OwnedDescriptor(adopting: result)
    }

    /// A socket that configures the namespace.
    package func routeSocket() throws -> RouteSocket {
        RouteSocket(adopting: try socket(domain: AF_NETLINK, type: Int32(SOCK_RAW.rawValue)))
    }

    /// Keeps the namespace alive under a name: binds it over an empty file, which is created. The directory exists.
    package func pin(at path: String) throws {
        let file = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw KernelError.last("open", path) }
        _ = close(file)
        guard mount("/proc/self/fd/\(descriptor.rawValue)", path, "none", UInt(MS_BIND), nil) == 0 else {
            throw KernelError.last("mount", path)
        }
    }

    /// Whether a namespace is pinned at `path`; a plain file or nothing at all is none.
    package static func isPinned(at path: String) throws -> Bool {
        let result = clx_is_namespace(path)
        switch result {
        case -ENOENT, -ENOTDIR: return false
        case ..<0: throw KernelError(call: "statfs", errorNumber: -result, subject: path)
        default: return result == 1
        }
    }

    /// Undoes ``pin(at:)`` as often as it was done, and removes the file. What is gone already is fine.
    package static func unpin(_ path: String) throws {
        while try isPinned(at: path) {
            guard umount2(path, Int32(MNT_DETACH | UMOUNT_NOFOLLOW)) != 0 else { continue }
            if errno == EINVAL { break }  // a link to a namespace, not a pin
            throw KernelError.last("umount2", path)
        }
        guard unlink(path) == 0 || errno == ENOENT || errno == ENOTDIR else { throw KernelError.last("unlink", path) }
    }

    /// Where network namespaces are pinned below `directory`, each path beginning with `directory` as it is spelled here.
    package static func pins(below directory: String) throws -> [String] {
        guard let resolved = realpath(directory, nil) else {
            if errno == ENOENT { return [] }
            throw KernelError.last("realpath", directory)
        }
        defer { free(resolved) }
        return pins(below: directory, resolved: String(cString: resolved), in: try MountTable.read())
    }

    /// The pins in a table, which knows only `resolved`.
    static func pins(below directory: String, resolved: String, in table: MountTable) -> [String] {
        table.beneath(resolved)
            .filter { $0.fileSystem == "nsfs" && $0.root.hasPrefix("net:[") }
            .map { directory + $0.mountPoint.dropFirst(resolved.count) }
    }
}
