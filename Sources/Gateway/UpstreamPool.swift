internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// The connections of one event loop to one backend.
///
/// Unchecked: every property but the immutable ones is used on the loop's thread only.
final class UpstreamPool: @unchecked Sendable {
    let endpoint: UpstreamEndpoint
    let loop: LoopContext
    let counters: BackendCounters
    @exclusivity(unchecked) private var idle = ContiguousArray<UpstreamConnection>()
    private var all: [ObjectIdentifier: UpstreamConnection] = [:]
    @exclusivity(unchecked) private var isRetired = false
    private let socketAddress: SocketAddress?
    private let idleLimit: Int
    /// A connection that has been idle longer may just be closed by the backend; what cannot be repeated avoids it.
    private static let freshness = TimeAmount.seconds(1)

    init(_ endpoint: UpstreamEndpoint, loop: LoopContext, counters: BackendCounters) {
        self.endpoint = endpoint
        self.loop = loop
        self.counters = counters
        idleLimit = loop.configuration.idleConnectionsPerBackend
        switch endpoint.address {
        case .tcp(let host, let port):
            // Not an address: a name, resolved at each connect.
            socketAddress = try? SocketAddress(ipAddress: host, port: Int(port))
        case .unix(let path):
            // Too long a path: connecting reports it.
            socketAddress = try? SocketAddress(unixDomainSocketPath: path)
        }
    }

    /// The connection idle for the shortest time, if any.
    @inline(__always)
    func take(repeatable: Bool, now: NIODeadline) -> UpstreamConnection? {
        guard let connection = idle.last else { return nil }
        if !repeatable, now - connection.idleSince > Self.freshness { return nil }
        idle.removeLast()
        connection.isPooled = false
        return connection
    }

    /// Keeps a connection for a later request, or closes it.
    func put(_ connection: UpstreamConnection, now: NIODeadline) {
        guard !isRetired, !loop.isShuttingDown, idle.count < idleLimit else { return connection.close() }
        connection.idleSince = now
        connection.isPooled = true
        idle.append(connection)
        loop.setDeadline(connection, now + loop.timeouts.upstreamIdle)
    }

    /// An idle connection ended by itself or by its deadline.
    func forgetIdle(_ connection: UpstreamConnection) {
        guard connection.isPooled, let at = idle.firstIndex(where: { $0 === connection }) else { return }
        connection.isPooled = false
        idle.remove(at: at)
    }

    func opened(_ connection: UpstreamConnection) { all[ObjectIdentifier(connection)] = connection }
    func closed(_ connection: UpstreamConnection) {
        all[ObjectIdentifier(connection)] = nil
        forgetIdle(connection)
    }

    /// Opens a connection for `client`, which hears of it by ``ClientConnection/upstreamConnected(_:)`` or
    /// ``ClientConnection/connectFailed(_:_:)``.
    func connect(for client: ClientConnection) {
        let connection = UpstreamConnection(pool: self)
        connection.client = client
        // Unix sockets may be connected before this function returns; the client hears of it afterwards in any case.
        client.upstream = connection
        connection.isStarting = true
        defer { connection.isStarting = false }
        let bound = NIOLoopBound(connection, eventLoop: loop.eventLoop)
        let scheme = endpoint.scheme
        let bootstrap = ClientBootstrap(group: loop.eventLoop)
            .connectTimeout(loop.timeouts.connect)
            .channelOption(
                .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 4096, initial: 16384, maximum: 65_536)
            )
        let future: EventLoopFuture<any Channel>
        if let socketAddress {
            future = bootstrap.connect(to: socketAddress)
        } else {
            switch endpoint.address {
            case .tcp(let host, let port): future = bootstrap.connect(host: host, port: Int(port))
            case .unix(let path): future = bootstrap.connect(unixDomainSocketPath: path)
            }
        }
        // The handler joins when the connection is there: while several addresses of a name are tried there are several
        // channels.
        future.flatMapThrowing { channel in
            do {
                if scheme == .https {
                    let tls = try NIOSSLClientHandler(context: UpstreamTLS.context(), serverHostname: nil)
                    try channel.pipeline.syncOperations.addHandler(tls)
                }
                try channel.pipeline.syncOperations.addHandler(bound.value)
            } catch {
                channel.close(promise: nil)
                throw error
            }
        }.assumeIsolated().whenFailure { bound.value.connectFailed($0) }
    }

    /// Closes what is idle and keeps nothing more. Any thread.
    func retireFromAnywhere() {
        loop.eventLoop.execute { self.retire() }
    }

    private func retire() {
        isRetired = true
        for connection in idle { connection.close() }
    }

    /// Closes every connection. Any thread.
    func disconnectFromAnywhere() {
        loop.eventLoop.execute {
            self.retire()
            for connection in Array(self.all.values) { connection.close() }
        }
    }
}

/// TLS towards backends.
enum UpstreamTLS {
    private static let shared = Result<NIOSSLContext, any Error> {
        var configuration = TLSConfiguration.makeClientConfiguration()
        // Backends are on this host and have certificates nobody signed.
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    /// The context all connections to https backends share.
    static func context() throws -> NIOSSLContext { try shared.get() }
}
