internal import Apps

/// A value as it stands in the file or the environment.
indirect enum RawSetting: Sendable, Hashable {
    case scalar(String)
    case list([RawSetting])
    case mapping([String: RawSetting])

    /// How it is shown in errors.
    var text: String {
        switch self {
        case .scalar(let text): text
        case .list(let elements): "[" + elements.map(\.text).joined(separator: ", ") + "]"
        case .mapping(let members):
            "{" + members.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.text)" }.joined(separator: ", ") + "}"
        }
    }
}

/// The rule that a value breaks.
struct RuleBroken: Error {
    let rule: String
    init(_ rule: String) { self.rule = rule }
}

/// What a key can hold.
protocol ConfigurationValue: Sendable {
    /// - Throws: ``RuleBroken``.
    init(raw: RawSetting) throws
    /// How it is shown.
    var shown: String { get }
}

extension String: ConfigurationValue {
    init(raw: RawSetting) throws {
        guard case .scalar(let text) = raw else { throw RuleBroken("it is a text") }
        self = text
    }
    var shown: String { self }
}

extension Int: ConfigurationValue {
    init(raw: RawSetting) throws {
        guard case .scalar(let text) = raw, let value = Int(text) else { throw RuleBroken("it is a whole number") }
        self = value
    }
    var shown: String { "\(self)" }
}

extension Bool: ConfigurationValue {
    init(raw: RawSetting) throws {
        switch raw {
        case .scalar("true"), .scalar("yes"), .scalar("on"), .scalar("1"): self = true
        case .scalar("false"), .scalar("no"), .scalar("off"), .scalar("0"): self = false
        default: throw RuleBroken("it is true or false")
        }
    }
    var shown: String { "\(self)" }
}

extension Array: ConfigurationValue where Element: ConfigurationValue {
    init(raw: RawSetting) throws {
        switch raw {
        case .list(let elements): self = try elements.map { try Element(raw: $0) }
        // The form that the environment has.
        case .scalar(let text):
            self = try text.split(separator: ",").map {
                try Element(raw: .scalar(String($0).trimmingCharactersOfSpace()))
            }
        case .mapping: throw RuleBroken("it is a list")
        }
    }
    var shown: String { "[" + map(\.shown).joined(separator: ", ") + "]" }
}

extension Dictionary: ConfigurationValue where Key == String, Value == String {
    init(raw: RawSetting) throws {
        switch raw {
        case .mapping(let members): self = try members.mapValues { try String(raw: $0) }
        // The form that the environment has: `name=text,name=text`, in braces or without.
        case .scalar(let text):
            self = [:]
            for pair in text.drop(while: { $0 == "{" }).split(separator: ",") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 1, pair.allSatisfy({ $0 == "}" || $0 == " " }) { continue }
                guard parts.count == 2 else { throw RuleBroken("it is a mapping of names to texts") }
                self[String(parts[0]).trimmingCharactersOfSpace()] = String(parts[1])
            }
        case .list: throw RuleBroken("it is a mapping of names to texts")
        }
    }
    var shown: String { "{" + keys.sorted().joined(separator: ", ") + "}" }
}

/// One call, as `{plugin: container.in, method: config, arguments: ["regex:.*"]}`.
extension Grant: ConfigurationValue {
    init(raw: RawSetting) throws {
        guard case .mapping(let members) = raw else {
            throw RuleBroken("each entry is a mapping with plugin, method and arguments")
        }
        let known: Set<String> = ["plugin", "method", "arguments", "secrets", "permit"]
        if let unknown = members.keys.filter({ !known.contains($0) }).min() {
            throw RuleBroken("`\(unknown)` is none of \(known.sorted().joined(separator: ", "))")
        }
        guard let plugin = try members["plugin"].map({ try String(raw: $0) }), !plugin.isEmpty else {
            throw RuleBroken("`plugin` is missing")
        }
        self.init(
            plugin: plugin, method: try members["method"].map { try String(raw: $0) } ?? "",
            arguments: try members["arguments"].map { try [String](raw: $0) } ?? [],
            secrets: try members["secrets"].map { try [[String]](raw: $0) } ?? [],
            permit: try members["permit"].map { try [String](raw: $0) } ?? [])
    }
    var shown: String {
        "\(plugin).\(method.isEmpty ? "*" : method)(\(arguments.joined(separator: ", ")))"
    }
}

/// A word out of a few.
protocol ConfigurationChoice: ConfigurationValue, RawRepresentable, CaseIterable where RawValue == String {}

extension ConfigurationChoice {
    init(raw: RawSetting) throws {
        guard case .scalar(let text) = raw, let value = Self(rawValue: text) else {
            throw RuleBroken("it is one of \(Self.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        self = value
    }
    var shown: String { rawValue }
}

extension String {
    /// Without blanks at both ends.
    func trimmingCharactersOfSpace() -> String {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
