internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container show`.
struct ContainerShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything known of a container, as JSON.",
        discussion: """
            Examples:
              martlet container show web
            """, aliases: ["inspect"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "A container by identifier, unique prefix or name.") var container: String

    func run() async throws {
        let info = try await connection.withClient { try await $0.container(container) }
        Console.print(try WireJSON.encodePretty(info))
    }
}
