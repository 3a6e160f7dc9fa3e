internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container list`.
struct ContainerList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List containers.",
        discussion: """
            Shows the containers whose process runs; --all shows those that have ended too.

            Examples:
              martlet container list
              martlet container list --all --json
            """, aliases: ["ls"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var list: ListOptions
    @Flag(name: .shortAndLong, help: "Show ended and never started containers too.") var all = false
    @Option(help: "Only containers of an owner: `user`, or `app/<id>`.") var owner: String?

    func run() async throws {
        let containers = try await connection.withClient { try await $0.containers(owner: owner) }
        let shown = containers.filter { all || $0.phase.isAlive }
        try list.print(shown, id: \.id) { Self.table(shown) }
    }

    static func table(_ containers: [ContainerSummary], now: Int64 = Formats.now) -> Table {
        var table = Table("ID", "NAME", "IMAGE", "STATE", "ADDRESS", "PORTS", "OWNER")
        for container in containers {
            table.rows.append([
                Formats.short(container.id), container.name.flatMap { $0 == container.id ? nil : $0 } ?? "-",
                Formats.familiar(container.image),
                Formats.phase(container, now: now), container.address ?? "-",
                container.ports.isEmpty ? "-" : container.ports.map(Formats.port).joined(separator: ", "),
                container.owner,
            ])
        }
        return table
    }
}

extension PhaseChoice {
    /// Whether a process exists, or will again in a moment.
    var isAlive: Bool {
        switch self {
        case .starting, .running, .unhealthy, .paused, .stopping, .restarting: true
        case .created, .exited, .failed, .deleted: false
        }
    }
}
