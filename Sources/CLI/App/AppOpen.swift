internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app open`.
struct AppOpen: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Print the URL at which an app is served.",
        discussion: """
            Examples:
              martlet app open /hello
              curl "$(martlet app open /hello)"
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "An app by address or identifier.") var app: String

    func run() async throws {
        let info = try await connection.withClient { try await $0.app(app).summary }
        guard let url = info.url else {
            Console.note("error: app `\(info.address)` has no URL: the gateway does not listen")
            throw ExitCode(1)
        }
        try output.print(["url": url]) { [url] }
    }
}
