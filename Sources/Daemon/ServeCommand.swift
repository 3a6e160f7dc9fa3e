package import ArgumentParser
internal import Core
internal import FoundationEssentials
internal import Logging

/// `martlet serve`.
package struct ServeCommand: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Be the daemon: keep containers and serve apps until told to end.",
        discussion: """
            Containers go on when the daemon ends, and are found again by the next one. `martlet shutdown --remove-all`
            ends them too. The configuration is `martlet.yaml` in the root, or /etc/martlet/martlet.yaml; environment
            variables such as MARTLET_GATEWAY_HTTP_ADDRESS win over it. `martlet config show` lists every key.

            Examples:
              martlet serve
              martlet serve --root /srv/martlet --ready-file /run/martlet.ready
            """)

    @Option(help: ArgumentHelp("Directory of the instance (environment MARTLET_ROOT).", valueName: "dir"))
    var root: String?
    @Option(help: ArgumentHelp("The configuration file.", valueName: "file")) var config: String?
    @Option(help: ArgumentHelp("File or pipe that gets the line `ready <gateway address>`.", valueName: "path"))
    var readyFile: String?

    /// The command with every default.
    package init() {}

    package func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        let layout = InstanceLayout(root: try Self.absoluteRoot(root ?? environment["MARTLET_ROOT"]))
        let configuration = try Configuration(file: config ?? layout.configurationFile, environment: environment)
        let level = configuration[ConfigurationKeys.logLevel].level
        let format: LineLogHandler.Format = configuration[ConfigurationKeys.logFormat] == .json ? .json : .text
        LoggingSystem.bootstrap { LineLogHandler(label: $0, level: level, format: format) }
        HostDirectories.raiseFileLimit()
        var options = DaemonProcess.Options()
        options.readyFile = readyFile
        options.secretVariables = environment
        let daemon = DaemonProcess(
            layout: layout, configuration: configuration, options: options, makeEngine: EngineSelection.make,
            logger: Logger(label: "martlet"))
        try await daemon.run()
    }

    /// The root as an absolute path without trailing slash; nil for the system's own directories.
    private static func absoluteRoot(_ text: String?) throws -> String? {
        guard var path = text, !path.isEmpty else { return nil }
        if !path.hasPrefix("/") { path = FileManager.default.currentDirectoryPath + "/" + path }
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        guard !parts.isEmpty else {
            throw InvalidArgument(field: "root", value: path, rule: "it is a directory of its own")
        }
        return "/" + parts.joined(separator: "/")
    }
}
