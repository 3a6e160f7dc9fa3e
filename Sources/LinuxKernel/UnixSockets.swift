internal import CLinux
internal import Core
internal import Glibc

/// A Unix socket that waits for connections, named beneath a directory so that no path is too long for it.
package final class ListeningSocket: Sendable {
    private let descriptor: CInt

    /// Listens at `name` in the open `directory`; an earlier socket of that name is replaced.
    package init(directory: CInt, name: String) throws {
        let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw KernelError.last("socket") }
        descriptor = raw
        unlinkat(directory, name, 0)
        try UnixSocketAddress.with("/proc/self/fd/\(directory)/\(name)") { address, length in
            guard bind(raw, address, length) == 0 else { throw KernelError.last("bind", name) }
        }
        guard listen(raw, 1) == 0 else { throw KernelError.last("listen", name) }
        _ = clx_nonblocking(raw, 1)
    }

    deinit {
        DescriptorPoller.shared.forget(descriptor)
        close(descriptor)
    }

    /// The next connection, waiting for it.
    package func accept() async throws -> AsyncDescriptor {
        while true {
            let connection = clx_accept(descriptor)
            if connection >= 0 { return AsyncDescriptor(adopting: OwnedDescriptor(adopting: connection)) }
            guard connection == -EAGAIN else { throw KernelError(call: "accept4", errorNumber: -connection) }
            try await DescriptorPoller.shared.wait(for: descriptor, .readable)
        }
    }
}

/// Connects to Unix sockets that keep message borders.
package enum SequencedSocket {
    /// Connects to the socket at `path`, however long the path is.
    package static func connect(_ path: String) throws -> AsyncDescriptor {
        let target = open(path, pathOnly | O_CLOEXEC)
        guard target >= 0 else { throw KernelError.last("open", path) }
        defer { close(target) }
        let raw = socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard raw >= 0 else { throw KernelError.last("socket") }
        let owned = OwnedDescriptor(adopting: raw)
        try UnixSocketAddress.with("/proc/self/fd/\(target)") { address, length in
            guard Glibc.connect(raw, address, length) == 0 else { throw KernelError.last("connect", path) }
        }
        return AsyncDescriptor(adopting: owned)
    }

    private static let pathOnly: Int32 = 0o10000000
}

private enum UnixSocketAddress {
    static func with(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws -> Void) throws {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw KernelError(call: "bind", errorNumber: ENAMETOOLONG, subject: path)
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try withUnsafePointer(to: &address) { pointer in
            try pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
