internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet image show`.
struct ImageShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything known of an image, as JSON.",
        discussion: """
            Examples:
              martlet image show alpine
            """, aliases: ["inspect"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "An image by name, digest or unique prefix of its digest.") var image: String

    func run() async throws {
        let info = try await connection.withClient { try await $0.image(image) }
        Console.print(try WireJSON.encodePretty(info))
    }
}
