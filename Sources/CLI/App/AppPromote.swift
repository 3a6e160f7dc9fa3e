internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app promote`.
struct AppPromote: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Bring what is staged of apps to production.",
        discussion: """
            For apps created with --staging. Nothing is built again; production goes on with its old version until the
            new one is healthy.

            Examples:
              martlet app promote /shop
              martlet app promote --dry-run /shop
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(help: "Change nothing, only report.") var dryRun = false
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        let dryRun = dryRun
        let showsProgress = !quiet && apps.count == 1
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { name in
                let change = try await withProgress(quiet: !showsProgress) {
                    try await client.promoteApp(name, PromoteAppRequest(dryRun: dryRun ? true : nil), onEvent: $0)
                }
                for line in AppCommand.lines(change, dryRun: dryRun) { Console.note(line) }
            }
        }
    }
}
