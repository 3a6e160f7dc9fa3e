package import Core

/// A failure to talk with the daemon; what the daemon itself answers is a `Problem`.
package struct ClientError: MartletError {
    /// Exactly what happened.
    package enum Code: String, Sendable {
        case noDaemon = "daemon-not-running"
        case notAllowed = "daemon-not-allowed"
        case connectionLost = "connection-lost"
        case badAnswer = "answer-malformed"
        case jobFailed = "job-failed"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    package var stableCode: String? { code.rawValue }

    package var kind: ErrorKind {
        switch code {
        case .noDaemon, .connectionLost: .unavailable
        case .notAllowed: .permissionDenied
        case .badAnswer, .jobFailed: .internalError
        }
    }

    static func noDaemon(_ address: DaemonAddress, reason: String) -> ClientError {
        ClientError(
            code: .noDaemon, message: "no daemon at `\(address)`: \(reason)",
            hint: "start it with `martlet serve`, or say where it listens with --root, --socket or --host")
    }

    static func notAllowed(_ address: DaemonAddress) -> ClientError {
        ClientError(
            code: .notAllowed, message: "no access to the daemon at `\(address)`: permission denied",
            hint: "run the command as the user who runs the daemon, or as a member of the socket's group")
    }

    static func connectionLost(_ address: DaemonAddress, cause: any Error) -> ClientError {
        ClientError(
            code: .connectionLost, message: "the connection to the daemon at `\(address)` broke",
            hint: "containers go on; `martlet version` shows whether the daemon is back", cause: cause)
    }

    /// The output of a session ended without saying how the process did.
    package static func outputEnded(_ address: DaemonAddress) -> ClientError {
        ClientError(
            code: .connectionLost, message: "the daemon at `\(address)` ended the output before the program ended",
            hint: "containers go on; `martlet container list` shows them")
    }

    static func badAnswer(_ what: String, cause: (any Error)? = nil) -> ClientError {
        ClientError(
            code: .badAnswer, message: "the daemon's answer is not understood: \(what)",
            hint: "compare the two versions with `martlet version`", cause: cause)
    }
}
