/// An answer made inside this process.
package struct GatewayResponse: Sendable {
    /// 200...599.
    package var status: Int
    /// Fields to send; Content-Length, Transfer-Encoding and Connection are the gateway's own.
    package var headers: [GatewayHeader]
    /// What follows the head.
    package var body: Body

    /// The body of a response.
    package enum Body: Sendable {
        case none
        case bytes([UInt8])
        /// Pulled as fast as the client reads; each element is sent at once. A thrown error closes the connection, so
        /// that the client sees the body is not whole.
        case stream(any AsyncSequence<[UInt8], any Error> & Sendable)
    }

    /// A response.
    package init(status: Int, headers: [GatewayHeader] = [], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Plain text, a line feed added at its end.
    package static func text(_ status: Int, _ text: String, headers: [GatewayHeader] = []) -> GatewayResponse {
        GatewayResponse(
            status: status, headers: [GatewayHeader("Content-Type", "text/plain; charset=utf-8")] + headers,
            body: .bytes(Array("\(text)\n".utf8)))
    }

    /// A page.
    package static func html(_ status: Int, _ page: String, headers: [GatewayHeader] = []) -> GatewayResponse {
        GatewayResponse(
            status: status, headers: [GatewayHeader("Content-Type", "text/html; charset=utf-8")] + headers,
            body: .bytes(Array(page.utf8)))
    }

    /// A redirect with an empty body.
    package static func redirect(to location: String, status: Int = 302) -> GatewayResponse {
        GatewayResponse(status: status, headers: [GatewayHeader("Location", location)])
    }
}
