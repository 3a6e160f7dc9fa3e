internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet image prune`.
struct ImagePrune: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune", abstract: "Remove images that no container uses.",
        discussion: """
            Without --all only images without a name go.

            Examples:
              martlet image prune
              martlet image prune --all --yes
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @OptionGroup var confirmation: ConfirmOption
    @Flag(name: .shortAndLong, help: "Remove images with a name too.") var all = false

    func run() async throws {
        if all { try confirmation.confirm("remove every image that no container uses?") }
        let result = try await connection.withClient { try await $0.pruneImages(all: all) }
        try output.print(result) {
            result.removed.map(Formats.familiar) + ["\(Formats.bytes(result.freedBytes)) freed"]
        }
    }
}
