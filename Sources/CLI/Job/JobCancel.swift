internal import ArgumentParser
internal import Client

/// `martlet job cancel`.
struct JobCancel: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Ask jobs to end.",
        discussion: """
            What a job has made so far is taken back where that is possible.

            Examples:
              martlet job cancel 0f3c5a7e9b1d
            """)

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "Jobs by identifier or unique prefix.") var jobs: [String]

    func run() async throws {
        try await connection.withClient { client in
            try await ManyObjects.forEach(jobs) { _ = try await client.cancelJob($0) }
        }
    }
}
