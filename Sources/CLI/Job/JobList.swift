internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet job list`.
struct JobList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the latest jobs, newest first.",
        discussion: """
            Examples:
              martlet job list --limit 20
            """, aliases: ["ls"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var list: ListOptions
    @Option(help: "How many.") var limit = 50

    func run() async throws {
        let jobs = try await connection.withClient { try await $0.jobs(limit: limit) }
        try list.print(jobs, id: \.id) { Self.table(jobs) }
    }

    static func table(_ jobs: [JobInfo], now: Int64 = Formats.now) -> Table {
        var table = Table("ID", "KIND", "TARGET", "STATE", "STARTED", "TOOK", "ERROR")
        for job in jobs {
            let took = job.startedAt.map { Formats.elapsed(milliseconds: (job.finishedAt ?? now) - $0) } ?? "-"
            table.rows.append([
                Formats.short(job.id), job.kind, job.target, job.state.rawValue, Formats.age(job.startedAt, now: now),
                took,
                job.error?.message ?? "",
            ])
        }
        return table
    }
}
