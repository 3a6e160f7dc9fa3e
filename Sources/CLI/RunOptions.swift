internal import ArgumentParser
internal import Core
internal import Wire

/// What the container of `martlet run` shall be.
struct RunContainerOptions: ParsableArguments {
    @Option(help: "Name, also in the DNS of other containers.") var name: String?
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Environment variable; NAME alone takes our value.", valueName: "name=value"))
    var env: [String] = []
    @Option(help: ArgumentHelp("File of NAME=value lines.", valueName: "file")) var envFile: [String] = []
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Port reachable from the host.", valueName: "[[address:]port:]port[/udp]"))
    var publish: [String] = []
    @Option(
        name: .shortAndLong,
        help: ArgumentHelp("Host directory or file visible inside.", valueName: "source:target[:ro]"))
    var volume: [String] = []
    @Option(name: .shortAndLong, help: ArgumentHelp("Working directory inside.", valueName: "dir")) var workdir: String?
    @Option(name: .shortAndLong, help: ArgumentHelp("User inside.", valueName: "user[:group]")) var user: String?
    @Option(help: "Program instead of the image's; empty for none.") var entrypoint: String?
    @Option(help: "Host name inside.") var hostname: String?
    @Option(help: ArgumentHelp("Label; may be repeated.", valueName: "name=value")) var label: [String] = []
    @Option(help: "Connection: \(NetworkChoice.allTexts.joined(separator: ", ")).") var network: NetworkChoice = .bridge
    @Option(help: ArgumentHelp("Further DNS name; may be repeated.", valueName: "name")) var networkAlias: [String] = []
    @Option(help: ArgumentHelp("no, on-failure[:n], always, unless-stopped.", valueName: "policy")) var restart = "no"
    @Option(help: ArgumentHelp("Seconds a stop waits before SIGKILL.", valueName: "seconds")) var stopTimeout: Int?
    @Option(help: ArgumentHelp("Signal that asks the program to end.", valueName: "signal")) var stopSignal: String?

    func apply(to settings: inout ContainerSettings) throws {
        if let name {
            guard ContainerName(rawValue: name) != nil else {
                throw UsageError(
                    "name `\(name)` is not valid: 1 to 63 letters, digits, `_`, `.`, `-`, beginning with a letter or digit"
                )
            }
            settings.name = name
        }
        settings.environment = try RunSyntax.environment(env, files: envFile)
        let ports = try publish.map(RunSyntax.port)
        settings.ports = ports.isEmpty ? nil : ports
        let mounts = try volume.map(RunSyntax.mount)
        settings.mounts = mounts.isEmpty ? nil : mounts
        settings.workingDirectory = workdir
        settings.user = user
        settings.entrypoint = entrypoint.map { $0.isEmpty ? [] : [$0] }
        settings.hostname = hostname
        settings.labels = try RunSyntax.pairs(label, option: "--label", bare: "")
        settings.network = network == .bridge ? nil : network
        settings.networkAliases = networkAlias.isEmpty ? nil : networkAlias
        guard RestartPolicy(parsing: restart) != nil else {
            throw UsageError("restart policy `\(restart)` is none of no, on-failure[:n], always, unless-stopped")
        }
        settings.restart = restart == "no" ? nil : restart
        settings.stopGraceSeconds = stopTimeout
        settings.stopSignal = stopSignal
    }
}

extension NetworkChoice: ExpressibleByArgument {}

/// What the container of `martlet run` may use and do.
struct RunRightsOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: ArgumentHelp("Upper bound, such as 512m or 2g.", valueName: "bytes")) var memory:
        String?
    @Option(help: ArgumentHelp("Processor cores, such as 0.5 or 2.", valueName: "cores")) var cpus: String?
    @Option(help: ArgumentHelp("Processes and threads; -1 for unlimited.", valueName: "count")) var pidsLimit: Int?
    @Flag(help: "The root file system refuses writes.") var readOnly = false
    @Option(help: ArgumentHelp("Capability in addition, such as NET_ADMIN.", valueName: "name")) var capAdd: [String] =
        []
    @Option(help: ArgumentHelp("Capability taken away, or ALL.", valueName: "name")) var capDrop: [String] = []
    @Flag(help: "Set-user-ID programs gain their owner's rights.") var allowNewPrivileges = false

    func apply(to settings: inout ContainerSettings) throws {
        var limits = LimitSettings()
        if let memory {
            guard let bytes = ByteCount(parsing: memory), bytes.rawValue > 0 else {
                throw UsageError("memory `\(memory)` is not valid: a number and one of b, k, m, g, such as 512m")
            }
            limits.memoryBytes = bytes.rawValue
        }
        if let cpus {
            guard let cores = Double(cpus), cores >= 0.01, cores <= 10_000 else {
                throw UsageError("cpus `\(cpus)` is not valid: a number of cores, such as 0.5")
            }
            limits.milliCPUs = Int((cores * 1000).rounded())
        }
        if let pidsLimit {
            guard pidsLimit == -1 || pidsLimit > 0 else { throw UsageError("pids limit `\(pidsLimit)` is not valid") }
            limits.processes = pidsLimit
        }
        settings.limits = limits == LimitSettings() ? nil : limits
        var security = SecuritySettings()
        security.addedCapabilities = capAdd.isEmpty ? nil : capAdd
        security.droppedCapabilities = capDrop.isEmpty ? nil : capDrop
        security.readOnlyRoot = readOnly ? true : nil
        security.noNewPrivileges = allowNewPrivileges ? false : nil
        settings.security = security == SecuritySettings() ? nil : security
    }
}
