internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet job follow`.
struct JobFollow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "follow", abstract: "Show the progress of a job until it ends.",
        discussion: """
            The exit status is 1 when the job fails.

            Examples:
              martlet job follow 0f3c5a7e9b1d
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "A job by identifier or unique prefix.") var job: String

    func run() async throws {
        let json = output.json
        let info = try await connection.withClient { client in
            let info = try await client.job(job)
            return try await withProgress(quiet: json) { onEvent in
                try await client.follow(info) { event in
                    onEvent(event)
                    // An event holds no value that JSON cannot write.
                    if json, let line = try? WireJSON.encode(event) { Console.write(line + [10], to: 1) }
                }
            }
        }
        _ = try DaemonClient.result(of: info, as: EmptyResult.self)
    }
}
