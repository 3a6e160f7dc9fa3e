internal import AsyncHTTPClient
internal import Core
internal import NIOCore
internal import NIOHTTP1

/// Sends single requests for others. They are few, so each has a connection of its own; redirects are not followed.
package enum HTTPCaller {
    /// A header field.
    package struct Field: Sendable, Hashable {
        /// Lower case in answers.
        package let name: String
        /// Without blanks at its ends.
        package let value: String

        /// A field.
        package init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// What came back.
    package struct Answer: Sendable, Hashable {
        /// The status code.
        package var status: Int
        /// In the order received.
        package var headers: [Field]
        /// The whole body.
        package var body: [UInt8]
    }

    /// Larger answers are failures.
    private static let bodyLimit = 16 << 20

    /// Sends a request and reads the whole answer.
    /// - Throws: whatever the connection meets; `CancellationError`.
    package static func send(
        _ method: String, _ url: String, headers: [Field], body: [UInt8], timeoutSeconds: Int
    ) async throws -> Answer {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(Int64(min(timeoutSeconds, 10)))
        configuration.connectionPool.retryConnectionEstablishment = false  // refused is refused
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        do {
            var request = HTTPClientRequest(url: url)
            request.method = HTTPMethod(rawValue: method)
            for field in headers { request.headers.add(name: field.name, value: field.value) }
            if !request.headers.contains(name: "User-Agent") {
                request.headers.add(name: "User-Agent", value: "martlet")
            }
            if !body.isEmpty { request.body = .bytes(body) }
            let response = try await client.execute(request, timeout: .seconds(Int64(timeoutSeconds)))
            let content = try await response.body.collect(upTo: bodyLimit)
            let answer = Answer(
                status: Int(response.status.code),
                headers: response.headers.map { Field(name: $0.name.lowercased(), value: $0.value) },
                body: Array(content.readableBytesView))
            try await client.shutdown()
            return answer
        } catch {
            try? await client.shutdown()  // the failure of the request matters
            throw error
        }
    }
}
