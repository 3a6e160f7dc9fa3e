internal import ArgumentParser
internal import Client

/// `martlet app start`.
struct AppStart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start the containers of apps without waiting for a request.",
        discussion: """
            Returns once they are healthy.

            Examples:
              martlet app start /hello
            """)

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { _ = try await client.startApp($0) }
        }
    }
}
