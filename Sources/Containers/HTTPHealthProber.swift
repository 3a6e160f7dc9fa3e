internal import AsyncHTTPClient
internal import Core
package import Engines
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL
internal import Synchronization

/// Probes over the network. The only place that knows how requests and connections are made.
package final class HTTPHealthProber: HealthProber {
    private enum State {
        case unused
        case open(HTTPClient)
        case closed
    }

    private let state = Mutex(State.unused)

    /// A prober; it opens nothing before the first probe.
    package init() {}

    /// A GET over a connection of its own.
    package func http(
        scheme: String, at endpoint: Endpoint, path: String, statuses: ClosedRange<Int>, timeout: Duration
    ) async -> ProbeResult {
        guard let client = client() else { return .failed("the daemon is ending") }
        let rooted = path.hasPrefix("/") ? path : "/" + path
        var request = HTTPClientRequest(url: "\(scheme)://\(endpoint)\(rooted)")
        request.headers.add(name: "User-Agent", value: "martlet-health")
        request.headers.add(name: "Accept", value: "*/*")
        request.headers.add(name: "Connection", value: "close")
        do {
            let response = try await client.execute(request, timeout: TimeAmount(timeout))
            let status = Int(response.status.code)
            return statuses.contains(status) ? .healthy : .failed("status \(status)")
        } catch {
            return Self.result(error, timeout)
        }
    }

    /// A connection that is closed as soon as it is accepted.
    package func tcp(_ endpoint: Endpoint, timeout: Duration) async -> ProbeResult {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(TimeAmount(timeout))
                .connect(host: endpoint.host, port: Int(endpoint.port)).get()
            try? await channel.close()  // it has been accepted; how it ends says nothing
            return .healthy
        } catch {
            return Self.result(error, timeout)
        }
    }

    /// Closes what is open; later probes fail.
    package func shutdown() async {
        let client: HTTPClient? = state.withLock { state in
            defer { state = .closed }
            if case .open(let client) = state { return client }
            return nil
        }
        try? await client?.shutdown()  // nothing is left to do about a failure
    }

    private func client() -> HTTPClient? {
        state.withLock { state in
            switch state {
            case .closed: return nil
            case .open(let client): return client
            case .unused:
                let client = HTTPClient(
                    eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: Self.configuration)
                state = .open(client)
                return client
            }
        }
    }

    private static var configuration: HTTPClient.Configuration {
        var tls = TLSConfiguration.makeClientConfiguration()
        tls.certificateVerification = .none  // it is our own container, at an address we gave it
        var configuration = HTTPClient.Configuration(
            tlsConfiguration: tls, redirectConfiguration: .follow(max: 10, allowCycles: true))
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.connectionPool.idleTimeout = .seconds(1)
        configuration.httpVersion = .http1Only
        return configuration
    }

    private static func result(_ error: any Error, _ timeout: Duration) -> ProbeResult {
        switch error {
        case let error as IOError where error.errnoCode == ECONNREFUSED: return .refused("connection refused")
        case let error as NIOConnectionError:
            let errors = error.connectionErrors.map(\.error)
            if errors.contains(where: { ($0 as? IOError)?.errnoCode == ECONNREFUSED }) {
                return .refused("connection refused")
            }
            return .failed(errors.first.map { String(describing: $0) } ?? "no connection")
        case let error as HTTPClientError where error == .deadlineExceeded || error == .connectTimeout:
            return .failed("no answer in \(timeout)")
        case is ChannelError: return .failed("no connection in \(timeout)")
        default: return .failed(String(describing: error))
        }
    }
}
