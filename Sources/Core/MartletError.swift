/// What the outside may conclude from a failure; the API turns it into a status, the CLI into an exit code.
package enum ErrorKind: String, Codable, Sendable, CaseIterable {
    case invalidArgument, notFound, alreadyExists, invalidState, permissionDenied
    case unavailable, timedOut, cancelled, unsupported, internalError
}

/// The shape of every error that crosses a module's border.
///
/// `message` is lower case, has no full stop and names the object; `hint` says what to do next.
package protocol MartletError: Error, CustomStringConvertible {
    /// What the outside may conclude.
    var kind: ErrorKind { get }
    /// A stable, greppable code such as `BUILD-FAIL` or `image-not-found`; nil where the kind says enough.
    var stableCode: String? { get }
    /// What happened, to which object.
    var message: String { get }
    /// The way out, when there is one.
    var hint: String? { get }
    /// What lies beneath, printed after the message.
    var cause: (any Error)? { get }
}

extension MartletError {
    package var stableCode: String? { nil }
    package var hint: String? { nil }
    package var cause: (any Error)? { nil }

    /// The message and its causes on one line, without the hint.
    package var description: String {
        guard let cause else { return message }
        return "\(message): \(cause)"
    }
}

/// A failure of input that belongs to no module in particular.
package struct InvalidArgument: MartletError {
    package let kind = ErrorKind.invalidArgument
    package let message: String
    package let hint: String?

    /// A failure that names the field, the value and the rule it breaks.
    package init(field: String, value: String, rule: String, hint: String? = nil) {
        let shown = value.count > 120 ? value.prefix(120) + "…" : value[...]
        self.message = "\(field) `\(shown)` is not valid: \(rule)"
        self.hint = hint
    }
}
