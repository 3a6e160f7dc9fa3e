package import Core

/// A failure to change or to find a container.
package struct ContainerError: MartletError {
    /// Exactly what happened.
    package enum Code: Sendable, Hashable {
        case notFound
        case ambiguous
        case nameTaken
        case exists
        case running
        case notRunning
        case beingDeleted
        case secretsWithheld
        /// The engine refused to start it (RUN-START).
        case startFailed
        /// It ended before it was ready (RUN-EXITED).
        case exitedEarly(ContainerExit)
        /// It runs, but its health check did not pass in the attempts it has (HEALTH-FAIL).
        case unhealthy(attempts: Int)
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    /// The last lines of the container's log, for those who may read it; part of the description, not of the message.
    package var logTail: [String] = []

    package var kind: ErrorKind {
        switch code {
        case .notFound: .notFound
        case .ambiguous: .invalidArgument
        case .nameTaken, .exists: .alreadyExists
        case .running, .notRunning, .beingDeleted, .secretsWithheld: .invalidState
        case .startFailed, .exitedEarly, .unhealthy: .internalError
        }
    }

    package var stableCode: String? {
        switch code {
        case .notFound: "container-not-found"
        case .ambiguous: "container-ambiguous"
        case .nameTaken: "container-name-taken"
        case .exists: "container-exists"
        case .running: "container-running"
        case .notRunning: "container-not-running"
        case .beingDeleted: "container-being-deleted"
        case .secretsWithheld: "container-secrets-withheld"
        case .startFailed: "RUN-START"
        case .exitedEarly: "RUN-EXITED"
        case .unhealthy: "HEALTH-FAIL"
        }
    }

    package var description: String {
        let text = cause.map { "\(message): \($0)" } ?? message
        guard !logTail.isEmpty else { return text }
        return text + "\nlast lines of its log:\n" + logTail.joined(separator: "\n")
    }
}

extension ContainerError {
    static func notFound(_ text: String, nearest: String?) -> ContainerError {
        ContainerError(
            code: .notFound, message: "no container `\(text)`",
            hint: nearest.map { "did you mean `\($0)`?" } ?? "`martlet container list --all` shows what exists")
    }

    static func ambiguous(_ text: String, candidates: [String]) -> ContainerError {
        let shown = candidates.prefix(5).map { "`\($0)`" }.joined(separator: ", ")
        let more = candidates.count > 5 ? " and \(candidates.count - 5) more" : ""
        return ContainerError(
            code: .ambiguous, message: "`\(text)` is the beginning of \(candidates.count) containers: \(shown)\(more)",
            hint: "give more characters")
    }

    static func nameTaken(_ name: ContainerName, by id: ContainerID) -> ContainerError {
        ContainerError(
            code: .nameTaken, message: "name `\(name)` belongs to container `\(id)`",
            hint: "choose another name, or delete that container")
    }

    static func exists(_ id: ContainerID) -> ContainerError {
        ContainerError(
            code: .exists, message: "container `\(id)` exists with another specification or owner",
            hint: "delete it first, or choose another identifier")
    }

    static func running(_ id: ContainerID) -> ContainerError {
        ContainerError(
            code: .running, message: "container `\(id)` is running", hint: "stop it first, or delete it with `--force`")
    }

    static func notRunning(_ id: ContainerID, phase: ContainerPhase) -> ContainerError {
        ContainerError(
            code: .notRunning, message: "container `\(id)` is not running: it is \(phase.rawValue)",
            hint: "`martlet container start \(id)` starts it")
    }

    static func paused(_ id: ContainerID) -> ContainerError {
        ContainerError(
            code: .notRunning, message: "container `\(id)` is paused",
            hint: "`martlet container resume \(id)` lets it go on")
    }

    static func beingDeleted(_ id: ContainerID) -> ContainerError {
        ContainerError(code: .beingDeleted, message: "container `\(id)` is being deleted")
    }

    static func secretsWithheld(_ id: ContainerID, variables: [String]) -> ContainerError {
        ContainerError(
            code: .secretsWithheld,
            message: "container `\(id)` is gone from the engine and cannot be made again: "
                + "the values of \(variables.map { "`\($0)`" }.joined(separator: ", ")) are not stored",
            hint: "delete it and create it with these secrets again")
    }

    static func startFailed(_ id: ContainerID, cause: any Error) -> ContainerError {
        ContainerError(
            code: .startFailed, message: "RUN-START: container `\(id)` could not be started", cause: cause)
    }

    static func exitedEarly(_ id: ContainerID, _ exit: ContainerExit, logTail: [String]) -> ContainerError {
        let code = exit.code.map { "exit code \($0)" } ?? "an exit code nobody saw"
        return ContainerError(
            code: .exitedEarly(exit),
            message: "RUN-EXITED: container `\(id)` ended with \(code) before it was ready"
                + (exit.outOfMemory ? ", out of memory" : ""),
            hint: exit.outOfMemory ? "raise its memory limit" : nil, logTail: logTail)
    }

    static func unhealthy(
        _ id: ContainerID, target: String, attempts: Int, last: String, logTail: [String]
    ) -> ContainerError {
        ContainerError(
            code: .unhealthy(attempts: attempts),
            message: "HEALTH-FAIL: container `\(id)` did not become healthy: \(target) failed in "
                + "\(attempts) attempts, last: \(last)", logTail: logTail)
    }
}
