internal import HTTPTypes
internal import Hummingbird

/// Who may use a listener.
package enum AccessPolicy: Sendable {
    /// Whoever can open the socket: its file mode decides.
    case socketMode
    /// Whoever sends the token.
    case token(String)
    /// Everybody who can connect; for loopback only, and only when asked for.
    case open

    /// Who the request comes from, for the audit log.
    /// - Throws: ``APIError`` `.notAuthorised`.
    func authorise(_ request: Request) throws -> String {
        switch self {
        case .socketMode: return "local"
        case .open: return "open"
        case .token(let token):
            guard let value = request.headers[.authorization], value.lowercased().hasPrefix("bearer ") else {
                throw APIError.notAuthorised
            }
            guard Self.isEqual(value.dropFirst(7).trimmingSpaces(), token) else { throw APIError.notAuthorised }
            return "token"
        }
    }

    /// Compares in a time that depends on the lengths only.
    static func isEqual(_ left: String, _ right: String) -> Bool {
        let a = Array(left.utf8)
        let b = Array(right.utf8)
        var difference = UInt(a.count ^ b.count)
        for index in 0..<b.count { difference |= UInt((index < a.count ? a[index] : 0) ^ b[index]) }
        return difference == 0
    }
}
