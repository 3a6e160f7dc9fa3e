internal import Starlark

/// What `container.config` was told.
struct ContainerConfig: Sendable, Hashable {
    /// Where the image comes from.
    enum Source: Sendable, Hashable {
        case automatic
        /// A container file, relative to the source.
        case file(String)
        /// A reference, as written.
        case image(String)
    }

    var source: Source
    /// 0 asks for the port of the file or the image.
    var port: Int
    var scheme: ProxyRouteOptions.Scheme
    var health: String
    /// Whether there is no service, only `container.run`.
    var isCommand: Bool
    /// Relative to the source; empty is its root.
    var buildDirectory: String
    var volumes: [String]
    /// Secrets in it are templates.
    var buildArguments: [String: String]
    /// The secrets of the grant that allowed the call.
    var secrets: [[String]]
    /// For development apps.
    var development: DevelopmentSettings
}

/// A ``ContainerConfig`` in the hands of a program.
final class ContainerConfigValue: HostValue {
    let config: ContainerConfig
    private let fields: [(name: String, value: JSONValue)]

    init(_ config: ContainerConfig, fields: [(name: String, value: JSONValue)]) {
        self.config = config
        self.fields = fields
    }

    let typeName = "container_config"
    var attributeNames: [String] { fields.map(\.name) }

    func attribute(_ name: String, in evaluation: Evaluation) throws -> Value? {
        fields.first { $0.name == name }?.value.starlark
    }
}

/// The plugin `container.in`.
enum ContainerPlugin {
    static let name = "container.in"
    static let imagePrefix = "image:"

    /// The module `container`.
    static var module: Value {
        .module(
            "container",
            [
                ("config", .function(config.native)), ("run", .function(run.native)),
                ("URL", .string(PermissionPolicy.containerURL)), ("AUTO", "auto"), ("NIXPACKS", "nixpacks"),
                ("IMAGE_PREFIX", .string(imagePrefix)), ("COMMAND", "command"),
            ])
    }

    static let config = PluginFunction(
        plugin: name, name: "config", access: .read,
        parameters: [
            PluginParameter("src", .string, .string("auto")), PluginParameter("port", .int, .int(0)),
            PluginParameter("scheme", .string, .string("http")), PluginParameter("health", .string, .string("/")),
            PluginParameter("lifetime", .string, .string("app")), PluginParameter("build_dir", .string, .string("")),
            PluginParameter("volumes", .strings, .array([])), PluginParameter("cargs", .dict, .object([])),
            PluginParameter("dev_settings", .dict, .object([])),
        ]
    ) { arguments, _ in
        let config = try ContainerConfig(arguments)
        let fields = ["lifetime", "scheme", "health", "build_dir", "volumes", "cargs", "dev_settings", "port"].map {
            (name: $0, value: arguments.written($0))
        }
        return .value(.host(ContainerConfigValue(config, fields: [("source", arguments.written("src"))] + fields)))
    }

    static let run = PluginFunction(
        plugin: name, name: "run", access: .write,
        parameters: [
            PluginParameter("path", .string, nil), PluginParameter("args", .strings, .array([])),
            PluginParameter("env", .strings, .array([])), PluginParameter("process_partial", .bool, .bool(false)),
            PluginParameter("stdout_file", .bool, .bool(false)), PluginParameter("parse", .string, .string("")),
            PluginParameter("parse_json", .bool, .bool(false), keywordOnly: true),
            PluginParameter("stream", .bool, .bool(false), keywordOnly: true),
            PluginParameter("include_stderr", .bool, .bool(true), keywordOnly: true),
            PluginParameter("cwd", .string, .string(""), keywordOnly: true),
            PluginParameter("timeout", .int, .int(300), keywordOnly: true),
        ]
    ) { arguments, scope in
        guard case .handler(let runner) = scope.purpose else {
            throw AppError(.pluginArgument, "`run` works only inside a handler or an action, not while the app loads")
        }
        let format = try runFormat(arguments)
        let command = try runCommand(arguments, format: format)
        if arguments.bool("stream") { return .stream(command) }
        let result = try runner.run(command)
        if result.timedOut { throw AppError.commandTimeout(command.timeoutSeconds) }
        if let file = result.file, result.exitCode == 0 { return .value(.string(file)) }
        let accepts = arguments.bool("process_partial") && !result.output.isEmpty
        guard result.exitCode == 0 || accepts else {
            throw AppError.commandExit(result.exitCode, stderr: result.errorTail)
        }
        return .value(
            try RunOutput.value(of: result.output, format: format, isTruncated: result.isTruncated).starlark)
    }

    private static func runFormat(_ arguments: PluginArguments) throws -> RunOutputFormat {
        let parse = arguments.string("parse")
        guard let format = RunOutputFormat(rawValue: parse) else { throw AppError.commandFormat(parse) }
        guard arguments.bool("parse_json") else { return format }
        guard format == .lines || format == .json else {
            throw AppError.argumentValue("run", "parse_json", "contradicts parse=`\(parse)`")
        }
        return .json
    }

    private static func runCommand(_ arguments: PluginArguments, format: RunOutputFormat) throws -> RunCommand {
        let path = arguments.string("path")
        guard !path.isEmpty else { throw AppError.argumentValue("run", "path", "must not be empty") }
        guard !arguments.bool("stream") || format != .json && !arguments.bool("stdout_file") else {
            throw AppError.argumentValue("run", "stream", "goes neither with json nor with stdout_file")
        }
        let timeout = arguments.int("timeout")
        guard timeout > 0, timeout <= 86_400 else {
            throw AppError.argumentValue("run", "timeout", "must be between 1 and 86400 seconds")
        }
        var command = RunCommand(path: path, arguments: arguments.strings("args"))
        for entry in arguments.strings("env") {
            guard let equals = entry.firstIndex(of: "="), equals != entry.startIndex else {
                throw AppError.argumentValue("run", "env", "must be a list of NAME=value")
            }
            command.environment[String(entry[..<equals])] = String(entry[entry.index(after: equals)...])
        }
        let directory = arguments.string("cwd")
        command.workingDirectory = directory.isEmpty ? nil : directory
        command.timeoutSeconds = timeout
        command.includesErrorOutput = format == .lines && arguments.bool("include_stderr")
        command.toFile = arguments.bool("stdout_file")
        return command
    }
}

extension ContainerConfig {
    /// Checks the arguments of `container.config`.
    init(_ arguments: PluginArguments) throws {
        func text(_ name: String, or fallback: String) -> String {
            let given = arguments.string(name)
            return given.isEmpty ? fallback : given
        }
        let source = text("src", or: "auto")
        if source == "nixpacks" { throw AppError.nixpacks }
        if source == "auto" {
            self.source = .automatic
        } else if source.hasPrefix(ContainerPlugin.imagePrefix) {
            self.source = .image(String(source.dropFirst(ContainerPlugin.imagePrefix.count)))
        } else {
            self.source = .file(try Self.beneath(source, parameter: "src"))
        }
        port = arguments.int("port")
        guard (0...65_535).contains(port) else {
            throw AppError.argumentValue("config", "port", "must be between 0 and 65535, not \(port)")
        }
        guard let scheme = ProxyRouteOptions.Scheme(rawValue: text("scheme", or: "http")) else {
            throw AppError.argumentValue("config", "scheme", "must be `http` or `https`")
        }
        self.scheme = scheme
        health = text("health", or: "/")
        isCommand = text("lifetime", or: "app") == "command"
        let directory = arguments.string("build_dir")
        buildDirectory = directory == "/" ? "" : try Self.beneath(directory, parameter: "build_dir")
        volumes = arguments.strings("volumes")
        // Resolved when the image is built, so that what is secret is known to be.
        if case .object(let members) = arguments.written("cargs") {
            buildArguments = Dictionary(members.map { ($0.key, $0.value.plainText) }, uniquingKeysWith: { $1 })
        } else {
            buildArguments = [:]
        }
        secrets = arguments.grant.secrets
        development = try DevelopmentSettings(arguments.entries("dev_settings"))
    }

    /// A relative path without `..`; the kernel checks again when it is opened.
    private static func beneath(_ path: String, parameter: String) throws -> String {
        let parts = path.split(separator: "/").filter { $0 != "." }
        guard !parts.contains("..") else {
            throw AppError.argumentValue("config", parameter, "must stay in the source")
        }
        return parts.joined(separator: "/")
    }
}
