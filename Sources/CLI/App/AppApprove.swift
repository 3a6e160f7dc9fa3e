internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app approve`.
struct AppApprove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "approve", abstract: "Allow apps what their source asks for.",
        discussion: """
            --dry-run lists what that is.

            Examples:
              martlet app approve --dry-run /hello
              martlet app approve /hello /shop
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(name: .shortAndLong, help: "Bring what is staged to production, too.") var promote = false
    @Flag(help: "Change nothing, only report.") var dryRun = false
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        try await connection.withClient { client in
            let (dryRun, promote) = (dryRun, promote)
            try await ManyObjects.forEach(apps) { name in
                let change = try await client.approveApp(
                    name, ApproveAppRequest(dryRun: dryRun ? true : nil, promote: promote ? true : nil))
                guard dryRun else { return }
                for line in AppCommand.wishes(change.audit) { Console.note("\(name) asks to \(line)") }
            }
        }
    }
}
