internal import Core
internal import Engines
internal import Wire

extension ContainerSpec {
    /// The specification that a request asks for.
    /// - Throws: `InvalidArgument` naming the field, the value and the rule.
    init(_ settings: ContainerSettings) throws {
        self.init(image: settings.image)
        guard !image.isEmpty, image.utf8.count <= 512 else {
            throw InvalidArgument(field: "image", value: image, rule: "it is the name or digest of an image")
        }
        if let text = settings.name {
            guard let name = ContainerName(rawValue: text) else {
                throw InvalidArgument(
                    field: "name", value: text,
                    rule: "1 to 63 letters, digits, `_`, `.`, `-`, beginning with a letter or digit")
            }
            self.name = name
        }
        entrypoint = settings.entrypoint
        command = settings.command
        for (name, value) in settings.environment ?? [:] {
            environment[try Self.variable(name, value)] = .plain(value)
        }
        for (name, value) in settings.secretEnvironment ?? [:] {
            environment[try Self.variable(name, value)] = .secret(value)
        }
        workingDirectory = try settings.workingDirectory.map { try Self.absolute($0, "workingDirectory") }
        user = settings.user
        hostname = settings.hostname
        labels = settings.labels ?? [:]
        if let label = labels.keys.filter({ $0.hasPrefix("martlet.") }).min() {
            throw InvalidArgument(field: "labels", value: label, rule: "labels that begin with `martlet.` are reserved")
        }
        mounts = try (settings.mounts ?? []).enumerated().map { index, mount in
            BindMount(
                source: try Self.absolute(mount.source, "mounts[\(index)].source"),
                target: try Self.absolute(mount.target, "mounts[\(index)].target"), readOnly: mount.readOnly ?? false)
        }
        ports = try (settings.ports ?? []).enumerated().map { try PublishedPort($1, field: "ports[\($0)]") }
        network = settings.network.map(NetworkMode.init) ?? .bridge
        networkAliases = settings.networkAliases ?? []
        terminal = settings.terminal ?? false
        openInput = settings.openInput ?? false
        removeOnExit = settings.removeOnExit ?? false
        if let text = settings.stopSignal {
            _ = try SignalName.number(text, field: "stopSignal")
            stopSignal = text
        }
        try setPolicies(settings)
    }

    private mutating func setPolicies(_ settings: ContainerSettings) throws {
        if let limits = settings.limits { self.limits = try ResourceLimits(limits) }
        if let security = settings.security {
            self.security.addedCapabilities = security.addedCapabilities ?? []
            self.security.droppedCapabilities = security.droppedCapabilities ?? []
            self.security.readOnlyRoot = security.readOnlyRoot ?? false
            self.security.noNewPrivileges = security.noNewPrivileges ?? true
        }
        if let text = settings.restart {
            guard let policy = RestartPolicy(parsing: text) else {
                throw InvalidArgument(
                    field: "restart", value: text, rule: "it is one of no, on-failure[:n], always, unless-stopped")
            }
            restart = policy
        }
        health = try settings.health.map { try HealthCheck($0) }
        if let grace = settings.stopGraceSeconds {
            guard (0...86_400).contains(grace) else {
                throw InvalidArgument(field: "stopGraceSeconds", value: "\(grace)", rule: "it is from 0 to 86400")
            }
            stopGraceSeconds = grace
        }
        if removeOnExit, restart != .no {
            throw InvalidArgument(
                field: "removeOnExit", value: "true", rule: "a container that is restarted cannot be removed on exit")
        }
    }

    private static func variable(_ name: String, _ value: String) throws -> String {
        guard !name.isEmpty, !name.contains("="), !name.contains("\0"), !value.contains("\0") else {
            throw InvalidArgument(
                field: "environment variable", value: name, rule: "names have no `=`, and nothing holds a zero byte")
        }
        return name
    }

    private static func absolute(_ path: String, _ field: String) throws -> String {
        guard path.hasPrefix("/"), !path.contains("\0") else {
            throw InvalidArgument(field: field, value: path, rule: "it is an absolute path")
        }
        return path
    }
}

extension NetworkMode {
    init(_ choice: NetworkChoice) {
        switch choice {
        case .bridge: self = .bridge
        case .none: self = .none
        case .host: self = .host
        }
    }
}

extension NetworkChoice {
    init(_ mode: NetworkMode) {
        switch mode {
        case .bridge: self = .bridge
        case .none: self = .none
        case .host: self = .host
        }
    }
}

extension PublishedPort {
    init(_ settings: PortSettings, field: String) throws {
        guard settings.containerPort > 0 else {
            throw InvalidArgument(field: "\(field).containerPort", value: "0", rule: "it is from 1 to 65535")
        }
        let address = settings.hostAddress ?? "127.0.0.1"
        guard address.allSatisfy({ $0.isHexDigit || $0 == "." || $0 == ":" }), !address.isEmpty else {
            throw InvalidArgument(field: "\(field).hostAddress", value: address, rule: "it is an IP address")
        }
        self.init(
            hostAddress: address, hostPort: settings.hostPort ?? 0, containerPort: settings.containerPort,
            transport: settings.transport == .udp ? .udp : .tcp)
    }
}

extension PortSettings {
    init(_ port: PublishedPort) {
        self.init(
            hostAddress: port.hostAddress, hostPort: port.hostPort, containerPort: port.containerPort,
            transport: port.transport == .udp ? .udp : .tcp)
    }
}

extension ResourceLimits {
    init(_ settings: LimitSettings) throws {
        self.init()
        if let bytes = settings.memoryBytes {
            guard bytes >= 1 << 20 else {
                throw InvalidArgument(field: "limits.memoryBytes", value: "\(bytes)", rule: "it is at least 1048576")
            }
            memory = ByteCount(bytes)
        }
        if let cpus = settings.milliCPUs {
            guard (10...10_000_000).contains(cpus) else {
                throw InvalidArgument(field: "limits.milliCPUs", value: "\(cpus)", rule: "it is from 10 to 10000000")
            }
            milliCPUs = cpus
        }
        if let count = settings.processes {
            guard count == -1 || count > 0 else {
                throw InvalidArgument(
                    field: "limits.processes", value: "\(count)", rule: "it is positive, or -1 for unlimited")
            }
            processes = count == -1 ? nil : count
        }
    }
}

extension HealthCheck {
    init(_ settings: HealthSettings) throws {
        let probes: [Probe] = try [
            settings.http.map { http in
                let lowest = http.lowestStatus ?? 200
                let highest = http.highestStatus ?? max(lowest, 299)
                guard (100...599).contains(lowest), (lowest...599).contains(highest) else {
                    throw InvalidArgument(
                        field: "health.http", value: "\(lowest)-\(highest)",
                        rule: "statuses are from 100 to 599, ascending")
                }
                guard ["http", "https"].contains(http.scheme ?? "http") else {
                    throw InvalidArgument(
                        field: "health.http.scheme", value: http.scheme ?? "", rule: "it is http or https")
                }
                return .http(
                    scheme: http.scheme ?? "http", port: http.port, path: http.path ?? "/", statuses: lowest...highest)
            }, settings.tcp.map { .tcp(port: $0.port) }, settings.command.map { .command($0) },
        ].compactMap { $0 }
        guard probes.count == 1 else {
            throw InvalidArgument(
                field: "health", value: "\(probes.count) probes", rule: "exactly one of http, tcp, command is set")
        }
        self.init(probe: probes[0])
        timeoutMilliseconds = settings.timeoutMilliseconds ?? timeoutMilliseconds
        startAttempts = settings.startAttempts ?? startAttempts
        intervalMilliseconds = settings.intervalMilliseconds ?? intervalMilliseconds
        failuresUntilUnhealthy = settings.failuresUntilUnhealthy ?? failuresUntilUnhealthy
        guard timeoutMilliseconds > 0, startAttempts > 0, intervalMilliseconds >= 0, failuresUntilUnhealthy > 0 else {
            throw InvalidArgument(field: "health", value: "timing", rule: "times and counts are positive")
        }
    }
}

extension ContainerSettings {
    /// What a specification says, secrets as stars.
    init(_ spec: ContainerSpec) {
        self.init(image: spec.image)
        name = spec.name?.rawValue
        entrypoint = spec.entrypoint
        command = spec.command
        var plain: [String: String] = [:]
        var secret: [String: String] = [:]
        for (name, value) in spec.environment {
            switch value {
            case .plain(let text): plain[name] = text
            case .secret, .withheld: secret[name] = "******"
            }
        }
        environment = plain.isEmpty ? nil : plain
        secretEnvironment = secret.isEmpty ? nil : secret
        workingDirectory = spec.workingDirectory
        user = spec.user
        hostname = spec.hostname
        labels = spec.labels.isEmpty ? nil : spec.labels
        let mounts = spec.mounts.map { MountSettings(source: $0.source, target: $0.target, readOnly: $0.readOnly) }
        self.mounts = mounts.isEmpty ? nil : mounts
        ports = spec.ports.isEmpty ? nil : spec.ports.map(PortSettings.init)
        network = NetworkChoice(spec.network)
        networkAliases = spec.networkAliases.isEmpty ? nil : spec.networkAliases
        var limits = LimitSettings()
        limits.memoryBytes = spec.limits.memory?.rawValue
        limits.milliCPUs = spec.limits.milliCPUs
        limits.processes = spec.limits.processes ?? -1
        self.limits = limits
        var security = SecuritySettings()
        security.addedCapabilities = spec.security.addedCapabilities.isEmpty ? nil : spec.security.addedCapabilities
        security.droppedCapabilities =
            spec.security.droppedCapabilities.isEmpty ? nil : spec.security.droppedCapabilities
        security.readOnlyRoot = spec.security.readOnlyRoot
        security.noNewPrivileges = spec.security.noNewPrivileges
        self.security = security
        terminal = spec.terminal
        openInput = spec.openInput
        restart = spec.restart.description
        health = spec.health.map(HealthSettings.init)
        stopSignal = spec.stopSignal
        stopGraceSeconds = spec.stopGraceSeconds
        removeOnExit = spec.removeOnExit
    }
}

extension HealthSettings {
    init(_ check: HealthCheck) {
        self.init()
        switch check.probe {
        case .http(let scheme, let port, let path, let statuses):
            var http = HTTPProbeSettings(port: port)
            http.scheme = scheme
            http.path = path
            http.lowestStatus = statuses.lowerBound
            http.highestStatus = statuses.upperBound
            self.http = http
        case .tcp(let port): tcp = TCPProbeSettings(port: port)
        case .command(let words): command = words
        }
        timeoutMilliseconds = check.timeoutMilliseconds
        startAttempts = check.startAttempts
        intervalMilliseconds = check.intervalMilliseconds
        failuresUntilUnhealthy = check.failuresUntilUnhealthy
    }
}
