internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app list`.
struct AppList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List apps.",
        discussion: """
            Examples:
              martlet app list
              martlet app list --internal
              martlet app list --json
            """, aliases: ["ls"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var list: ListOptions
    @Flag(name: .shortAndLong, help: "Also staging twins.") var `internal` = false

    func run() async throws {
        let all = `internal`
        let apps = try await connection.withClient { try await $0.apps(all: all) }
        try list.print(apps, id: \.id) { Self.table(apps) }
    }

    static func table(_ apps: [AppInfo]) -> Table {
        var table = Table("ADDRESS", "NAME", "STATE", "VERSION", "URL", "SOURCE")
        for app in apps {
            table.rows.append([
                app.address, app.name.isEmpty ? "-" : app.name,
                app.needsApproval ? "\(app.state.rawValue), needs approval" : app.state.rawValue,
                app.dev ? "dev" : "\(app.version)", app.url ?? "-", app.source,
            ])
        }
        return table
    }
}
