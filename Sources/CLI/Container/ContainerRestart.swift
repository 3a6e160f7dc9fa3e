internal import ArgumentParser
internal import Client

/// `martlet container restart`.
struct ContainerRestart: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Stop and start containers.",
        discussion: """
            Prints each container that was done; if one fails, the others are done all the same and the exit status is 1.

            Examples:
              martlet container restart web
            """)

    @OptionGroup var connection: ConnectionOptions
    @Option(help: ArgumentHelp("Seconds before SIGKILL; the container's own setting by default.", valueName: "seconds"))
    var grace: Int?
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String]

    func run() async throws {
        try await connection.withClient { client in
            let grace = grace
            try await ManyObjects.forEach(containers) { _ = try await client.restartContainer($0, graceSeconds: grace) }
        }
    }
}
