internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet doctor`.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Examine whether the host has what containers need.",
        discussion: """
            Asks the daemon, or examines this machine when none runs. The exit status is 1 when something is missing.

            Examples:
              martlet doctor
              martlet doctor --json
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let report = try await connection.report({ try await $0.doctor() }, orLocally: { $0.doctor })
        try output.print(report) { Self.table(report).lines }
        if report.findings.contains(where: { $0.status == .missing }) { throw ExitCode(1) }
    }

    static func table(_ report: DoctorReport) -> Table {
        var table = Table("STATUS", "WHAT", "FOUND")
        for finding in report.findings {
            table.rows.append([finding.status.rawValue, finding.name, finding.detail])
            if finding.status != .ok, let hint = finding.hint { table.rows.append(["", "", "hint: \(hint)"]) }
        }
        return table
    }
}

extension ConnectionOptions {
    /// A report of the daemon, or of this machine when no daemon runs and none was named.
    func report<Report: Sendable>(
        _ remote: (DaemonClient) async throws -> Report,
        orLocally local: (LocalReports) -> @Sendable (_ root: String?) async throws -> Report
    ) async throws -> Report {
        do {
            return try await withClient(remote)
        } catch let error as ClientError where error.code == .noDaemon {
            guard socket == nil, host == nil, let reports = LocalReports.current else { throw error }
            return try await local(reports)(instanceRoot())
        }
    }
}
