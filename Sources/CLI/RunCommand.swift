internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet run`.
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a program in a new container.",
        discussion: """
            Options stand before the image; what follows the image is the program with its arguments.
            The exit status is that of the program. Signals that reach the command are passed on to the program.
            At a terminal (-it), Ctrl-P Ctrl-Q leaves the program running; `martlet container attach` comes back to it.

            Examples:
              martlet run --rm alpine echo hello
              martlet run --rm -it alpine
              martlet run -d --name web -p 8080:80 --restart unless-stopped nginx
              martlet run --rm -v ./data:/data:ro -e MODE=check --memory 256m --cpus 0.5 worker check /data
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup(title: "How it is run") var mode: RunModeOptions
    @OptionGroup var detach: DetachOptions
    @OptionGroup(title: "The container") var container: RunContainerOptions
    @OptionGroup(title: "Limits and rights") var rights: RunRightsOptions
    @Argument(help: "The image's name or digest.") var image: String
    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments, instead of the image's.")
    var command: [String] = []

    func validate() throws {
        if mode.detach, mode.rm, container.restart != "no" {
            throw ValidationError("--rm and --restart exclude each other")
        }
        if mode.detach, mode.interactive || mode.tty {
            throw ValidationError("--detach and --interactive or --tty exclude each other")
        }
    }

    func run() async throws {
        if mode.tty, mode.interactive { try Terminal.requireInput() }
        let request = try self.request()
        let code = try await connection.withClient { client in
            let info = try await create(request, client)
            if mode.detach {
                Console.print(info.summary.id)
                return Int32(0)
            }
            return try await foreground(info, client)
        }
        if code != 0 { throw ExitCode(code) }
    }

    /// Creates the container. Where the image is not here yet, that takes a while and is worth showing.
    private func create(_ request: CreateContainerRequest, _ client: DaemonClient) async throws -> ContainerInfo {
        if request.pull != .always {
            var local = request
            local.pull = .never
            do {
                return try await client.createContainer(local)
            } catch let problem as Problem where problem.code == "image-not-found" && request.pull != .never {
                // Fetched below.
            }
        }
        return try await withProgress(quiet: mode.quiet) { try await client.createContainer(request, onEvent: $0) }
    }

    /// Connects to the streams, then starts, so that no output is missed.
    private func foreground(_ info: ContainerInfo, _ client: DaemonClient) async throws -> Int32 {
        let id = info.summary.id
        do {
            let session = try await client.attach(
                id, AttachRequest(start: true, size: mode.tty ? Terminal.size : nil))
            let outcome = try await Interaction(
                client: client, session: session.id, input: mode.interactive, terminal: mode.tty,
                keys: detach.detachKeys
            ).run()
            guard case .exited(let code) = outcome else { return 0 }
            // It deletes itself; this only waits for that, so that the next command does not see it any more.
            if mode.rm { try? await client.deleteContainer(id, force: true) }
            return code
        } catch {
            // What never ran is not left behind; a failure to delete it must not hide why it did not run.
            if mode.rm { try? await client.deleteContainer(id, force: true) }
            guard let code = StartFailure.exitStatus(error) else { throw error }
            Console.report(error)
            return code
        }
    }

    /// What is sent to the daemon.
    func request() throws -> CreateContainerRequest {
        var settings = ContainerSettings(image: image)
        settings.command = command.isEmpty ? nil : command
        settings.terminal = mode.tty ? true : nil
        settings.openInput = mode.interactive ? true : nil
        settings.removeOnExit = mode.rm ? true : nil
        try container.apply(to: &settings)
        try rights.apply(to: &settings)
        var request = CreateContainerRequest(settings: settings)
        request.start = mode.detach
        request.pull = mode.pull
        return request
    }
}

/// How a program is run.
struct RunModeOptions: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Pass standard input on.") var interactive = false
    @Flag(name: .shortAndLong, help: "Give the program a terminal.") var tty = false
    @Flag(name: .shortAndLong, help: "Start it, print its identifier and return.") var detach = false
    @Flag(help: "Delete the container when the program has ended.") var rm = false
    @Flag(name: .shortAndLong, help: "Show no progress of the image.") var quiet = false
    @Option(help: "When the registry is asked for the image: \(PullChoice.allTexts.joined(separator: ", ")).")
    var pull: PullChoice = .missing
}

extension PullChoice: ExpressibleByArgument {}
