package import Core

/// A failure of a job, or of the attempt to submit one.
package struct JobError: MartletError {
    /// Exactly what happened.
    package enum Code: Sendable, Hashable {
        case notFound
        case idConflict
        case queueFull
        case tooFrequent(retryAfterSeconds: Int)
        case shuttingDown
        /// The job's own error.
        case ended(JobFailure)
    }

    package let code: Code
    package let message: String
    package var hint: String?

    package var kind: ErrorKind {
        switch code {
        case .notFound: .notFound
        case .idConflict: .alreadyExists
        case .queueFull, .tooFrequent, .shuttingDown: .unavailable
        case .ended(let failure): failure.kind
        }
    }

    package var stableCode: String? {
        switch code {
        case .notFound: "job-not-found"
        case .idConflict: "job-id-conflict"
        case .queueFull: "job-queue-full"
        case .tooFrequent: "too-many-requests"
        case .shuttingDown: "shutting-down"
        case .ended(let failure): failure.code
        }
    }

    /// Whole seconds after which another attempt makes sense; nil where waiting does not help.
    package var retryAfterSeconds: Int? {
        switch code {
        case .tooFrequent(let seconds): seconds
        case .queueFull, .shuttingDown: 1
        case .notFound, .idConflict, .ended: nil
        }
    }

    static func notFound(_ id: JobID) -> JobError {
        JobError(code: .notFound, message: "no job `\(id)`", hint: "finished jobs are kept for a limited time")
    }

    static func idConflict(_ id: JobID) -> JobError {
        JobError(
            code: .idConflict, message: "job `\(id)` exists and was asked for something else",
            hint: "use a new identifier for each request")
    }

    static func queueFull(limit: Int) -> JobError {
        JobError(code: .queueFull, message: "\(limit) jobs are waiting already", hint: "try again in a moment")
    }

    /// Changes of one kind follow each other too fast.
    package static func tooFrequent(_ kind: JobKind, target: String, retryAfter: Int) -> JobError {
        JobError(
            code: .tooFrequent(retryAfterSeconds: retryAfter),
            message: "`\(kind.rawValue)` of `\(target)` was asked for too often",
            hint: "try again after \(retryAfter) s")
    }

    static let shuttingDown = JobError(code: .shuttingDown, message: "the daemon is shutting down")

    static func ended(_ failure: JobFailure) -> JobError {
        JobError(code: .ended(failure), message: failure.message, hint: failure.hint)
    }
}
