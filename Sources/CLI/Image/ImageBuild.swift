internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet image build`.
struct ImageBuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Build an image from a directory.",
        discussion: """
            The directory is read by the daemon, on its machine. The container file is `Containerfile`, else `Dockerfile`.

            Examples:
              martlet image build --tag web .
              martlet image build --tag web:test --file deploy/Containerfile --build-arg VERSION=2 --target test .
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Option(name: .shortAndLong, help: "The name the image gets.") var tag: String
    @Option(
        name: .shortAndLong, help: ArgumentHelp("The container file, relative to the directory.", valueName: "path"))
    var file: String?
    @Option(help: ArgumentHelp("Build argument; may be repeated.", valueName: "name=value")) var buildArg: [String] = []
    @Option(help: ArgumentHelp("Label of the image; may be repeated.", valueName: "name=value")) var label: [String] =
        []
    @Option(help: "The stage to stop at.") var target: String?
    @Flag(help: "Do not reuse earlier layers.") var noCache = false
    @Argument(help: "The build context.") var directory: String

    func run() async throws {
        var request = BuildImageRequest(context: Paths.absolute(directory), tag: tag)
        request.containerFile = file
        request.arguments = try RunSyntax.pairs(buildArg, option: "--build-arg")
        request.labels = try RunSyntax.pairs(label, option: "--label")
        request.target = target
        request.noCache = noCache ? true : nil
        let final = request
        let info = try await connection.withClient { client in
            try await withProgress(quiet: quiet) { try await client.buildImage(final, onEvent: $0) }
        }
        try output.print(info) { [ImageCommand.name(of: info.digest, references: info.references)] }
    }
}
