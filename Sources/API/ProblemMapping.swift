internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Jobs
internal import Wire

/// How failures become answers.
enum ProblemMapping {
    /// The one place where a kind becomes a status; a few codes have a status of their own.
    static func status(_ kind: ErrorKind, code: String?) -> HTTPResponse.Status {
        switch code {
        case "too-many-requests": return .tooManyRequests
        case "body-too-large": return .contentTooLarge
        case "method-not-allowed": return .methodNotAllowed
        case "media-type-unsupported": return .unsupportedMediaType
        case "not-authorised": return .unauthorized
        default: break
        }
        switch kind {
        case .invalidArgument: return .badRequest
        case .notFound: return .notFound
        case .alreadyExists, .invalidState: return .conflict
        case .permissionDenied: return .forbidden
        case .unavailable: return .serviceUnavailable
        case .timedOut: return .gatewayTimeout
        case .cancelled: return HTTPResponse.Status(code: 499, reasonPhrase: "Cancelled")
        case .unsupported: return .notImplemented
        case .internalError: return .internalServerError
        }
    }

    /// What a failure says to the client.
    static func problem(_ error: any Error, requestID: String?) -> Problem {
        let known = error as? any MartletError
        let kind = known?.kind ?? (error is CancellationError ? .cancelled : .internalError)
        return Problem(
            kind: kind, status: status(kind, code: known?.stableCode).code, detail: known?.description ?? "\(error)",
            code: known?.stableCode, hint: known?.hint, requestID: requestID)
    }

    /// The whole answer to a failure.
    static func response(_ error: any Error, requestID: String) -> Response {
        let problem = problem(error, requestID: requestID)
        var headers = HTTPFields()
        headers[.contentType] = Problem.mediaType
        if let error = error as? APIError {
            if case .methodNotAllowed(let allowed) = error.code { headers[.allow] = allowed.joined(separator: ", ") }
            if error.code == .notAuthorised { headers[.wwwAuthenticate] = "Bearer" }
            if error.code == .tooManySessions { headers[.retryAfter] = "1" }
        }
        if let seconds = (error as? JobError)?.retryAfterSeconds { headers[.retryAfter] = "\(max(1, seconds))" }
        // A problem holds texts and numbers only, which JSON can always write.
        let bytes = (try? WireJSON.encode(problem)) ?? []
        return Response(
            status: HTTPResponse.Status(code: problem.status), headers: headers,
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }
}
