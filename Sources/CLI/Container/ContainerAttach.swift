internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet container attach`.
struct ContainerAttach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attach", abstract: "Connect with the streams of a container's first process.",
        discussion: """
            The exit status is that of the process. Where the container has a terminal, Ctrl-P Ctrl-Q leaves it running.

            Examples:
              martlet container attach web
              martlet container attach --no-input --detach-keys ctrl-x web
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var keys: DetachOptions
    @Flag(help: "Do not pass standard input on.") var noInput = false
    @Argument(help: "A container by identifier, unique prefix or name.") var container: String

    func run() async throws {
        let outcome = try await connection.withClient { client in
            let settings = try await client.container(container).settings
            let terminal = settings.terminal ?? false
            let session = try await client.attach(container, AttachRequest(size: terminal ? Terminal.size : nil))
            if terminal, Console.inputIsTerminal { Console.note("attached; \(keys.detachKeys) leaves it running") }
            return try await Interaction(
                client: client, session: session.id, input: !noInput && settings.openInput ?? false, terminal: terminal,
                keys: keys.detachKeys
            ).run()
        }
        if case .exited(let code) = outcome { throw ExitCode(code) }
    }
}

/// How the terminal is given back.
struct DetachOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("What is typed to leave the container running; empty for nothing.", valueName: "keys"))
    var detachKeys = DetachKeys.standard
}

extension DetachKeys: CustomStringConvertible {
    /// As it is written on the command line.
    var description: String {
        keys.map { byte in
            let isControl = byte < 0x20
            let character = Character(UnicodeScalar(isControl ? byte + 0x40 : byte))
            return isControl ? "ctrl-\(character.lowercased())" : String(character)
        }.joined(separator: ",")
    }
}
