package import Core
internal import Glibc

/// A daemon that cannot start.
package struct DaemonError: MartletError {
    /// Exactly what happened.
    package enum Code: String, Sendable {
        case alreadyRunning = "daemon-running"
        case fileSystem = "file-system"
        case unsafeListener = "listener-unsafe"
        case token = "token-file"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var kind: ErrorKind {
        switch code {
        case .alreadyRunning: .invalidState
        case .fileSystem: .internalError
        case .unsafeListener, .token: .invalidArgument
        }
    }
    package var stableCode: String? { code.rawValue }

    static func alreadyRunning(_ layout: InstanceLayout, process: String) -> DaemonError {
        DaemonError(
            code: .alreadyRunning,
            message:
                "a daemon\(process.isEmpty ? "" : " (process \(process))") serves `\(layout.stateDirectory)` already",
            hint: "choose another directory with --root, or end that daemon with `martlet shutdown`")
    }

    static func fileSystem(_ call: String, _ path: String, _ code: CInt) -> DaemonError {
        DaemonError(
            code: .fileSystem,
            message: "`\(path)` cannot be used: \(call)(2): \(String(cString: strerror(code))) (\(code))",
            hint: code == EACCES || code == EPERM ? "run the daemon as root" : nil)
    }
}
