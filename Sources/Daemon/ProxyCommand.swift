package import ArgumentParser
internal import Core
internal import Gateway
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// `martlet proxy`: the gateway alone, in front of one server; for measurements.
package struct ProxyCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "proxy", abstract: "Forward everything to one server, as the gateway does.",
        discussion: """
            Examples:
              martlet proxy --listen 127.0.0.1:8000 --to http://127.0.0.1:9000
            """, shouldDisplay: false)

    @Option(help: ArgumentHelp("Where to listen.", valueName: "address:port")) var listen: String
    @Option(help: ArgumentHelp("The server.", valueName: "url")) var to: String
    @Option(help: "Threads; 0 for one per core.") var threads = 0

    /// The command without values.
    package init() {}

    package func run() async throws {
        guard let address = ListenAddress(parsing: listen) else {
            throw InvalidArgument(field: "listen", value: listen, rule: "it is `address:port`")
        }
        var logger = Logger(label: "martlet") { LineLogHandler(label: $0, level: .info, format: .text) }
        let gateway = try Gateway.reverseProxy(
            listen: GatewayAddress(host: address.host, port: address.port), to: to, threads: threads, logger: logger)
        try await gateway.start()
        logger.info(
            "ready", metadata: ["gateway": "\(gateway.boundAddresses.map(\.description).joined(separator: ","))"])
        logger.logLevel = .warning
        let group = ServiceGroup(
            services: [gateway], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        try await group.run()
    }
}
