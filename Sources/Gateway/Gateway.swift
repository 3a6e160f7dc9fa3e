package import Logging
internal import NIOCore
internal import NIOPosix
internal import ServiceLifecycle
internal import Synchronization

/// The reverse proxy: listens, finds the route of each request in an immutable table, and passes bytes both ways.
package final class Gateway: Service {
    private struct Running {
        var group: MultiThreadedEventLoopGroup
        var loops: [LoopContext]
        var listeners: [any Channel]
    }
    private let configuration: GatewayConfiguration
    private let logger: Logger
    private let state = Mutex<(running: Running?, table: RouteTable, shared: GatewayShared?)>((nil, RouteTable(), nil))

    /// A gateway that does not listen yet and knows no routes.
    package init(configuration: GatewayConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Where the gateway listens, with the ports the kernel chose; empty before ``start()``.
    package var boundAddresses: [GatewayAddress] {
        state.withLock { state in
            state.running?.listeners.compactMap { channel in
                guard let address = channel.localAddress, let port = address.port else { return nil }
                return GatewayAddress(host: address.ipAddress ?? "", port: UInt16(port))
            } ?? []
        }
    }

    /// Binds every address and begins to serve. ``run()`` calls it unless it has been called before.
    /// - Throws: ``GatewayError`` `.bindFailed`; then nothing is left listening.
    package func start() async throws {
        let shared = try GatewayShared(configuration: configuration, logger: logger)
        let threads = configuration.threads > 0 ? configuration.threads : System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        var loops: [LoopContext] = []
        for eventLoop in group.makeIterator() {
            loops.append(LoopContext(eventLoop: eventLoop, position: loops.count, shared: shared))
        }
        var listeners: [any Channel] = []
        do {
            try state.withLock { state in
                guard state.shared == nil else {
                    throw GatewayError(code: .alreadyStarted, message: "the gateway has been started before")
                }
                state.shared = shared
                shared.publish(state.table, on: loops)
            }
            for address in configuration.addresses { listeners.append(try await bind(address, group, loops, shared)) }
        } catch {
            // The error that matters is the one at hand.
            for listener in listeners { try? await listener.close() }
            try? await group.shutdownGracefully()
            throw error
        }
        let running = Running(group: group, loops: loops, listeners: listeners)
        state.withLock { state in
            state.running = running
            shared.publish(state.table, on: loops)
        }
        for address in boundAddresses { logger.info("gateway listening", metadata: ["address": "\(address)"]) }
    }

    private func bind(
        _ address: GatewayAddress, _ group: MultiThreadedEventLoopGroup, _ loops: [LoopContext], _ shared: GatewayShared
    ) async throws -> any Channel {
        do {
            return try await ServerBootstrap(group: group)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.allowRemoteHalfClosure, value: true)
                .childChannelOption(
                    .recvAllocator,
                    value: AdaptiveRecvByteBufferAllocator(minimum: 2048, initial: 4096, maximum: 65_536)
                )
                .childChannelInitializer { channel in Self.configure(channel, loops, shared, isSecure: false) }
                .bind(host: address.host, port: Int(address.port))
                .get()
        } catch {
            throw GatewayError.bindFailed(address, cause: error)
        }
    }

    /// Puts the handler of one client into its channel. A TLS handler would go in front of it, with `isSecure` set.
    private static func configure(
        _ channel: any Channel, _ loops: [LoopContext], _ shared: GatewayShared, isSecure: Bool
    ) -> EventLoopFuture<Void> {
        channel.eventLoop.makeCompletedFuture {
            guard let loop = loops.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
            guard shared.connectionOpened() else {
                shared.connectionClosed()
                try channel.pipeline.syncOperations.addHandler(OverloadHandler())
                return
            }
            let address = channel.remoteAddress?.ipAddress ?? "unknown"
            try channel.pipeline.syncOperations.addHandler(
                ClientConnection(
                    loop: loop, facts: ClientFacts(address: address, isSecure: isSecure),
                    isPeerTrusted: shared.trustedProxies.contains(address)))
        }
    }

    /// Serves until the task is cancelled or a graceful shutdown begins; then stops accepting, lets requests in flight
    /// finish until the configured deadline, and closes what is left.
    package func run() async throws {
        if state.withLock({ $0.shared == nil }) { try await start() }
        // Sleeps for ever: only cancellation or a graceful shutdown ends it, and both are the regular end.
        try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(1 << 31)) }
        await stop()
    }

    /// Stops accepting, waits for requests in flight until the deadline, closes the rest.
    package func stop() async {
        guard
            let running = state.withLock({ state in
                defer { state.running = nil }
                return state.running
            })
        else { return }
        // Clean-up must finish even when the calling task is cancelled: an unstructured task, awaited here.
        await Task { await finish(running) }.value
    }

    private func finish(_ running: Running) async {
        for listener in running.listeners {
            // Closed already: nothing to do.
            try? await listener.close()
        }
        let emptied = running.loops.map { loop in loop.eventLoop.flatSubmit { loop.shutDown() } }
        let closer = running.loops[0].eventLoop.scheduleTask(in: TimeAmount(configuration.shutdownDeadline)) {
            for loop in running.loops { loop.eventLoop.execute { loop.closeAll() } }
        }
        for future in emptied {
            // Succeeds always: `closeAll` empties every loop.
            try? await future.get()
        }
        closer.cancel()
        for loop in running.loops {
            // As above.
            try? await loop.eventLoop.submit {
                loop.closeAll()
                loop.log?.flush()
            }.get()
        }
        let shared = state.withLock { $0.shared }
        await shared?.accessLog?.flush()
        shared?.stopped()
        // The threads end with the process in any case.
        try? await running.group.shutdownGracefully()
    }

    /// Makes `table` the one that later requests see. Requests in flight go on with the backend they have; unused
    /// connections to backends that are gone are closed. Before ``start()`` the table is kept for then.
    package func publish(_ table: RouteTable) {
        state.withLock { state in
            state.table = table
            guard let running = state.running else { return }
            state.shared?.publish(table, on: running.loops)
        }
    }

    /// Waits until no request is in flight at `backend`; tunnels do not count. Publish a table without it first.
    /// - Returns: false when the deadline passed before.
    package func drain(_ backend: BackendID, deadline: Duration) async -> Bool {
        guard
            let (running, shared) = state.withLock({ state in
                state.running.flatMap { running in state.shared.map { (running, $0) } }
            })
        else { return true }
        return await shared.drain(backend, on: running.loops.map(\.eventLoop), deadline: deadline)
    }

    /// What a backend has done; zeros for one never seen.
    package func activity(of backend: BackendID) -> BackendActivity {
        var activity = BackendActivity()
        for counters in state.withLock({ $0.shared })?.counters(of: backend) ?? [] { counters.add(to: &activity) }
        return activity
    }

    /// Closes the tunnels and connections of a backend that is about to stop.
    package func disconnect(_ backend: BackendID) {
        for pool in state.withLock({ $0.shared })?.pools(of: backend) ?? [] { pool.disconnectFromAnywhere() }
    }
}

/// Answers a connection beyond the limit.
private final class OverloadHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelActive(context: ChannelHandlerContext) {
        let text = "too many connections\n"
        let answer = ByteBuffer(
            string: "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Type: text/plain; charset=utf-8\r\n"
                + "Content-Length: \(text.utf8.count)\r\nConnection: close\r\n\r\n\(text)")
        let promise = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        promise.futureResult.whenComplete { _ in bound.value.close(promise: nil) }
        context.writeAndFlush(wrapOutboundOut(answer), promise: promise)
    }
}

extension Gateway {
    /// A gateway that sends everything to one target, such as `http://127.0.0.1:8080/base`.
    /// - Throws: ``GatewayError`` `.invalidTarget`.
    package static func reverseProxy(
        listen: GatewayAddress, to target: String, threads: Int = 0, logger: Logger
    ) throws -> Gateway {
        let gateway = Gateway(
            configuration: GatewayConfiguration(addresses: [listen], threads: threads), logger: logger)
        let backend = try Backend(id: BackendID(target), url: target)
        gateway.publish(RouteTable(routes: [Route(id: "all", target: .backend(backend))]))
        return gateway
    }
}

extension Backend {
    /// A backend named by a URL: `http://host:port/base`, `https://[::1]/`.
    /// - Throws: ``GatewayError`` `.invalidTarget`.
    package init(id: BackendID, url: String, options: ProxyOptions = ProxyOptions(), wake: WakeCallback? = nil) throws {
        let scheme: Scheme
        var rest = url[...]
        if url.lowercased().hasPrefix("http://") {
            scheme = .http
            rest = rest.dropFirst(7)
        } else if url.lowercased().hasPrefix("https://") {
            scheme = .https
            rest = rest.dropFirst(8)
        } else {
            throw GatewayError.invalidTarget(url)
        }
        let authority = rest.prefix { !"/?#".contains($0) }
        let path = rest[authority.endIndex...]
        guard !path.contains("?"), !path.contains("#"), path.utf8.allSatisfy({ ByteClass.isTarget($0) }) else {
            throw GatewayError.invalidTarget(url)
        }
        var host = authority
        var port: UInt16 = scheme == .https ? 443 : 80
        let hostEnd =
            authority.hasPrefix("[") ? authority.firstIndex(of: "]") ?? authority.startIndex : authority.startIndex
        if let colon = authority[hostEnd...].lastIndex(of: ":") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw GatewayError.invalidTarget(url)
            }
            port = number
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.utf8.allSatisfy({ ByteClass.isHost($0) }) else {
            throw GatewayError.invalidTarget(url)
        }
        self.init(
            id: id, address: .tcp(host: String(host), port: port), scheme: scheme, basePath: String(path),
            options: options, wake: wake)
    }
}
