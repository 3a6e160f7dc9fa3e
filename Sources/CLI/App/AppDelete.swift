internal import ArgumentParser
internal import Client

/// `martlet app delete`.
struct AppDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete apps with their containers.",
        discussion: """
            The source directory is not touched. Volumes are kept unless --volumes is given.

            Examples:
              martlet app delete /hello
              martlet app delete /shop --volumes
            """, aliases: ["rm"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var confirmation: ConfirmOption
    @Flag(help: "Delete their volumes, too.") var volumes = false
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        let extent = volumes ? " with all volumes" : ""
        try confirmation.confirm("delete \(apps.joined(separator: ", "))\(extent)?")
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { try await client.deleteApp($0, volumes: volumes) }
        }
    }
}
