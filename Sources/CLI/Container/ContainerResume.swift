internal import ArgumentParser
internal import Client

/// `martlet container resume`.
struct ContainerResume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Thaw the processes of paused containers.",
        discussion: """
            Prints each container that was done; if one fails, the others are done all the same and the exit status is 1.

            Examples:
              martlet container resume web
            """)

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String]

    func run() async throws {
        try await connection.withClient { client in
            try await ManyObjects.forEach(containers) { _ = try await client.resumeContainer($0) }
        }
    }
}
