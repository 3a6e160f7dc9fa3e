import Logging

@testable import Gateway

/// Runs `body` with a gateway on a free port; stops it afterwards.
func withGateway<Value: Sendable>(
    _ routes: [Route], configure: (inout GatewayConfiguration) -> Void = { _ in },
    fallback: (any GatewayResponder)? = nil,
    _ body: (Gateway, UInt16) async throws -> Value
) async throws -> Value {
    var configuration = GatewayConfiguration(
        addresses: [GatewayAddress(host: "127.0.0.1", port: 0)], threads: 2, shutdownDeadline: .seconds(1))
    configure(&configuration)
    var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    logger.logLevel = .critical
    let gateway = Gateway(configuration: configuration, logger: logger)
    gateway.publish(RouteTable(routes: routes, fallback: fallback))
    try await gateway.start()
    do {
        let value = try await body(gateway, gateway.boundAddresses[0].port)
        await gateway.stop()
        return value
    } catch {
        await gateway.stop()
        throw error
    }
}

extension Route {
    /// Everything to one backend.
    static func all(_ backend: Backend, policy: RoutePolicy = RoutePolicy()) -> Route {
        Route(id: "all", target: .backend(backend), policy: policy)
    }
}

/// One request over a connection of its own; the whole answer.
func fetch(_ port: UInt16, _ request: String) async throws -> (head: String, body: String) {
    let connection = try await RawConnection.connect(to: port)
    try await connection.send(request)
    let response = try await connection.readResponse()
    await connection.close()
    return response
}
