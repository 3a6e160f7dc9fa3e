package import Logging
internal import ServiceLifecycle

/// The reverse proxy: listens, finds the route of each request in an immutable table, and passes bytes both ways.
package final class Gateway: Service {
    private let configuration: GatewayConfiguration
    private let logger: Logger

    /// A gateway that does not listen yet and knows no routes.
    package init(configuration: GatewayConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Where the gateway listens, with the ports the kernel chose; empty before ``start()``.
    package var boundAddresses: [GatewayAddress] { [] }

    /// Binds every address and begins to serve. ``run()`` calls it unless it has been called before.
    /// - Throws: ``GatewayError`` `.bindFailed`; then nothing is left listening.
    package func start() async throws {
    }

    /// Serves until the task is cancelled or a graceful shutdown begins; then stops accepting, lets requests in flight
    /// finish until the configured deadline, and closes what is left.
    package func run() async throws {
    }

    /// Makes `table` the one that later requests see. Requests in flight go on with the backend they have; unused
    /// connections to backends that are gone are closed.
    package func publish(_ table: RouteTable) {
    }

    /// Waits until no request is in flight at `backend`; tunnels do not count. Publish a table without it first.
    /// - Returns: false when the deadline passed before.
    package func drain(_ backend: BackendID, deadline: Duration) async -> Bool { true }

    /// What a backend has done; zeros for one never seen.
    package func activity(of backend: BackendID) -> BackendActivity { BackendActivity() }

    /// Closes the tunnels and connections of a backend that is about to stop.
    package func disconnect(_ backend: BackendID) {
    }
}

extension Gateway {
    /// A gateway that sends everything to one target, such as `http://127.0.0.1:8080`.
    /// - Throws: ``GatewayError`` `.invalidTarget`.
    package static func reverseProxy(
        listen: GatewayAddress, to target: String, threads: Int = 0, logger: Logger
    ) throws -> Gateway {
        Gateway(configuration: GatewayConfiguration(addresses: [listen], threads: threads), logger: logger)
    }
}
