package import Core

/// What every engine asks of a specification before it does anything, and how it reads one.
extension ContainerSpec {
    /// Refuses what no engine can run.
    /// - Throws: ``EngineError`` `.invalidSpec` naming the field.
    package func validate() throws {
        for name in environment.keys where name.isEmpty || name.contains("=") || name.contains("\0") {
            throw EngineError(.invalidSpec, "environment variable `\(name)` has no valid name")
        }
        let words = (entrypoint ?? []) + (command ?? []) + environment.values.compactMap(\.exposed)
        if words.contains(where: { $0.contains("\0") }) {
            throw EngineError(.invalidSpec, "command and environment of `\(image)` must not contain NUL")
        }
        if let workingDirectory, !workingDirectory.hasPrefix("/") {
            throw EngineError(.invalidSpec, "working directory `\(workingDirectory)` is not absolute")
        }
        if let hostname, hostname.isEmpty || hostname.utf8.count > 64 || hostname.contains("\n") {
            throw EngineError(.invalidSpec, "host name `\(hostname)` is not valid", hint: "use 1 to 64 characters")
        }
        for mount in mounts { try validate(mount) }
        try validatePorts()
        if let memory = limits.memory, memory < .mebibytes(4) {
            throw EngineError(.invalidSpec, "memory limit \(memory) is below 4 MiB")
        }
        if let cpus = limits.milliCPUs, cpus < 10 {
            throw EngineError(.invalidSpec, "processor limit of \(cpus) thousandths is below 10")
        }
        if let processes = limits.processes, processes < 1 {
            throw EngineError(.invalidSpec, "process limit \(processes) is below 1")
        }
        if let stopSignal, SignalNumber(parsing: stopSignal) == nil {
            throw EngineError(.invalidSpec, "stop signal `\(stopSignal)` is not known", hint: "use a name as `SIGTERM`")
        }
    }

    private func validate(_ mount: BindMount) throws {
        for path in [mount.source, mount.target] {
            guard path.hasPrefix("/"), !path.split(separator: "/").contains(".."), !path.contains("\0") else {
                throw EngineError(.invalidSpec, "mount path `\(path)` is not absolute or contains `..`")
            }
        }
        guard mount.target != "/" else { throw EngineError(.invalidSpec, "a mount cannot cover the root `/`") }
    }

    private func validatePorts() throws {
        var taken: Set<PublishedPort> = []
        for port in ports {
            guard port.containerPort != 0 else {
                throw EngineError(.invalidSpec, "container port 0 cannot be published")
            }
            if port.hostPort != 0 {
                var key = port
                key.containerPort = 0
                guard taken.insert(key).inserted else {
                    throw EngineError(.invalidSpec, "host port \(port.hostPort) is published twice")
                }
            }
        }
        if network != .bridge, !ports.isEmpty {
            throw EngineError(
                .invalidSpec, "ports can be published on network `bridge` only",
                hint: "with network `host` the process listens on the host itself")
        }
    }

    /// Refuses what needs a capability the driver lacks.
    /// - Throws: ``EngineError`` `.unsupported` naming driver and capability.
    package func require(_ capabilities: EngineCapabilities, of engine: String) throws {
        if network == .bridge, !ports.isEmpty, !capabilities.contains(.bridge) {
            throw EngineError.unsupported(engine: engine, capability: "published ports")
        }
        if terminal, !capabilities.contains(.terminal) {
            throw EngineError.unsupported(engine: engine, capability: "terminals")
        }
        if limits.memory != nil || limits.milliCPUs != nil, !capabilities.contains(.limits) {
            throw EngineError.unsupported(engine: engine, capability: "resource limits")
        }
    }

    /// The words of the process: an entrypoint given here also drops the image's command; a command given here keeps
    /// the image's entrypoint. Source: Docker's rule for `ENTRYPOINT` and `CMD`.
    package func processArguments(_ image: ImageRunConfiguration) throws -> [String] {
        let words: [String]
        if let entrypoint {
            words = entrypoint + (command ?? [])
        } else {
            words = image.entrypoint + (command ?? image.command)
        }
        guard let program = words.first, !program.isEmpty else {
            throw EngineError(
                .invalidSpec, "image `\(self.image)` names no command and none was given",
                hint: "give the command to run")
        }
        return words
    }

    /// Whether both ask for the same; a withheld secret equals every value.
    package func isEquivalent(to other: ContainerSpec) -> Bool {
        guard environment.count == other.environment.count else { return false }
        for (name, value) in environment {
            guard let theirs = other.environment[name] else { return false }
            if value != theirs, value != .withheld, theirs != .withheld { return false }
        }
        var (left, right) = (self, other)
        left.environment = [:]
        right.environment = [:]
        return left == right
    }
}

/// A signal by number, from its name or number.
package struct SignalNumber: RawRepresentable, Hashable, Sendable {
    package let rawValue: Int32

    /// Wraps a number.
    package init(rawValue: Int32) { self.rawValue = rawValue }

    /// Reads `SIGTERM`, `TERM`, `term`, `15`, `SIGRTMIN+3`; nil for anything else. Numbers are those of Linux on
    /// x86-64 and arm64.
    package init?(parsing text: String) {
        if let number = Int32(text) {
            guard (1...64).contains(number) else { return nil }
            rawValue = number
            return
        }
        var name = text.uppercased()
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if name.hasPrefix("RTMIN") {
            let rest = name.dropFirst(5)
            guard let offset = rest.isEmpty ? 0 : Int32(rest.dropFirst()), rest.isEmpty || rest.first == "+",
                (0...30).contains(offset)
            else { return nil }
            rawValue = 34 + offset
            return
        }
        guard let index = Self.names.firstIndex(of: name) else { return nil }
        rawValue = Int32(index + 1)
    }

    private static let names = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
}
