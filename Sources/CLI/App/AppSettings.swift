internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app settings`.
struct AppSettings: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Change what is not part of an app's versions.",
        subcommands: [StageWriteAccess.self])

    /// `martlet app settings stage-write-access`.
    struct StageWriteAccess: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "stage-write-access", abstract: "Decide whether the staging twins of apps may write.",
            discussion: """
                Without it requests that are no reads are refused there, and so are plugin calls that write. It holds
                at once and for all versions.

                Examples:
                  martlet app settings stage-write-access false /shop
                """)

        @OptionGroup var connection: ConnectionOptions
        @Argument(help: "`true` or `false`.") var allowed: Bool
        @Argument(help: "Apps by address or identifier.") var apps: [String]

        func run() async throws {
            let allowed = allowed
            try await connection.withClient { client in
                try await ManyObjects.forEach(apps) { name in
                    _ = try await client.changeAppSettings(name, AppSettingsRequest(stageWriteAccess: allowed))
                }
            }
        }
    }
}
