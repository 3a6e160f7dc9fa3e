internal import ArgumentParser
internal import Client

/// `martlet app stop`.
struct AppStop: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the containers of apps.",
        discussion: """
            The next request starts them again.

            Examples:
              martlet app stop /hello
            """)

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { _ = try await client.stopApp($0) }
        }
    }
}
