internal import AsyncHTTPClient
internal import Core
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Wire

/// Talks with one daemon. Close it when done.
package final class DaemonClient: Sendable {
    /// Where the daemon listens.
    package let address: DaemonAddress
    private let http: HTTPClient
    private let base: String
    private let token: String?

    /// A client; nothing is sent yet.
    package init(_ address: DaemonAddress) {
        self.address = address
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(5), read: nil)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        configuration.connectionPool.retryConnectionEstablishment = false  // a failed connection is reported at once
        configuration.httpVersion = .http1Only
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        switch address {
        case .unixSocket(let path):
            base = "http+unix://\(PercentEncoding.encode(path))"
            token = nil
        case .tcp(_, _, let token):
            base = "http://\(address)"
            self.token = token
        }
    }

    /// Ends all connections.
    package func close() async throws { try await http.shutdown() }

    /// Runs `body` with a client that is closed afterwards.
    package static func with<Result>(
        _ address: DaemonAddress, _ body: (DaemonClient) async throws -> Result
    ) async throws -> Result {
        let client = DaemonClient(address)
        do {
            let result = try await body(client)
            try await client.close()
            return result
        } catch {
            try? await client.close()  // the first error is the one that matters
            throw error
        }
    }

    /// Asks the daemon to end, and returns once nobody listens at the address any more and, on this machine, its process has ended.
    package func shutDown(removeEverything: Bool) async throws {
        var process: Int32?
        if case .unixSocket(let path) = address { process = SocketProbe.listener(at: path) }
        try await sendIgnoringAnswer(
            Call(.POST, "shutdown").with { try $0.setBody(ShutdownRequest(removeEverything: removeEverything)) })
        // There is nothing to wait on but the address and the process: they may be another user's, or another machine's.
        while try await isListening() { try await Task.sleep(for: .milliseconds(10)) }
        while let process, SocketProbe.runs(process) { try await Task.sleep(for: .milliseconds(10)) }
    }

    private func isListening() async throws -> Bool {
        switch address {
        case .unixSocket(let path): return SocketProbe.failure(connectingTo: path) == nil
        case .tcp:
            do {
                _ = try await version()
                return true
            } catch is ClientError {
                return false
            }
        }
    }

    // MARK: Requests

    /// One request as the resource files describe it.
    struct Call {
        var method: HTTPMethod
        var path: [String]
        var query: [(String, String?)] = []
        var body: HTTPClientRequest.Body?
        var mediaType: String?
        var wait = false
        var job: JobID?

        init(_ method: HTTPMethod, _ path: String...) {
            self.method = method
            self.path = path
        }

        mutating func setBody(_ value: some Encodable) throws {
            body = .bytes(ByteBuffer(bytes: try WireJSON.encode(value)))
            mediaType = "application/json"
        }

        func with(_ change: (inout Call) throws -> Void) rethrows -> Call {
            var copy = self
            try change(&copy)
            return copy
        }
    }

    /// Sends and decodes the answer.
    func send<Answer: Decodable>(_ call: Call, as type: Answer.Type = Answer.self) async throws -> Answer {
        let response = try await open(call)
        let bytes = try await collect(response, limit: 256 << 20)
        do {
            return try WireJSON.decode(type, from: bytes.readableBytesView)
        } catch {
            throw ClientError.badAnswer("\(call.method) /v1/\(call.path.joined(separator: "/"))", cause: error)
        }
    }

    /// Sends and drops the answer.
    func sendIgnoringAnswer(_ call: Call) async throws {
        let response = try await open(call)
        _ = try await collect(response, limit: 16 << 20)
    }

    /// Sends; the answer's body is still to be read. Error statuses are thrown as ``Wire/Problem``.
    func open(_ call: Call) async throws -> HTTPClientResponse {
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request(call), deadline: .distantFuture)
        } catch let error as CancellationError {
            throw error
        } catch let error as HTTPClientError where error == .cancelled {
            throw CancellationError()
        } catch {
            throw failure(error)
        }
        guard response.status.code >= 400 else { return response }
        let bytes = try await collect(response, limit: 1 << 20)
        // What holds no problem was not written by a daemon of ours.
        if let problem = try? WireJSON.decode(Problem.self, from: bytes.readableBytesView) { throw problem }
        throw ClientError.badAnswer("status \(response.status.code) without a problem; is this a martlet daemon?")
    }

    /// Sends; the answer is a sequence of lines.
    func lines<Element: Decodable & Sendable>(_ call: Call) async throws -> LineStream<Element> {
        LineStream(body: try await open(call).body)
    }

    private func request(_ call: Call) -> HTTPClientRequest {
        var url = base + "/v1/" + call.path.map(PercentEncoding.encode).joined(separator: "/")
        let query = call.query.compactMap { name, value in value.map { "\(name)=\(PercentEncoding.encode($0))" } }
        if !query.isEmpty { url += "?" + query.joined(separator: "&") }
        var request = HTTPClientRequest(url: url)
        request.method = call.method
        request.body = call.body
        if let mediaType = call.mediaType { request.headers.add(name: "content-type", value: mediaType) }
        if call.wait { request.headers.add(name: "prefer", value: "wait") }
        if let job = call.job { request.headers.add(name: "martlet-job", value: job.rawValue) }
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        return request
    }

    private func collect(_ response: HTTPClientResponse, limit: Int) async throws -> ByteBuffer {
        do {
            return try await response.body.collect(upTo: limit)
        } catch let error as CancellationError {
            throw error
        } catch {
            throw ClientError.connectionLost(address, cause: error)
        }
    }

    /// What the user is told: why nobody answers, where that can be said.
    private func failure(_ error: any Error) -> any Error {
        switch address {
        case .unixSocket(let path):
            if let code = SocketProbe.failure(connectingTo: path) {
                if SocketProbe.isPermission(code) { return ClientError.notAllowed(address) }
                return ClientError.noDaemon(address, reason: SocketProbe.explanation(code))
            }
        case .tcp:
            if let error = error as? HTTPClientError, error == .connectTimeout {
                return ClientError.noDaemon(address, reason: "no answer within 5 seconds")
            }
            if error is NIOConnectionError || error is IOError {
                return ClientError.noDaemon(address, reason: "\(error)")
            }
        }
        return ClientError.connectionLost(address, cause: error)
    }
}
