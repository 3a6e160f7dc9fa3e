internal import Core

/// A request that no route can serve as it is.
struct APIError: MartletError {
    enum Code: Sendable, Equatable {
        case noRoute
        case methodNotAllowed(allowed: [String])
        case bodyTooLarge
        case unsupportedMediaType
        case notAuthorised
        case tooManySessions
        case sessionNotFound
        case jobNotFound
        case imageNotFound
        case outputTaken
        case ending
    }

    let code: Code
    let message: String
    var hint: String?

    var kind: ErrorKind {
        switch code {
        case .noRoute, .sessionNotFound, .jobNotFound, .imageNotFound: .notFound
        case .methodNotAllowed, .unsupportedMediaType: .unsupported
        case .bodyTooLarge: .invalidArgument
        case .notAuthorised: .permissionDenied
        case .tooManySessions, .ending: .unavailable
        case .outputTaken: .invalidState
        }
    }

    var stableCode: String? {
        switch code {
        case .noRoute: "route-not-found"
        case .methodNotAllowed: "method-not-allowed"
        case .bodyTooLarge: "body-too-large"
        case .unsupportedMediaType: "media-type-unsupported"
        case .notAuthorised: "not-authorised"
        case .tooManySessions: "too-many-requests"
        case .ending: "daemon-ending"
        case .sessionNotFound: "session-not-found"
        case .jobNotFound: "job-not-found"
        case .imageNotFound: "image-not-found"
        case .outputTaken: "session-output-taken"
        }
    }

    static var ending: APIError {
        APIError(code: .ending, message: "the daemon is ending", hint: "containers go on; ask again once it is back")
    }

    static func noRoute(_ method: String, _ path: String) -> APIError {
        APIError(
            code: .noRoute, message: "no route `\(method) \(path.prefix(200))`", hint: "GET /v1/openapi.json lists them"
        )
    }

    static func methodNotAllowed(_ method: String, _ path: String, allowed: [String]) -> APIError {
        APIError(
            code: .methodNotAllowed(allowed: allowed), message: "`\(path)` has no method `\(method)`",
            hint: "it has \(allowed.joined(separator: ", "))")
    }

    static func bodyTooLarge(limit: Int) -> APIError {
        APIError(code: .bodyTooLarge, message: "the body is longer than \(limit) bytes")
    }

    static func unsupportedMediaType(_ found: String, accepted: [String]) -> APIError {
        APIError(
            code: .unsupportedMediaType, message: "the content type `\(found)` is not accepted here",
            hint: "send \(accepted.joined(separator: " or "))")
    }

    static let notAuthorised = APIError(
        code: .notAuthorised, message: "the token is missing or wrong",
        hint: "send `Authorization: Bearer …` with the content of the daemon's token file")

    static func sessionNotFound(_ id: String) -> APIError {
        APIError(
            code: .sessionNotFound, message: "no session `\(id.prefix(64))`",
            hint: "a session ends with its process, or a minute after its last reader has gone")
    }

    static func jobNotFound(_ id: String) -> APIError {
        APIError(code: .jobNotFound, message: "no job `\(id.prefix(64))`", hint: "`martlet job list` shows the latest")
    }

    static func imageNotFound(_ name: String) -> APIError {
        APIError(
            code: .imageNotFound, message: "no image `\(name.prefix(200))` in the local store",
            hint: "`martlet image list` shows what exists, `martlet image pull` fetches one")
    }
}
