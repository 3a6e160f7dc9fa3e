internal import ArgumentParser
internal import Client

/// `martlet app logs`.
struct AppLogs: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs", abstract: "Print the log of an app's container.",
        discussion: """
            Examples:
              martlet app logs --tail 20 /hello
              martlet app logs --follow /hello
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var selection: LogSelection
    @Argument(help: "An app by address or identifier.") var app: String

    func run() async throws {
        let since = try selection.sinceMilliseconds()
        try await connection.withClient { client in
            let lines = try await client.appLogs(app, follow: selection.follow, tail: selection.tail, since: since)
            try await selection.print(lines, json: output.json)
        }
    }
}
