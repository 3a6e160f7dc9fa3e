internal import ArgumentParser
internal import FoundationEssentials
internal import Wire

/// How ports, volumes, variables are written on a command line.
enum RunSyntax {
    /// `NAME=value` pairs; `bare` is the value of a name without `=`, nil refuses one. Nil for no pairs.
    static func pairs(_ texts: [String], option: String, bare: String? = nil) throws -> [String: String]? {
        var pairs: [String: String] = [:]
        for text in texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = parts.first, !name.isEmpty, let value = parts.count == 2 ? String(parts[1]) : bare else {
                throw UsageError("\(option) `\(text)` is not valid: it is `name=value`")
            }
            pairs[String(name)] = value
        }
        return pairs.isEmpty ? nil : pairs
    }

    /// Variables of files, then of options. `NAME` alone takes the value from `own`, and nothing when it has none.
    static func environment(
        _ texts: [String], files: [String], own: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> [String: String]? {
        var lines: [String] = []
        for file in files {
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw UsageError("environment file `\(file)` cannot be read")
            }
            lines += String(decoding: bytes, as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
                .filter { !$0.trimmingWhitespace().isEmpty && !$0.trimmingWhitespace().hasPrefix("#") }
        }
        var environment: [String: String] = [:]
        for text in lines + texts {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = String(parts[0])
            guard !name.isEmpty, !name.contains(where: \.isWhitespace) else {
                throw UsageError("environment variable `\(text)` is not valid: it is `NAME=value` or `NAME`")
            }
            environment[name] = parts.count == 2 ? String(parts[1]) : own[name]
        }
        return environment.isEmpty ? nil : environment
    }

    /// `80`, `8080:80`, `127.0.0.1:8080:80`, `[::1]::80`, each with `/tcp` or `/udp`.
    static func port(_ text: String) throws -> PortSettings {
        func wrong(_ rule: String) -> UsageError {
            UsageError(
                "port `\(text)` is not valid: \(rule)", hint: "it is [[address:]host-port:]container-port[/tcp|udp]")
        }
        var rest = text[...]
        var transport: TransportChoice?
        if let slash = rest.lastIndex(of: "/") {
            guard let choice = TransportChoice(rawValue: String(rest[rest.index(after: slash)...])) else {
                throw wrong("the protocol is tcp or udp")
            }
            transport = choice
            rest = rest[..<slash]
        }
        var address: String?
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]"), rest[end...].hasPrefix("]:") else {
                throw wrong("`]:` is missing")
            }
            address = String(rest[rest.index(after: rest.startIndex)..<end])
            rest = rest[rest.index(end, offsetBy: 2)...]
        }
        var parts = rest.split(separator: ":", omittingEmptySubsequences: false)
        if address == nil, parts.count == 3 { address = String(parts.removeFirst()) }
        guard parts.count <= 2, let inside = parts.last.flatMap({ UInt16($0) }), inside > 0 else {
            throw wrong("the container's port is a number from 1 to 65535")
        }
        var hostPort: UInt16?
        if parts.count == 2, !parts[0].isEmpty {
            guard let port = UInt16(parts[0]) else { throw wrong("the host's port is a number from 0 to 65535") }
            hostPort = port
        }
        return PortSettings(hostAddress: address, hostPort: hostPort, containerPort: inside, transport: transport)
    }

    /// `source:target[:ro|rw]`; a relative source becomes absolute.
    static func mount(_ text: String) throws -> MountSettings {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 || parts.count == 3, !parts[0].isEmpty else {
            throw UsageError("volume `\(text)` is not valid: it is source:target[:ro]")
        }
        guard parts[0].hasPrefix("/") || parts[0].hasPrefix(".") || parts[0].hasPrefix("~") else {
            throw UsageError(
                "volume `\(text)` is not valid: the source is a path",
                hint: "write `./\(parts[0])` for a directory here")
        }
        guard parts[1].hasPrefix("/") else {
            throw UsageError("volume `\(text)` is not valid: the target is an absolute path inside")
        }
        guard parts.count == 2 || ["ro", "rw"].contains(parts[2]) else {
            throw UsageError("volume `\(text)` is not valid: the mode is ro or rw")
        }
        return MountSettings(
            source: Paths.absolute(parts[0]), target: parts[1],
            readOnly: parts.count == 3 && parts[2] == "ro" ? true : nil)
    }
}
