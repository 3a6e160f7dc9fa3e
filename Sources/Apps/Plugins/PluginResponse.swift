internal import Starlark
internal import Synchronization

/// What a plugin function returns: never a bare value, always this.
///
/// `value`, `error` (None or text), `error_code` (0 ok) and `is_stream` can be read; its truth value says whether it
/// succeeded. Reading `error`, `error_code` or the truth of a failure marks it as seen; reading its `value` raises it.
final class PluginResponse: HostValue {
    /// How the call ended.
    enum Outcome: Sendable {
        case value(Value)
        case failure(AppError)
        /// A command whose output is sent as it is written, once the handler has returned this.
        case stream(RunCommand)
    }

    let outcome: Outcome
    private let seen = Atomic<Bool>(false)

    init(_ outcome: Outcome) { self.outcome = outcome }

    let typeName = "plugin_response"
    let attributeNames = ["value", "error", "error_code", "is_stream"]

    var description: String {
        switch outcome {
        case .value(let value): "<plugin_response \(value.repr)>"
        case .failure(let error): "<plugin_response error \(error.message)>"
        case .stream: "<plugin_response stream>"
        }
    }

    /// True without error.
    var truth: Bool {
        markSeen()
        return error == nil
    }

    /// The failure, if it is one.
    var error: AppError? {
        guard case .failure(let error) = outcome else { return nil }
        return error
    }

    /// The command whose output is to be sent.
    var streamed: RunCommand? {
        guard case .stream(let command) = outcome else { return nil }
        return command
    }

    /// Whether the program has looked at the failure.
    var isSeen: Bool { seen.load(ordering: .relaxed) }

    /// Notes that the program has looked at it.
    func markSeen() { seen.store(true, ordering: .relaxed) }

    /// The value; a failure is raised.
    func unwrapped() throws -> Value {
        switch outcome {
        case .value(let value): return value
        case .failure(let error):
            markSeen()
            throw error
        case .stream:
            throw AppError(
                .pluginArgument, "a response with stream=True cannot be read", hint: "return it from the handler")
        }
    }

    func attribute(_ name: String, in evaluation: Evaluation) throws -> Value? {
        switch name {
        case "value": return try unwrapped()
        case "error":
            markSeen()
            return error.map { .string($0.message) } ?? Value.none
        case "error_code":
            markSeen()
            return .int(error.map { Int($0.exitCode ?? 1) } ?? 0)
        case "is_stream": return .bool(streamed != nil)
        default: return nil
        }
    }
}
