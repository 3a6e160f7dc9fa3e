internal import Core

/// Where a daemon listens.
package enum DaemonAddress: Hashable, Sendable, CustomStringConvertible {
    /// A Unix socket.
    case unixSocket(path: String)
    /// A TCP listener, with the token it asks for.
    case tcp(host: String, port: UInt16, token: String?)

    /// Reads `host:port`, `[v6]:port`, `http://host:port`, `unix:///path` or an absolute path.
    /// - Throws: `InvalidArgument` for anything else.
    package init(parsing text: String, token: String? = nil) throws {
        if text.hasPrefix("/") {
            self = .unixSocket(path: text)
            return
        }
        if text.hasPrefix("unix://") {
            self = .unixSocket(path: String(text.dropFirst(7)))
            return
        }
        var rest = text.hasPrefix("http://") ? String(text.dropFirst(7)) : text
        if rest.hasSuffix("/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = UInt16(rest[rest.index(after: colon)...]), port > 0 else {
            throw InvalidArgument(field: "host", value: text, rule: "it is `host:port`, such as `127.0.0.1:25221`")
        }
        var host = String(rest[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard !host.isEmpty, !host.contains("/") else {
            throw InvalidArgument(field: "host", value: text, rule: "it is `host:port`, such as `127.0.0.1:25221`")
        }
        self = .tcp(host: host, port: port, token: token)
    }

    /// The path or `host:port`; never the token.
    package var description: String {
        switch self {
        case .unixSocket(let path): path
        case .tcp(let host, let port, _): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }
}
