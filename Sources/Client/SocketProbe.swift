internal import Glibc

/// Looks whether somebody listens on a Unix socket, to say at once and exactly why not.
enum SocketProbe {
    /// Nil when a connection is accepted, else `errno`.
    static func failure(connectingTo path: String) -> CInt? {
        switch connect(to: path) {
        case .success(let descriptor):
            close(descriptor)
            return nil
        case .failure(let failure): return failure.code
        }
    }

    /// The process that listens, nil when nobody does, it cannot be seen from here, or it is ours.
    static func listener(at path: String) -> pid_t? {
        guard case .success(let descriptor) = connect(to: path) else { return nil }
        defer { close(descriptor) }
        var credentials: (process: pid_t, user: uid_t, group: gid_t) = (0, 0, 0)  // struct ucred
        var size = socklen_t(MemoryLayout.size(ofValue: credentials))
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 else { return nil }
        return credentials.process > 0 && credentials.process != getpid() ? credentials.process : nil
    }

    /// Whether a process still runs: a zombie, which only waits for its parent to look, does not.
    static func runs(_ process: pid_t) -> Bool {
        guard let file = fopen("/proc/\(process)/stat", "re") else { return false }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = fread(&bytes, 1, bytes.count, file)
        guard let end = bytes[..<count].lastIndex(of: UInt8(ascii: ")")), end + 2 < count else { return false }
        return ![UInt8(ascii: "Z"), UInt8(ascii: "X")].contains(bytes[end + 2])
    }

    private struct Failure: Error {
        let code: CInt
    }

    private static func connect(to path: String) -> Result<CInt, Failure> {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < capacity else { return .failure(Failure(code: ENAMETOOLONG)) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return .failure(Failure(code: errno)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result != 0 else { return .success(descriptor) }
        defer { close(descriptor) }
        return .failure(Failure(code: errno))
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
