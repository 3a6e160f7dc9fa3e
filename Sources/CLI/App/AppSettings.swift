internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app settings`.
struct AppSettings: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Change what is not part of an app's versions.",
        discussion: """
            stage-write-access decides whether the staging twins of apps may write. Without it requests that are no
            reads are refused there, and so are plugin calls that write. It holds at once and for all versions.

            Examples:
              martlet app settings stage-write-access false /shop
            """)

    /// What can be set.
    enum Setting: String, ExpressibleByArgument, CaseIterable {
        case stageWriteAccess = "stage-write-access"
    }

    @OptionGroup var connection: ConnectionOptions
    @Argument(help: "What is set: `stage-write-access`.") var setting: Setting
    @Argument(help: "`true` or `false`.") var value: Bool
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        let request: AppSettingsRequest
        switch setting {
        case .stageWriteAccess: request = AppSettingsRequest(stageWriteAccess: value)
        }
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { name in _ = try await client.changeAppSettings(name, request) }
        }
    }
}
