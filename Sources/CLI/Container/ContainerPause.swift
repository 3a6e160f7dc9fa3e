internal import ArgumentParser
internal import Client

/// `martlet container pause`.
struct ContainerPause: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Freeze all processes of containers.",
        discussion: """
            Prints each container that was done; if one fails, the others are done all the same and the exit status is 1.

            Examples:
              martlet container pause web
            """)

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String]

    func run() async throws {
        try await connection.withClient { client in
            try await ManyObjects.forEach(containers) { _ = try await client.pauseContainer($0) }
        }
    }
}
