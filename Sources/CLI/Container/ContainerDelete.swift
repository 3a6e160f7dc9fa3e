internal import ArgumentParser
internal import Client

/// `martlet container delete`.
struct ContainerDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Delete containers.",
        discussion: """
            Prints each container that was done; if one fails, the others are done all the same and the exit status is 1.

            Examples:
              martlet container delete web
              martlet container delete --force $(martlet container list --quiet)
            """, aliases: ["rm"])

    @OptionGroup var connection: ConnectionOptions
    @Flag(name: .shortAndLong, help: "Stop running containers first.") var force = false
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String]

    func run() async throws {
        try await connection.withClient { client in
            let force = force
            try await ManyObjects.forEach(containers) { try await client.deleteContainer($0, force: force) }
        }
    }
}
