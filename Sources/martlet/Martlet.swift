internal import ArgumentParser
internal import CLI
internal import Core
internal import Daemon

/// Where the program begins.
@main
enum Program {
    static func main() async {
        LocalReports.current = LocalReports(
            doctor: { try await OfflineReports.doctor(root: $0) },
            configuration: { try await OfflineReports.configuration(root: $0) })
        await CommandRunner.main(Martlet.self)
    }
}

/// `martlet`.
struct Martlet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "martlet", abstract: "A container host: from a definition to a supervised, running container.",
        discussion: """
            Examples:
              martlet serve
              martlet app create ./hello /hello --approve
              martlet run --rm alpine echo hello

            Completion for your shell: martlet --generate-completion-script bash|zsh|fish
            """,
        version: "martlet \(ProductVersion.current)",
        subcommands: [ServeCommand.self] + CLICommands.all + [ProxyCommand.self])
}
