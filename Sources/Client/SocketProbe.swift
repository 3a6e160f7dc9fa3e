internal import Glibc

/// Looks whether somebody listens on a Unix socket, to say at once and exactly why not.
enum SocketProbe {
    /// Nil when a connection is accepted, else `errno`.
    static func failure(connectingTo path: String) -> CInt? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else { return ENAMETOOLONG }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return result == 0 ? nil : errno
    }

    /// Words for what ``failure(connectingTo:)`` gives.
    static func explanation(_ code: CInt) -> String {
        switch code {
        case ENOENT: "there is no such socket"
        case ECONNREFUSED: "nobody listens there"
        case ENAMETOOLONG: "the path is longer than the 107 bytes a Unix socket may have"
        default: String(cString: strerror(code))
        }
    }

    /// Whether a code means that the socket may not be used.
    static func isPermission(_ code: CInt) -> Bool { code == EACCES || code == EPERM }
}
