internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet config …`.
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Look at the configuration.", subcommands: [ConfigShow.self])
}

/// `martlet config show`.
struct ConfigShow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show every key with its value and where that comes from.",
        discussion: """
            Asks the daemon, or reads the file and the environment here when none runs.

            Examples:
              martlet config show
              martlet config show --changed
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(help: "Only keys that do not have their default.") var changed = false
    @Flag(help: "Say what each key means.") var explain = false

    func run() async throws {
        var report = try await connection.report({ try await $0.configuration() }, orLocally: { $0.configuration })
        if changed { report.entries.removeAll { $0.origin == "default" } }
        let final = report
        try output.print(final) { Self.lines(final, explain: explain) }
    }

    static func lines(_ report: ConfigurationReport, explain: Bool) -> [String] {
        var table = Table("KEY", "VALUE", "ORIGIN")
        if explain { table = Table("KEY", "VALUE", "ORIGIN", "MEANING") }
        for entry in report.entries {
            let value = entry.value.isEmpty ? "\"\"" : entry.value
            let shown = value.count > 60 ? value.prefix(59) + "…" : value[...]
            table.rows.append([entry.key, String(shown), entry.origin] + (explain ? [entry.summary] : []))
        }
        return table.lines + ["file: \(report.file)"]
    }
}
