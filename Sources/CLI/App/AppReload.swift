internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet app reload`.
struct AppReload: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Read the source of apps again and serve the new version.",
        discussion: """
            The new version takes requests once it is healthy; until then, and if it fails, the old one does.
            Nothing is built or restarted when nothing has changed.
            The new version of an app with staging is served there; --promote brings it to production, too.

            Examples:
              martlet app reload /hello
              martlet app reload --approve --param currency=USD /shop
            """)

    @OptionGroup var connection: ConnectionOptions
    @Flag(name: .shortAndLong, help: "Approve what the source asks for in addition.") var approve = false
    @Flag(help: "Bring it to production, too, if the app has staging.") var promote = false
    @Flag(help: "Start the new version even if the app does not run, and insist that it is healthy.") var verify = false
    @Flag(name: .shortAndLong, help: "Also when the source is unchanged.") var force = false
    @Flag(help: "Change nothing, only report.") var dryRun = false
    @Flag(name: .shortAndLong, help: "Show no progress.") var quiet = false
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Parameter that changes, `name=-` deletes it; may be repeated.", valueName: "name=value"))
    var param: [String] = []
    @Option(
        name: [.long, .customLong("carg")],
        help: ArgumentHelp(
            "Build argument that changes, `name=-` deletes it; may be repeated.", valueName: "name=value"))
    var containerArg: [String] = []
    @Argument(help: "Apps by address or identifier.") var apps: [String]

    func run() async throws {
        var request = ReloadAppRequest()
        request.approve = approve ? true : nil
        request.promote = promote ? true : nil
        request.verify = verify ? true : nil
        request.force = force ? true : nil
        request.dryRun = dryRun ? true : nil
        let changes = try RunSyntax.pairs(param, option: "--param") ?? [:]
        let values = changes.filter { $0.value != "-" }
        request.parameters = values.isEmpty ? nil : values
        let deleted = changes.filter { $0.value == "-" }.keys.sorted()
        request.deletedParameters = deleted.isEmpty ? nil : deleted
        let arguments = try RunSyntax.pairs(containerArg, option: "--container-arg") ?? [:]
        let given = arguments.filter { $0.value != "-" }
        request.buildArguments = given.isEmpty ? nil : given
        let dropped = arguments.filter { $0.value == "-" }.keys.sorted()
        request.deletedBuildArguments = dropped.isEmpty ? nil : dropped
        let final = request
        let showsProgress = !quiet && apps.count == 1
        let dryRun = dryRun
        try await connection.withClient { client in
            try await ManyObjects.forEach(apps) { name in
                let change = try await withProgress(quiet: !showsProgress) {
                    try await client.reloadApp(name, final, onEvent: $0)
                }
                for line in AppCommand.lines(change, dryRun: dryRun) { Console.note(line) }
            }
        }
    }
}
