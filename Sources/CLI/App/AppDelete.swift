internal import ArgumentParser
internal import Client

/// `martlet app delete`.
struct AppDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete apps with their containers.",
        discussion: """
            The source directory is not touched.

            Examples:
              martlet app delete /hello
            """, aliases: ["rm"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var confirmation: ConfirmOption
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        try confirmation.confirm("delete \(apps.joined(separator: ", "))?")
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { try await client.deleteApp($0) }
        }
    }
}
