internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app show`.
struct AppShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything known of an app, as JSON.",
        discussion: """
            Examples:
              martlet app show /hello
            """, aliases: ["inspect"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "An app by address or identifier.") var app: String

    func run() async throws {
        let info = try await connection.withClient { try await $0.app(app) }
        Console.print(try WireJSON.encodePretty(info))
    }
}
