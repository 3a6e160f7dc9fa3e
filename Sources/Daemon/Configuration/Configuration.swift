internal import FoundationEssentials
package import Wire
internal import Yams

/// The effective configuration, and where each value comes from.
package struct Configuration: Sendable {
    /// Where a value comes from.
    enum Origin: Sendable, Hashable, CustomStringConvertible {
        case standard
        case file(line: Int)
        case environment(String)

        var description: String {
            switch self {
            case .standard: "default"
            case .file(let line): "file:\(line)"
            case .environment(let name): "environment:\(name)"
            }
        }
    }

    private struct Setting {
        let raw: RawSetting
        let shown: String
        let origin: Origin
    }

    /// The file that was read, whether or not it exists.
    package let file: String
    private var settings: [String: Setting] = [:]

    /// Reads a file that need not exist, then the environment, which wins.
    /// - Throws: ``ConfigurationError`` naming the place, the key and the rule.
    package init(file: String, environment: [String: String]) throws {
        var text = ""
        if FileManager.default.fileExists(atPath: file) {
            guard let bytes = FileManager.default.contents(atPath: file) else {
                throw ConfigurationError(code: .unreadable, message: "configuration file `\(file)` cannot be read")
            }
            text = String(decoding: bytes, as: UTF8.self)
        }
        try self.init(text: text, file: file, environment: environment)
    }

    /// Reads a text as if it were the content of `file`.
    package init(text: String, file: String, environment: [String: String]) throws {
        self.file = file
        for (key, entry) in try ConfigurationFile.entries(text, file: file) {
            try set(key, entry.raw, .file(line: entry.line), place: "\(file):\(entry.line)")
        }
        for key in ConfigurationKeys.all {
            guard let value = environment[key.environmentName] else { continue }
            try set(key, .scalar(value), .environment(key.environmentName), place: "environment \(key.environmentName)")
        }
    }

    private mutating func set(_ key: AnyConfigurationKey, _ raw: RawSetting, _ origin: Origin, place: String) throws {
        do {
            settings[key.name] = Setting(raw: raw, shown: try key.check(raw), origin: origin)
        } catch let error as RuleBroken {
            throw ConfigurationError.invalidValue(key.name, raw.text, place: place, rule: error.rule)
        }
    }

    /// The value of a key.
    subscript<Value: ConfigurationValue>(_ key: ConfigurationKey<Value>) -> Value {
        guard let setting = settings[key.name] else { return key.standard }
        // It was checked when it was read.
        return (try? Value(raw: setting.raw)) ?? key.standard
    }

    /// Every key with its value and origin.
    package var report: ConfigurationReport {
        ConfigurationReport(
            file: file,
            entries: ConfigurationKeys.all.map { key in
                let setting = settings[key.name]
                return ConfigurationEntry(
                    key: key.name, value: setting?.shown ?? key.standard,
                    origin: (setting?.origin ?? .standard).description, summary: key.summary)
            })
    }
}

/// The file's YAML as keys and values with their lines.
private enum ConfigurationFile {
    struct Entry {
        let raw: RawSetting
        let line: Int
    }

    static func entries(_ text: String, file: String) throws -> [(AnyConfigurationKey, Entry)] {
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw ConfigurationError(
                code: .malformed, message: "configuration file `\(file)` is no YAML: \(describe(error))")
        }
        guard let root, !isEmpty(root) else { return [] }
        var found: [(AnyConfigurationKey, Entry)] = []
        try collect(root, prefix: "", file: file, into: &found)
        return found
    }

    private static func collect(
        _ node: Node, prefix: String, file: String, into found: inout [(AnyConfigurationKey, Entry)]
    ) throws {
        let line = node.mark?.line ?? 1
        guard case .mapping(let mapping) = node else {
            throw ConfigurationError.invalidValue(
                prefix.isEmpty ? "the file" : prefix, raw(node).text, place: "\(file):\(line)",
                rule: "it is a mapping of keys to values")
        }
        for (keyNode, value) in mapping {
            let part = keyNode.string ?? raw(keyNode).text
            let name = prefix.isEmpty ? part : "\(prefix).\(part)"
            let place = "\(file):\(keyNode.mark?.line ?? line)"
            if let key = ConfigurationKeys.all.first(where: { $0.name == name }) {
                found.append((key, Entry(raw: raw(value), line: keyNode.mark?.line ?? line)))
            } else if ConfigurationKeys.all.contains(where: { $0.name.hasPrefix(name + ".") }) {
                if !isEmpty(value) { try collect(value, prefix: name, file: file, into: &found) }
            } else {
                throw ConfigurationError.unknownKey(name, place: place, nearest: nearest(name))
            }
        }
    }

    /// The nearest whole key, else the nearest group.
    private static func nearest(_ name: String) -> String? {
        let names = ConfigurationKeys.all.map(\.name)
        let groups = Set(
            names.flatMap { name in
                let parts = name.split(separator: ".")
                return (1..<max(2, parts.count)).map { parts.prefix($0).joined(separator: ".") }
            })
        return NearestName.find(name, in: names + groups.sorted())
    }

    private static func isEmpty(_ node: Node) -> Bool {
        if case .scalar(let scalar) = node {
            return scalar.string.isEmpty || scalar.string == "null" || scalar.string == "~"
        }
        return false
    }

    private static func raw(_ node: Node) -> RawSetting {
        switch node {
        case .scalar(let scalar): .scalar(scalar.string)
        case .sequence(let sequence): .list(sequence.map(raw))
        case .mapping(let mapping):
            .mapping(
                Dictionary(
                    mapping.map { ($0.key.string ?? "", raw($0.value)) }, uniquingKeysWith: { first, _ in first }))
        case .alias: .scalar("")
        }
    }

    private static func describe(_ error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            "line \(mark.line), column \(mark.column): \(problem)"
        default: "\(error)"
        }
    }
}
