internal import ArgumentParser
internal import Client
internal import FoundationEssentials
internal import Wire

/// `martlet image pull`.
struct ImagePull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull", abstract: "Fetch an image from a registry.",
        discussion: """
            Credentials are read from a file with one line `user:password`, so that they appear in no list of processes.

            Examples:
              martlet image pull alpine:3.20
              martlet image pull --credentials-file ~/registry.txt registry.example.com/team/web
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Flag(help: "Accept plain HTTP and unverified certificates.") var insecure = false
    @Option(help: ArgumentHelp("File with `user:password` for the registry.", valueName: "file")) var credentialsFile:
        String?
    @Argument(help: "The image's name.") var image: String

    func run() async throws {
        var request = PullImageRequest(reference: image)
        request.insecure = insecure ? true : nil
        if let credentialsFile {
            guard let bytes = FileManager.default.contents(atPath: credentialsFile) else {
                throw UsageError("credentials file `\(credentialsFile)` cannot be read")
            }
            request.credentials = String(decoding: bytes, as: UTF8.self).trimmingWhitespace()
        }
        let info = try await connection.withClient { client in
            try await withProgress(quiet: quiet) { try await client.pullImage(request, onEvent: $0) }
        }
        try output.print(info) { [ImageCommand.name(of: info.digest, references: info.references)] }
    }
}
