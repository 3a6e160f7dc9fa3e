internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet image load`.
struct ImageLoad: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "load", abstract: "Load images from an OCI layout, an OCI archive or a docker archive.",
        discussion: """
            `-` reads an archive from standard input and sends it to the daemon; a path is read by the daemon itself.

            Examples:
              martlet image load image.tar
              podman save alpine | martlet image load -
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Argument(help: "A directory, an archive, or `-`.") var path: String

    func run() async throws {
        let images = try await connection.withClient { client in
            try await withProgress(quiet: quiet) { onEvent in
                path == "-"
                    ? try await client.loadImages(uploading: StandardInput.chunks(), onEvent: onEvent)
                    : try await client.loadImages(path: Paths.absolute(path), onEvent: onEvent)
            }
        }
        try output.print(images) { images.map { ImageCommand.name(of: $0.digest, references: $0.references) } }
    }
}
