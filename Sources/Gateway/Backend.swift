/// The name of one backend: whoever has the same identifier shares connections and counters.
package struct BackendID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String
    package var description: String { rawValue }

    /// Any text; usually a container identifier and a port.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// Any text.
    package init(_ rawValue: String) { self.rawValue = rawValue }
}

/// A socket address requests are sent to.
package enum BackendAddress: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: UInt16)
    case unix(path: String)

    package var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// Where a request goes and how it is changed on the way there and back.
///
/// Immutable: what the data path needs is computed once, here. A new address of the same thing is a new `Backend` with
/// a new ``BackendID``.
package struct Backend: Sendable, CustomStringConvertible {
    /// How a backend is spoken to.
    package enum Scheme: String, Sendable {
        case http, https
    }

    /// Who this is.
    package let id: BackendID
    /// Where it listens.
    package let address: BackendAddress
    /// `https` is not verified: the backend is on this host.
    package let scheme: Scheme
    /// The target's own path, joined in front of the forwarded path: "" or "/base" (no slash at the end).
    package let basePath: String
    /// What is changed on the way.
    package let options: ProxyOptions
    /// Asked once when the backend cannot be reached and the request has no body; the answer is tried once.
    package let wake: WakeCallback?

    /// A backend; `basePath` may have a slash at its end.
    package init(
        id: BackendID,
        address: BackendAddress,
        scheme: Scheme = .http,
        basePath: String = "",
        options: ProxyOptions = ProxyOptions(),
        wake: WakeCallback? = nil
    ) {
        var base = basePath[...]
        while base.hasSuffix("/") { base = base.dropLast() }
        self.id = id
        self.address = address
        self.scheme = scheme
        self.basePath = base.isEmpty || base.hasPrefix("/") ? String(base) : "/" + base
        self.options = options
        self.wake = wake
    }

    package var description: String { "\(id) (\(scheme.rawValue)://\(address)\(basePath))" }
}

/// What is changed in requests to a backend and in its responses.
package struct ProxyOptions: Sendable {
    /// Removed from the front of the path, on a segment border; 404 when the path does not begin with it. "" and "/"
    /// remove nothing.
    package var stripPrefix: String
    /// The Host the backend sees. Upgrades (web sockets) always carry the client's.
    package var host: HostPolicy
    /// Sent as `X-Forwarded-Prefix` unless empty or "/".
    package var forwardedPrefix: String
    /// Set on requests (`X-Openrun-User: anonymous`), replacing what the client sent under these names.
    package var requestHeaders: [GatewayHeader]
    /// Names never passed to the backend, besides those always dropped.
    package var removedRequestHeaders: [String]
    /// Set on responses, replacing the backend's; `$url` in a value becomes the forwarded path.
    package var responseHeaders: [GatewayHeader]
    /// Whether `Location` is translated back to what the client sees.
    package var rewriteLocation: Bool

    /// Passes everything as it is, to the target's own host.
    package init(
        stripPrefix: String = "",
        host: HostPolicy = .target,
        forwardedPrefix: String = "",
        requestHeaders: [GatewayHeader] = [],
        removedRequestHeaders: [String] = [],
        responseHeaders: [GatewayHeader] = [],
        rewriteLocation: Bool = true
    ) {
        self.stripPrefix = stripPrefix
        self.host = host
        self.forwardedPrefix = forwardedPrefix
        self.requestHeaders = requestHeaders
        self.removedRequestHeaders = removedRequestHeaders
        self.responseHeaders = responseHeaders
        self.rewriteLocation = rewriteLocation
    }

    /// The Host a backend sees.
    package enum HostPolicy: Sendable, Equatable {
        /// Host and port of the target.
        case target
        /// What the client sent.
        case client
        /// What the client sent if that is `domain` (all localhost names are one), else `domain`.
        case clientWithin(domain: String)
        /// Always this.
        case fixed(String)
    }
}

/// What a backend has done so far.
package struct BackendActivity: Sendable, Equatable {
    /// Requests sent and not yet answered to the end; tunnels are not among them.
    package var inFlight: Int = 0
    /// Open tunnels (web sockets and other upgrades).
    package var tunnels: Int = 0
    /// Requests since the gateway started.
    package var requests: Int = 0
    /// Milliseconds since 1970 of the last byte in either direction, nil before the first request.
    package var lastActivity: Int64?
    /// Bytes sent to the backend.
    package var bytesSent: Int = 0
    /// Bytes received from the backend.
    package var bytesReceived: Int = 0

    /// Nothing yet.
    package init() {}
}
