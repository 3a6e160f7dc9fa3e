internal import ArgumentParser
internal import Client

/// `martlet image delete`.
struct ImageDelete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete", abstract: "Remove names, and images with their last name.",
        discussion: """
            An image that a container uses is kept unless --force is given.

            Examples:
              martlet image delete alpine:3.19
              martlet image delete 3f1a2b4c5d6e
            """, aliases: ["rm"])

    @OptionGroup var connection: ConnectionOptions
    @Flag(name: .shortAndLong, help: "Also when a stopped container uses it.") var force = false
    @Argument(help: "Images by name, digest or unique prefix of the digest.") var images: [String]

    func run() async throws {
        try await connection.withClient { client in
            let force = force
            try await ManyObjects.forEach(images) { try await client.deleteImage($0, force: force) }
        }
    }
}
