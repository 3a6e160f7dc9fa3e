package import Core

/// An error as it travels: `application/problem+json`. Source: RFC 9457.
package struct Problem: Codable, Hashable, Sendable, MartletError {
    /// The media type.
    package static let mediaType = "application/problem+json"

    /// `urn:martlet:error:<code or kind>`.
    package var type: String
    /// The kind in words.
    package var title: String
    /// The HTTP status.
    package var status: Int
    /// What happened, to which object.
    package var detail: String
    /// One of the ten kinds, such as `notFound`.
    package var kindName: String
    /// A stable code.
    package var code: String?
    /// The way out.
    package var hint: String?
    /// The request it answers, for the server's log.
    package var requestID: String?

    private enum CodingKeys: String, CodingKey {
        case type, title, status, detail, code, hint, requestID
        case kindName = "kind"
    }

    /// A problem of a kind.
    package init(
        kind: ErrorKind, status: Int, detail: String, code: String? = nil, hint: String? = nil, requestID: String? = nil
    ) {
        self.type = "urn:martlet:error:\(code ?? kind.rawValue)"
        self.title = kind.title
        self.status = status
        self.detail = detail
        self.kindName = kind.rawValue
        self.code = code
        self.hint = hint
        self.requestID = requestID
    }

    /// The kind; an unknown one, from a newer server, counts as internal.
    package var kind: ErrorKind { ErrorKind(rawValue: kindName) ?? .internalError }
    package var message: String { detail }
    package var stableCode: String? { code }
}

extension ErrorKind {
    /// The kind in words.
    package var title: String {
        switch self {
        case .invalidArgument: "the request is not valid"
        case .notFound: "not found"
        case .alreadyExists: "it exists already"
        case .invalidState: "not possible in this state"
        case .permissionDenied: "not allowed"
        case .unavailable: "not available at the moment"
        case .timedOut: "it took too long"
        case .cancelled: "cancelled"
        case .unsupported: "not supported"
        case .internalError: "an internal failure"
        }
    }
}
