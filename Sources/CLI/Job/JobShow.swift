internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet job show`.
struct JobShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything known of a job, as JSON.",
        discussion: """
            Examples:
              martlet job show 0f3c5a7e9b1d
            """, aliases: ["inspect"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "A job by identifier or unique prefix.") var job: String

    func run() async throws {
        let info = try await connection.withClient { try await $0.job(job) }
        Console.print(try WireJSON.encodePretty(info))
    }
}
