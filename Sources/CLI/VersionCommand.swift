internal import ArgumentParser
internal import Client
internal import Core
internal import Wire

/// `martlet version`.
struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the versions of this program and of the daemon.",
        discussion: """
            Succeeds without a daemon too.

            Examples:
              martlet version
              martlet version --json
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    /// Both versions.
    struct Versions: Encodable {
        let client: String
        let server: VersionInfo?
    }

    func run() async throws {
        let address = try connection.address()
        let daemon: VersionInfo?
        do {
            daemon = try await connection.withClient { try await $0.version() }
        } catch let error as ClientError where error.code == .noDaemon {
            daemon = nil
        }
        try output.print(Versions(client: ProductVersion.current, server: daemon)) {
            let client = "martlet \(ProductVersion.current)"
            guard let daemon else { return [client, "no daemon at `\(address)`"] }
            return [
                client,
                "daemon \(daemon.version), engine \(daemon.engine), instance \(daemon.instance), process \(daemon.processID)",
            ]
        }
    }
}
