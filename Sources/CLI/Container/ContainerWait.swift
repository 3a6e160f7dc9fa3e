internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container wait`.
struct ContainerWait: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "wait", abstract: "Wait until a container has ended and print its exit status.",
        discussion: """
            Examples:
              martlet container wait worker
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Argument(help: "A container by identifier, unique prefix or name.") var container: String

    func run() async throws {
        let exit = try await connection.withClient { try await $0.waitForContainer(container) }
        try output.print(exit) { [exit.code.map { "\($0)" } ?? "unknown"] }
    }
}
