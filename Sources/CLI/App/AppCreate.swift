internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app create`.
struct AppCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Create an app from its source and serve it at an address.",
        discussion: """
            The source is a directory of the daemon's machine, or `-` for an app that is only a spec.
            The address is a path, or `domain:path`. What the source asks for must be approved before it runs:
            --approve does so at once. The first request builds and starts it.
            With --staging changes land on a twin with an address of its own, until `app promote`.
            With --dev the source is not copied: the app follows it while you edit.

            Examples:
              martlet app create ./hello /hello --approve
              martlet app create ./shop shop.example.com:/ --param currency=EUR
              martlet app create ./hello /try --dev --approve
              martlet app create ./shop /shop --staging --approve
              martlet app create - /cmd --spec image-cmd --param image=alpine --approve
            """)

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions
    @Flag(name: .shortAndLong, help: "Approve what the source asks for.") var approve = false
    @Flag(name: .shortAndLong, help: "Read the source where it is, and reload the app whenever it changes.")
    var dev = false
    @Flag(inversion: .prefixedNo, help: "Give it a staging twin, on which changes land first.") var staging: Bool?
    @Option(help: "Where the twin is reached: `domain`, `path`, or a domain.") var stageAt: String?
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Flag(help: "Change nothing, only report.") var dryRun = false
    @Option(help: "The app spec whose files fill in what the source lacks.") var spec: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("Parameter of the app; may be repeated.", valueName: "name=value"))
    var param: [String] = []
    @Option(
        name: [.long, .customLong("copt")],
        help: ArgumentHelp("Engine option such as `cpus=2`; may be repeated.", valueName: "name[=value]"))
    var containerOption: [String] = []
    @Option(
        name: [.long, .customLong("carg")],
        help: ArgumentHelp("Build argument; may be repeated.", valueName: "name=value"))
    var containerArg: [String] = []
    @Option(
        name: [.long, .customLong("cvol")],
        help: ArgumentHelp(
            "Volume beside those of the source, as in container.config; may be repeated.", valueName: "volume"))
    var containerVolume: [String] = []
    @Argument(help: "The source directory, or `-`.") var source: String
    @Argument(help: "The address: `/path` or `domain:/path`.") var address: String

    func validate() throws {
        guard !dev || staging != true && stageAt == nil else {
            throw ValidationError("a development app has no staging: --dev and --staging exclude each other")
        }
    }

    func run() async throws {
        var request = CreateAppRequest(source: source == "-" ? source : Paths.absolute(source), address: address)
        request.approve = approve ? true : nil
        request.dryRun = dryRun ? true : nil
        request.spec = spec
        request.dev = dev ? true : nil
        request.staging = staging ?? (stageAt == nil ? nil : true)
        request.stageAt = stageAt
        request.parameters = try RunSyntax.pairs(param, option: "--param")
        request.containerOptions = try RunSyntax.pairs(containerOption, option: "--container-option", bare: "")
        request.buildArguments = try RunSyntax.pairs(containerArg, option: "--container-arg")
        request.containerVolumes = containerVolume.isEmpty ? nil : containerVolume
        let final = request
        let change = try await connection.withClient { client in
            try await withProgress(quiet: quiet || output.json) { try await client.createApp(final, onEvent: $0) }
        }
        try output.print(change) { AppCommand.lines(change, dryRun: dryRun) }
    }
}
