internal import ArgumentParser
internal import Client

/// `martlet container logs`.
struct ContainerLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print the log of a container.",
        discussion: """
            What the container wrote to its standard error goes to standard error.

            Examples:
              martlet container logs --tail 20 web
              martlet container logs --follow --since 5m --timestamps web
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var selection: LogSelection
    @Argument(help: "A container by identifier, unique prefix or name.") var container: String

    func run() async throws {
        let since = try selection.sinceMilliseconds()
        try await connection.withClient { client in
            let lines = try await client.containerLogs(
                container, follow: selection.follow, tail: selection.tail, since: since)
            try await selection.print(lines, json: output.json)
        }
    }
}
