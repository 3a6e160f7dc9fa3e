import Testing

@testable import Gateway

@Suite("proxying", .timeLimit(.minutes(1)))
struct ProxyTests {
    @Test("a request reaches the backend and its answer the client, on kept connections")
    func keepAlive() async throws {
        let upstream = try await TestUpstream.answering { head, _ in String(head.prefix { $0 != "\r\n" }) }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            for i in 0..<10 {
                try await client.send("GET /path\(i)?q=\(i) HTTP/1.1\r\nHost: example.com\r\n\r\n")
                let (head, body) = try await client.readResponse()
                #expect(head.status == 200)
                #expect(body == "GET /path\(i)?q=\(i) HTTP/1.1")
                #expect(head.field("connection") == nil)
            }
        }
        #expect(upstream.connectionCount == 1)
    }
}
