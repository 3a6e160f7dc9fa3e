internal import Core
internal import Glibc
internal import Hummingbird
internal import HummingbirdCore
package import Logging
internal import NIOCore
internal import NIOPosix
internal import Synchronization
internal import Wire

/// An address, and who may use it.
package struct APIListener: Sendable {
    /// Where a listener is.
    package enum Address: Sendable, Hashable {
        /// A Unix socket; an old file there is replaced, so whoever binds must hold the instance's lock.
        case unixSocket(path: String, mode: UInt32)
        /// A TCP address.
        case tcp(host: String, port: Int)
    }

    /// Where it is.
    package var address: Address
    /// Who may use it.
    package var access: AccessPolicy

    /// A listener.
    package init(_ address: Address, access: AccessPolicy) {
        self.address = address
        self.access = access
    }
}

/// An answer that could not be sent to its end. The connection is closed; a parser's error as it is would be answered.
private struct BrokenAnswer: Error {
    let cause: any Error
}

/// The native API on its listeners.
package final class APIServer: Sendable {
    private let table: RouteTable
    private let listeners: [APIListener]
    private let sessions: SessionRegistry
    private let background: BackgroundWork
    private let logger: Logger
    private let stateDirectory: String
    private let onRequest: @Sendable () -> Void
    private let bound = Mutex<[String]>([])
    private let ready: AsyncStream<Void>
    private let readySignal: AsyncStream<Void>.Continuation

    /// A server that does not listen yet.
    /// - Parameter onRequest: called when a request has been answered.
    package init(
        services: APIServices, listeners: [APIListener], logger: Logger,
        onRequest: @escaping @Sendable () -> Void = {}
    ) {
        sessions = SessionRegistry()
        background = BackgroundWork()
        table = Self.table(services: services, sessions: sessions, background: background)
        self.listeners = listeners
        self.logger = logger
        self.onRequest = onRequest
        stateDirectory = services.layout.stateDirectory
        (ready, readySignal) = AsyncStream.makeStream()
    }

    /// All routes, with the one that describes them.
    static func table(services: APIServices, sessions: SessionRegistry, background: BackgroundWork) -> RouteTable {
        var routes = SystemRoutes(services: services).routes
        routes += AppRoutes(services: services, background: background).routes
        routes += ContainerRoutes(services: services, sessions: sessions).routes
        routes += SessionRoutes(sessions: sessions).routes
        routes += ImageRoutes(services: services).routes
        routes += JobRoutes(services: services).routes
        let description = APIRoute.Description(
            method: .get, path: "/openapi.json", name: "getDocument", summary: "This document.",
            answers: [.init(status: 200, summary: "OpenAPI 3.1.", mediaType: "application/json", schema: nil)])
        let document = Array(OpenAPIDocument.text(routes.map(\.description) + [description]).utf8)
        routes.append(APIRoute(description: description) { _ in .json(bytes: document) })
        return RouteTable(routes)
    }

    /// The addresses that are bound, in the order of the listeners, once ``waitUntilReady()`` has returned.
    package var boundAddresses: [String] { bound.withLock { $0 } }

    /// Returns once every listener accepts connections, or the server has ended.
    package func waitUntilReady() async {
        for await _ in ready { return }
    }

    /// Answers requests of one listener.
    func responder(access: AccessPolicy) -> APIResponder { APIResponder(table: table, access: access, logger: logger) }

    /// All routes.
    var routes: [APIRoute] { table.routes }

    /// Runs what the routes need beside them, until cancelled.
    func runHelpers() async {
        async let sessions: Void = self.sessions.run()
        async let background: Void = self.background.run()
        _ = await (sessions, background)
    }

    /// Serves until cancelled or shut down gracefully. What uploads a crash has left is removed first.
    package func run() async throws {
        defer { readySignal.finish() }
        Upload.collect(below: stateDirectory, logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.runHelpers() }
            for listener in listeners {
                let server = server(listener)
                group.addTask { try await server.run() }
            }
            // A listener ends when the daemon shuts down, or cannot bind; then the whole server ends.
            for _ in listeners { try await group.next() }
            group.cancelAll()
        }
    }

    private func server(_ listener: APIListener) -> Server<HTTP1Channel> {
        let address: BindAddress
        switch listener.address {
        case .unixSocket(let path, _): address = .unixDomainSocket(path: path)
        case .tcp(let host, let port): address = .hostname(host, port: port)
        }
        // What the framework tells of itself is of interest only when something is wrong.
        var quiet = logger
        quiet.logLevel = max(.warning, logger.logLevel)
        let responder = responder(access: listener.access)
        // Its application type would wake every second to format the date.
        let channel = HTTP1Channel { [quiet, onRequest] request, writer, channel in
            let context = BasicRequestContext(source: ApplicationRequestContextSource(channel: channel, logger: quiet))
            var response = try await responder.respond(to: request, context: context)
            response.headers[.server] = "martlet"
            response.headers[.date] = HTTPDate.text(Clock.now / 1000)
            defer { onRequest() }
            do { try await writer.write(response: response.head, body: response.body) } catch {
                throw BrokenAnswer(cause: error)
            }
        }
        return Server(
            childChannelSetup: channel, configuration: ServerConfiguration(address: address),
            onServerRunning: { [self] channel in didBind(listener, channel) },
            eventLoopGroup: MultiThreadedEventLoopGroup.singleton, logger: quiet)
    }

    private func didBind(_ listener: APIListener, _ channel: any Channel) {
        var text = "\(channel.localAddress?.description ?? "")"
        switch listener.address {
        case .unixSocket(let path, let mode):
            chmod(path, mode)
            text = path
        case .tcp(let host, _):
            if let port = channel.localAddress?.port { text = "\(host):\(port)" }
        }
        logger.info("api listens", metadata: ["address": "\(text)"])
        let count = bound.withLock { bound in
            bound.append(text)
            return bound.count
        }
        if count == listeners.count {
            readySignal.yield()
            readySignal.finish()
        }
    }
}
