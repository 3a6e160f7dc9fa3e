internal import ArgumentParser
internal import Client

/// `martlet shutdown`.
struct ShutdownCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shutdown", abstract: "End the daemon; containers go on unless --remove-all is given.",
        discussion: """
            Returns once the daemon has ended. --remove-all stops all containers and takes away everything the instance
            has on the host: processes, mounts, networks, control groups. Files below its root stay.

            Examples:
              martlet shutdown
              martlet shutdown --remove-all
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Stop all containers and remove what the instance has on the host.") var removeAll = false

    func run() async throws {
        try await connection.withClient { client in
            try await client.shutDown(removeEverything: removeAll)
        }
    }
}
