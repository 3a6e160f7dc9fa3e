internal import Core

/// The exit statuses that shells, and Docker after them, have for a program that could not be run.
enum StartFailure {
    /// 127 for a program that is not there, 126 for one that cannot be executed; nil for any other failure.
    static func exitStatus(_ error: any Error) -> Int32? {
        guard let error = error as? any MartletError, let code = error.stableCode,
            ["RUN-START", "container-start-failed", "exec-failed", "runtime-failed"].contains(code)
        else { return nil }
        let text = error.description.lowercased()
        if text.contains("no such file") || text.contains("not found") { return 127 }
        if text.contains("permission denied") || text.contains("exec format") { return 126 }
        return nil
    }
}
