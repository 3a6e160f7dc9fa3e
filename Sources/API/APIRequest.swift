internal import Core
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import Wire

/// One request to a route: what its handler needs, decoded and checked.
struct APIRequest: Sendable {
    let request: Request
    let route: APIRoute.Description
    let parameters: [String: String]
    let query: [String: String]
    let id: String
    let initiator: String
    let logger: Logger

    /// A part of the path.
    func parameter(_ name: String) -> String { parameters[name] ?? "" }

    /// The identifier which the client chose for the job.
    var jobID: JobID? {
        get throws {
            guard let text = request.headers[.martletJob] else { return nil }
            guard let id = JobID(rawValue: text) else {
                throw InvalidArgument(
                    field: "header Martlet-Job", value: text, rule: "16 bytes as 32 hexadecimal digits or as base64url")
            }
            return id
        }
    }

    /// Whether the answer waits for the end of long work.
    var waits: Bool {
        get throws {
            if let wait = try flag("wait") { return wait }
            return request.headers[values: .prefer].contains { value in
                value.split(separator: ",").contains { $0.drop { $0 == " " }.hasPrefix("wait") }
            }
        }
    }

    /// A query parameter that is `true` or `false`; without a value it is true.
    func flag(_ name: String) throws -> Bool? {
        switch query[name] {
        case nil: return nil
        case "true", "1", "": return true
        case "false", "0": return false
        case let value?:
            throw InvalidArgument(field: "query parameter \(name)", value: value, rule: "it is true or false")
        }
    }

    /// A query parameter that is a whole number in a range.
    func number<Value: FixedWidthInteger>(_ name: String, in range: ClosedRange<Value>) throws -> Value? {
        guard let text = query[name] else { return nil }
        guard let value = Value(text), range.contains(value) else {
            throw InvalidArgument(
                field: "query parameter \(name)", value: text,
                rule: "it is a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// The JSON body.
    func body<Value: Decodable>(_ type: Value.Type = Value.self) async throws -> Value {
        try StrictJSON.decode(type, from: try await bytes())
    }

    /// The JSON body, or `absent` when there is none.
    func body<Value: Decodable>(orElse absent: Value) async throws -> Value {
        let bytes = try await bytes()
        return bytes.isEmpty ? absent : try StrictJSON.decode(Value.self, from: bytes)
    }

    private func bytes() async throws -> [UInt8] {
        do {
            return Array(try await request.body.collect(upTo: APILimits.jsonBody).readableBytesView)
        } catch is NIOTooManyBytesError {
            throw APIError.bodyTooLarge(limit: APILimits.jsonBody)
        }
    }

    /// Waits for something that may take for ever, but not longer than the daemon lives.
    /// - Throws: ``APIError`` `.ending` when the daemon is asked to end meanwhile.
    func untilShutdown<Value: Sendable>(_ wait: @escaping @Sendable () async throws -> Value) async throws -> Value {
        do { return try await cancelWhenGracefulShutdown(wait) } catch is CancellationError {
            try Task.checkCancellation()
            throw APIError.ending
        }
    }

    /// The media type of the body, lower case, without parameters.
    var mediaType: String {
        let value = request.headers[.contentType] ?? ""
        return value.prefix { $0 != ";" }.trimmingSpaces().lowercased()
    }
}

/// Bounds on what clients may send and hold.
enum APILimits {
    /// Bytes of a JSON body.
    static let jsonBody = 1 << 20
    /// Bytes of an uploaded archive.
    static let upload: Int64 = 64 << 30
    /// Elements in one part of a list.
    static let page = 1000
    /// Sessions at a time.
    static let sessions = 512
}

extension HTTPField.Name {
    static let martletJob = HTTPField.Name("Martlet-Job")!
    static let martletRequest = HTTPField.Name("Martlet-Request")!
    static let prefer = HTTPField.Name("Prefer")!
}

extension StringProtocol {
    /// Without blanks at both ends.
    func trimmingSpaces() -> String {
        var text = String(self)
        while text.last == " " { text.removeLast() }
        while text.first == " " { text.removeFirst() }
        return text
    }
}
