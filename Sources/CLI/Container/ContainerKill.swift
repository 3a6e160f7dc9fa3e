internal import ArgumentParser
internal import Client

/// `martlet container kill`.
struct ContainerKill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kill", abstract: "Send a signal to the first process of containers.",
        discussion: """
            Prints each container that was done; if one fails, the others are done all the same and the exit status is 1.

            Examples:
              martlet container kill web
              martlet container kill --signal HUP web
            """)

    @OptionGroup var connection: ConnectionOptions
    @Option(name: .shortAndLong, help: "Name or number of the signal; SIGKILL by default.") var signal: String?
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String]

    func run() async throws {
        try await connection.withClient { client in
            let signal = signal
            try await ManyObjects.forEach(containers) { try await client.killContainer($0, signal: signal) }
        }
    }
}
