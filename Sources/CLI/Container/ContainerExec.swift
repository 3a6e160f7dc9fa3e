internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container exec`.
struct ContainerExec: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "exec", abstract: "Run a further process in a running container.",
        discussion: """
            The exit status is that of the process.

            Examples:
              martlet container exec web ls /srv
              martlet container exec -it web sh
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(name: .shortAndLong, help: "Pass standard input on.") var interactive = false
    @Flag(name: .shortAndLong, help: "Give the process a terminal.") var tty = false
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Environment variable; NAME alone takes our value.", valueName: "name=value"))
    var env: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("Working directory inside.", valueName: "dir")) var workdir: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("User inside.", valueName: "user[:group]")) var user: String?
    @Argument(help: "A container by identifier, unique prefix or name.") var container: String
    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.") var command: [String]

    func run() async throws {
        if tty, interactive { try Terminal.requireInput() }
        var request = ExecRequest(command: command)
        request.environment = try RunSyntax.environment(env, files: [])
        request.workingDirectory = workdir
        request.user = user
        request.terminal = tty
        request.openInput = interactive
        request.size = tty ? Terminal.size : nil
        let code = try await connection.withClient { client in
            do {
                let session = try await client.exec(container, request)
                let interaction = Interaction(
                    client: client, session: session.id, input: interactive, terminal: tty)
                guard case .exited(let code) = try await interaction.run() else { return Int32(0) }
                return code
            } catch {
                guard let code = StartFailure.exitStatus(error) else { throw error }
                Console.report(error)
                return code
            }
        }
        throw ExitCode(code)
    }
}
