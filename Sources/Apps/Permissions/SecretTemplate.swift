/// Replaces `{{secret "k"}}` and `{{secret_from "provider" "k"}}` in texts, within what a grant allows.
package struct SecretResolver: Sendable {
    /// Providers by name.
    package var providers: [String: any SecretProvider]
    /// The provider of `{{secret …}}`.
    package var defaultProvider: String

    /// A resolver.
    package init(providers: [String: any SecretProvider], defaultProvider: String = "env") {
        self.providers = providers
        self.defaultProvider = defaultProvider
    }

    /// Replaces all templates in `text`.
    /// - Parameter granted: lists of keys, plain or patterns, of which one must cover each use.
    /// - Returns: the text, and whether it held a secret.
    /// - Throws: ``AppError`` `.secretNone`, `.secretDenied`, `.secretProvider`; the messages name keys, never values.
    package func resolve(_ text: String, granted: [[String]]) throws -> (text: String, isSecret: Bool) {
        guard text.utf8.count >= 4, text.contains("{{"), text.contains("}}") else { return (text, false) }
        var out = ""
        var rest = text[...]
        var isSecret = false
        while let open = rest.range(of: "{{"), let close = rest[open.upperBound...].range(of: "}}") {
            out += rest[..<open.lowerBound]
            let inner = rest[open.upperBound..<close.lowerBound]
            if let use = SecretUse(inner, defaultProvider: defaultProvider) {
                out += try value(use, granted: granted)
                isSecret = true
            } else {
                out += rest[open.lowerBound..<close.upperBound]
            }
            rest = rest[close.upperBound...]
        }
        return (out + rest, isSecret)
    }

    private func value(_ use: SecretUse, granted: [[String]]) throws -> String {
        guard !granted.isEmpty else { throw AppError.secretNone(use.keys) }
        let isCovered = granted.contains { list in
            !list.isEmpty && zip(list, use.keys).allSatisfy { Pattern.matches($0, $1) }
        }
        guard isCovered else { throw AppError.secretDenied(use.keys) }
        guard let provider = providers[use.provider] else {
            throw AppError.secretProvider(use.provider, keys: use.keys)
        }
        guard let value = try provider.secret(use.keys) else {
            throw AppError.secretMissing(use.provider, keys: use.keys)
        }
        return value
    }
}

/// Where secrets come from.
package protocol SecretProvider: Sendable {
    /// The value for a list of keys; nil when it is not known.
    func secret(_ keys: [String]) throws -> String?
}

/// Secrets from environment variables; several keys are joined by `_`.
package struct EnvironmentSecrets: SecretProvider {
    private let variables: [String: String]

    /// Secrets from the given variables.
    package init(_ variables: [String: String]) { self.variables = variables }

    /// The variable named by the keys.
    package func secret(_ keys: [String]) throws -> String? { variables[keys.joined(separator: "_")] }
}

/// One template: which provider, which keys.
private struct SecretUse {
    let provider: String
    let keys: [String]

    init?(_ text: Substring, defaultProvider: String) {
        var words: [String] = []
        var rest = text.trimmed
        if rest.hasPrefix("-") { rest = rest.dropFirst().trimmed }
        if rest.hasSuffix("-") { rest = rest.dropLast().trimmed }
        let function = rest.prefix { !$0.isWhitespace }
        rest = rest.dropFirst(function.count).trimmed
        while let quote = rest.first {
            guard quote == "\"" || quote == "`", let end = rest.dropFirst().firstIndex(of: quote) else { return nil }
            words.append(String(rest[rest.index(after: rest.startIndex)..<end]))
            rest = rest[rest.index(after: end)...].trimmed
        }
        switch function {
        case "secret" where !words.isEmpty:
            provider = defaultProvider
            keys = words
        case "secret_from" where words.count >= 2:
            provider = words[0]
            keys = Array(words.dropFirst())
        default: return nil
        }
    }
}

extension StringProtocol {
    /// The first place of `text`.
    func range(of text: String) -> Range<Index>? { firstRange(of: text) }
}
