import Testing

@testable import Gateway

@Suite("responders", .timeLimit(.minutes(1)))
struct ResponderTests {
    private func echo(limit: Int = 100) -> Route {
        Route(
            id: "r",
            target: .respond(
                ClosureResponder(bodyLimit: limit) { request in
                    .text(
                        200,
                        "\(request.head.method) \(request.head.path) \(request.head.query ?? "-") \(String(decoding: request.body, as: UTF8.self))"
                    )
                }))
    }

    @Test("a responder gets head and body, whatever the framing")
    func whole() async throws {
        try await withGateway([echo()]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("POST /a?b=c HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try await client.readResponse().body == "POST /a b=c hello\n")
            try await client.send("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
            try await client.send("1\r\nc\r\n0\r\n\r\n")
            #expect(try await client.readResponse().body == "PUT /x - abc\n")
            try await client.send("HEAD /x HTTP/1.1\r\nHost: a\r\n\r\nGET /y HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.readHead().field("content-length") == "11")
            #expect(try await client.readResponse().body == "GET /y - \n")
        }
    }

    @Test(
        "a body over the limit is 413 at once or as soon as it is too long",
        arguments: [
            "Content-Length: 101\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n80\r\n\(String(repeating: "x", count: 128))",
        ])
    func tooLarge(rest: String) async throws {
        try await withGateway([echo()]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("POST / HTTP/1.1\r\nHost: a\r\n\(rest)")
            let (head, body) = try await client.readResponse()

            #expect(head.status == 413)
            #expect(body.hasPrefix("ACT-BODY"))
            #expect(await client.readToEnd().end == .closed)
        }
    }

    @Test("a client that waits for permission gets it")
    func expects() async throws {
        try await withGateway([echo()]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
            #expect(try await client.readHead().status == 100)

            try await client.send("ab")

            #expect(try await client.readResponse().head.status == 200)
        }
    }

    @Test("a stream is sent piece by piece as it is made")
    func stream() async throws {
        let (stream, continuation) = AsyncThrowingStream<[UInt8], any Error>.makeStream()
        let route = Route(
            id: "s", target: .respond(ClosureResponder { _ in GatewayResponse(status: 200, body: .stream(stream)) }))
        try await withGateway([route]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try await client.readHead().field("transfer-encoding") == "chunked")

            continuation.yield(Array("one".utf8))
            #expect(try await client.readExactly(8) == "3\r\none\r\n")
            continuation.yield(Array("two!".utf8))
            #expect(try await client.readExactly(9) == "4\r\ntwo!\r\n")
            continuation.finish()
            #expect(try await client.readExactly(5) == "0\r\n\r\n")
        }
    }

    @Test("a stream that fails breaks the connection off; a client that leaves ends the stream")
    func streamEnds() async throws {
        struct Broken: Error {}
        let ended = Gate()
        let failing = Route(
            id: "f", pathPrefix: "/f",
            target: .respond(
                ClosureResponder { _ in
                    GatewayResponse(
                        status: 200,
                        body: .stream(
                            AsyncThrowingStream {
                                $0.yield([65]); $0.finish(throwing: Broken())
                            }))
                }))
        let endless = Route(
            id: "e", pathPrefix: "/e",
            target: .respond(
                ClosureResponder { _ in
                    GatewayResponse(
                        status: 200,
                        body: .stream(
                            AsyncThrowingStream { continuation in
                                continuation.yield([65])
                                continuation.onTermination = { _ in ended.open() }
                            }))
                }))
        try await withGateway([failing, endless]) { _, port in
            let first = try await RawConnection.connect(to: port)
            try await first.send("GET /f HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(await first.readToEnd().end == .reset)

            let second = try await RawConnection.connect(to: port)
            try await second.send("GET /e HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await second.readHead()
            await second.close()
            await ended.pass()
        }
    }

    @Test("fields of framing in a response are the gateway's own")
    func ownFields() async throws {
        let route = Route(
            id: "r",
            target: .respond(
                ClosureResponder { _ in
                    .text(
                        200, "x",
                        headers: [
                            GatewayHeader("Content-Length", "99"), GatewayHeader("Connection", "close"),
                            GatewayHeader("X-A", "b\r\nX-Evil: 1"),
                        ])
                }), policy: RoutePolicy(securityHeaders: true))
        try await withGateway([route]) { _, port in
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.field("content-length") == "2")
            #expect(head.field("connection") == nil)
            #expect(head.field("x-evil") == nil)
            #expect(head.field("x-content-type-options") == "nosniff")
        }
    }

    @Test(
        "no route is 404 naming host and path, in the form the client wants",
        arguments: [
            ("text/html", "text/html; charset=utf-8"), ("application/json", "application/problem+json"),
            ("*/*", "text/plain; charset=utf-8"),
        ])
    func notFound(accept: String, type: String) async throws {
        try await withGateway([]) { _, port in
            let (head, body) = try await fetch(
                port, "GET /a%3Cb/<x>?secret HTTP/1.1\r\nHost: Some.Host:1\r\nAccept: \(accept)\r\n\r\n")

            #expect(head.status == 404)
            #expect(head.field("content-type") == type)
            #expect(body.contains("APP-NOTFOUND"))
            #expect(body.contains("some.host"))
            #expect(body.contains("/a%3Cb/"))
            #expect(!body.contains("secret"))
            if accept == "text/html" { #expect(!body.contains("<x>")) }
        }
    }

    @Test("a route may send its bare path to the one with a slash")
    func barePath() async throws {
        var route = echo()
        route.pathPrefix = "/app"
        route.policy.redirectsBarePath = true
        try await withGateway([route]) { _, port in
            for (path, target) in [("/app", "/app/"), ("/app?a=b", "/app/?a=b"), ("/%61pp", "/%61pp/")] {
                let head = try await fetch(port, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").head
                #expect(head.status == 307 && head.field("location") == target, "\(path): \(head)")
            }
            for path in ["/app/", "/app/x"] {
                #expect(try await fetch(port, "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n").head.status == 200)
            }
        }
    }

    @Test("a fallback answers what no route does")
    func fallback() async throws {
        try await withGateway([], fallback: ClosureResponder { _ in .redirect(to: "/console") }) { _, port in
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.status == 302)
            #expect(head.field("location") == "/console")
        }
    }
}
