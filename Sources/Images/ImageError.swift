package import Core

/// A failure of the local image store.
package struct ImageError: MartletError {
    /// What happened; the raw value is the stable code.
    package enum Code: String, Sendable {
        case notFound = "image-not-found"
        case ambiguous = "image-name-ambiguous"
        case inUse = "image-in-use"
        case pullFailed = "image-pull-failed"
        case accessDenied = "image-access-denied"
        case absentFromRegistry = "image-absent-from-registry"
        case loadFailed = "image-load-failed"
        case invalidImage = "image-invalid"
        case digestMismatch = "image-digest-mismatch"
        case notKept = "image-not-kept"
        case hostLacks = "host-lacks"
        case snapshotFailed = "image-snapshot-failed"
        case storeFailed = "image-store-failed"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    package var stableCode: String? { code.rawValue }

    /// A failure; prefer the named factories.
    package init(_ code: Code, _ message: String, hint: String? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    package var kind: ErrorKind {
        switch code {
        case .notFound, .absentFromRegistry: .notFound
        case .ambiguous, .loadFailed, .invalidImage, .digestMismatch: .invalidArgument
        case .inUse, .notKept: .invalidState
        case .accessDenied: .permissionDenied
        case .pullFailed, .hostLacks: .unavailable
        case .snapshotFailed, .storeFailed: .internalError
        }
    }

    static func notFound(_ name: String) -> ImageError {
        ImageError(.notFound, "no image `\(name)` in the local store", hint: "`martlet image pull \(name)` fetches it")
    }

    static func mismatch(_ what: String, expected: some CustomStringConvertible, found: some CustomStringConvertible)
        -> ImageError
    {
        ImageError(
            .digestMismatch, "\(what) is `\(found)` where `\(expected)` was promised",
            hint: "the content was damaged or changed on its way: fetch it again")
    }
}
