/// One entry of a call stack.
public struct Frame: Sendable, Hashable, CustomStringConvertible {
    /// The function's name; `<toplevel>` for a module's own statements.
    public let functionName: String
    /// Where execution stands in it; nil in a native function.
    public let position: Position?

    /// Creates a frame.
    public init(functionName: String, position: Position?) {
        self.functionName = functionName
        self.position = position
    }

    /// `file:line:column: in name`, with `<builtin>` for a native function.
    public var description: String { "\(position?.description ?? "<builtin>"): in \(functionName)" }
}

/// A failed evaluation.
public struct EvaluationError: Error, CustomStringConvertible {
    /// Why the evaluation ended.
    public enum Kind: Sendable, Hashable {
        /// An operation of the program failed.
        case failed
        /// The program was cancelled from outside.
        case cancelled
        /// A limit on steps, memory or depth was reached.
        case limitExceeded
    }

    /// What went wrong, without position.
    public let message: String
    /// Why the evaluation ended.
    public let kind: Kind
    /// The calls that were active, outermost first.
    public let backtrace: [Frame]
    /// The error that a host function, host attribute or loader threw, if that is where it began.
    public let cause: (any Error)?
    /// The evaluation that failed, so that it knows its own errors when they pass through native code.
    let origin: ObjectIdentifier?

    /// Creates an error.
    public init(message: String, kind: Kind = .failed, backtrace: [Frame] = [], cause: (any Error)? = nil) {
        self.init(message: message, kind: kind, backtrace: backtrace, cause: cause, origin: nil)
    }

    init(
        message: String, kind: Kind = .failed, backtrace: [Frame], cause: (any Error)? = nil, origin: ObjectIdentifier?
    ) {
        self.message = message
        self.kind = kind
        self.backtrace = backtrace
        self.cause = cause
        self.origin = origin
    }

    /// The position of the innermost frame that lies in a source file.
    public var position: Position? { backtrace.last { $0.position != nil }?.position }

    /// The traceback in the format of starlark-go; frames in the middle of a very deep one are left out.
    public var description: String {
        guard !backtrace.isEmpty else { return "Error: \(message)" }
        var frames = backtrace
        var suffix = ""
        if let last = frames.last, last.position == nil {
            suffix = " in \(last.functionName)"
            frames.removeLast()
        }
        var lines = ["Traceback (most recent call last):"]
        let shown = 50
        for (index, frame) in frames.enumerated() {
            if frames.count > 2 * shown, index >= shown, index < frames.count - shown {
                if index == shown { lines.append("  ... \(frames.count - 2 * shown) frames left out ...") }
                continue
            }
            lines.append("  \(frame)")
        }
        lines.append("Error\(suffix): \(message)")
        return lines.joined(separator: "\n")
    }
}

/// A failure with a message, for host functions that have no error type of their own.
///
/// Any error may be thrown from a host function; its `description` becomes the message and the error itself the
/// ``EvaluationError/cause``. This one is only a message.
public struct StarlarkFailure: Error, Sendable, CustomStringConvertible {
    /// What went wrong.
    public let message: String
    let kind: EvaluationError.Kind

    /// Creates a failure.
    public init(_ message: String) {
        self.message = message
        self.kind = .failed
    }

    init(_ message: String, kind: EvaluationError.Kind) {
        self.message = message
        self.kind = kind
    }

    /// The message.
    public var description: String { message }
}
