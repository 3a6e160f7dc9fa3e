internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container stats`.
struct ContainerStatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats", abstract: "Show what containers use.",
        discussion: """
            Without names: all running containers. The processor share is that between two samples one second apart.

            Examples:
              martlet container stats
              martlet container stats --follow web
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Print a line every second until the container ends; for one container.")
    var follow = false
    @Argument(help: "Containers by identifier, unique prefix or name.") var containers: [String] = []

    func validate() throws {
        if follow, containers.count != 1 { throw ValidationError("--follow needs exactly one container") }
    }

    func run() async throws {
        try await connection.withClient { client in
            var names = containers
            if names.isEmpty {
                names = try await client.containers().filter { $0.phase.isAlive }.map {
                    $0.name ?? Formats.short($0.id)
                }
            }
            if follow { return try await followOne(names[0], client) }
            var table = Table(
                "NAME", "CPU", "MEMORY", "LIMIT", "PROCESSES", "NET IN", "NET OUT", "DISK READ", "DISK WRITTEN")
            var samples: [String: StatsSample] = [:]
            for (name, pair) in try await Self.samples(names, client) {
                samples[name] = pair.1
                table.rows.append([name] + Self.cells(pair.1, before: pair.0))
            }
            try output.print(samples) { table.lines }
        }
    }

    private func followOne(_ name: String, _ client: DaemonClient) async throws {
        var before: StatsSample?
        for try await sample in try await client.containerStats(name, stream: true) {
            if output.json {
                Console.write(try WireJSON.encode(sample) + [10], to: 1)
            } else if let before {
                Console.print(Self.cells(sample, before: before).joined(separator: "  "))
            }
            before = sample
        }
    }

    /// Two samples of each container, taken side by side.
    private static func samples(
        _ names: [String], _ client: DaemonClient
    ) async throws -> [(String, (StatsSample, StatsSample))] {
        try await withThrowingTaskGroup(of: (Int, (StatsSample, StatsSample)?).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask {
                    var first: StatsSample?
                    for try await sample in try await client.containerStats(name, stream: true) {
                        if let first { return (index, (first, sample)) }
                        first = sample
                    }
                    return (index, first.map { ($0, $0) })
                }
            }
            var found: [Int: (StatsSample, StatsSample)] = [:]
            for try await (index, pair) in group { found[index] = pair }
            return names.enumerated().compactMap { index, name in found[index].map { (name, $0) } }
        }
    }

    static func cells(_ sample: StatsSample, before: StatsSample) -> [String] {
        let elapsed = Double(max(1, sample.readAt - before.readAt)) * 1_000_000
        let share = Double(sample.processorNanoseconds - before.processorNanoseconds) / elapsed
        let tenths = Int((share * 1000).rounded())
        return [
            "\(tenths / 10).\(abs(tenths % 10)) %", Formats.bytes(sample.memoryBytes),
            sample.memoryLimitBytes.map(Formats.bytes) ?? "-", "\(sample.processes)",
            Formats.bytes(sample.receivedBytes),
            Formats.bytes(sample.sentBytes), Formats.bytes(sample.blockReadBytes),
            Formats.bytes(sample.blockWrittenBytes),
        ]
    }
}
