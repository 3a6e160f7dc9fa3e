package import Core

/// A configuration that cannot be used.
package struct ConfigurationError: MartletError {
    /// Exactly what is wrong.
    package enum Code: String, Sendable {
        case unreadable = "configuration-unreadable"
        case malformed = "configuration-malformed"
        case unknownKey = "configuration-key-unknown"
        case invalidValue = "configuration-value-invalid"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var kind: ErrorKind { .invalidArgument }
    package var stableCode: String? { code.rawValue }

    static func unknownKey(_ key: String, place: String, nearest: String?) -> ConfigurationError {
        ConfigurationError(
            code: .unknownKey, message: "\(place): the key `\(key)` is not known",
            hint: nearest.map { "did you mean `\($0)`?" } ?? "`martlet config show` lists every key")
    }

    static func invalidValue(_ key: String, _ value: String, place: String, rule: String) -> ConfigurationError {
        ConfigurationError(
            code: .invalidValue, message: "\(place): \(key) `\(value.prefix(120))` is not valid: \(rule)")
    }
}
