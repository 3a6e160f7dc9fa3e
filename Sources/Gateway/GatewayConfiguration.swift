/// An address the gateway listens on.
package struct GatewayAddress: Hashable, Sendable, CustomStringConvertible {
    /// A numeric address or a name the host resolves; IPv6 without brackets.
    package var host: String
    /// 0 asks the kernel for a free port.
    package var port: UInt16

    /// `host` and `port` as given.
    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// Everything the gateway can be told before it starts. Every value has a default that suits one host.
package struct GatewayConfiguration: Sendable {
    /// Where to listen; at least one.
    package var addresses: [GatewayAddress]
    /// Event loops; 0 means one for each core.
    package var threads: Int
    /// What a client may send.
    package var limits: Limits
    /// How long to wait for whom.
    package var timeouts: Timeouts
    /// Where the access log goes.
    package var accessLog: AccessLog
    /// Networks (`10.0.0.0/8`, `::1/128`, or a bare address) whose `X-Forwarded-For` and `-Proto` are believed.
    package var trustedProxies: [String]
    /// Idle connections kept for each backend and event loop.
    package var idleConnectionsPerBackend: Int
    /// How long requests in flight may go on after a graceful shutdown began.
    package var shutdownDeadline: Duration

    /// Listens on `127.0.0.1:25222` unless told otherwise.
    package init(
        addresses: [GatewayAddress] = [GatewayAddress(host: "127.0.0.1", port: 25222)],
        threads: Int = 0,
        limits: Limits = Limits(),
        timeouts: Timeouts = Timeouts(),
        accessLog: AccessLog = .off,
        trustedProxies: [String] = [],
        idleConnectionsPerBackend: Int = 128,
        shutdownDeadline: Duration = .seconds(30)
    ) {
        self.addresses = addresses
        self.threads = threads
        self.limits = limits
        self.timeouts = timeouts
        self.accessLog = accessLog
        self.trustedProxies = trustedProxies
        self.idleConnectionsPerBackend = idleConnectionsPerBackend
        self.shutdownDeadline = shutdownDeadline
    }

    /// Bounds on what clients and backends may send.
    package struct Limits: Sendable {
        /// Bytes of a request head, request line included; more is 431.
        package var requestHeadBytes = 16 << 10
        /// Bytes of a request target; more is 414.
        package var targetBytes = 8 << 10
        /// Bytes of a response head; more is 502.
        package var responseHeadBytes = 48 << 10
        /// Header fields of one head; more is 431 or 502.
        package var headerFields = 200
        /// Client connections; one more is answered 503 and closed.
        package var connections = 20_000
        /// Requests held for one wake route on one event loop; one more is answered 503.
        package var heldPerRoute = 512

        /// The defaults.
        package init() {}
    }

    /// How long the gateway waits. There is no limit on the whole of a response.
    package struct Timeouts: Sendable {
        /// For a complete request head, from its first byte or from the connection's start.
        package var requestHead: Duration = .seconds(30)
        /// For the next request on a kept connection.
        package var clientIdle: Duration = .seconds(75)
        /// For the next bytes of a request body, and for a client to take bytes it was sent.
        package var clientStall: Duration = .seconds(300)
        /// For a connection to a backend.
        package var connect: Duration = .seconds(5)
        /// For the first byte of a response once the request has been sent.
        package var firstByte: Duration = .seconds(600)
        /// How long an unused connection to a backend is kept; below what backends allow.
        package var upstreamIdle: Duration = .seconds(15)
        /// For bytes in either direction of a tunnel; nil for no limit.
        package var tunnelIdle: Duration?
        /// How long a request may be held by a wake route; then 503.
        package var held: Duration = .seconds(600)

        /// The defaults.
        package init() {}
    }

    /// One line for each request.
    package enum AccessLog: Sendable, Equatable {
        case off
        case standardError(Format)
        case file(path: String, Format)

        /// The shape of a line.
        package enum Format: String, Sendable {
            case json, combined
        }
    }
}
