import Testing

@testable import Gateway

@Suite("proxying", .timeLimit(.minutes(1)))
struct ProxyTests {
    /// A backend that hands each whole request (chunked ones to the last chunk) to `script`.
    private func upstream(_ script: @escaping @Sendable (RawConnection, String) async throws -> Void) async throws
        -> TestUpstream
    {
        try await TestUpstream { connection in
            while true { try await script(connection, try await connection.readHead()) }
        }
    }

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

    @Test("a head and a body may arrive byte by byte")
    func bytewise() async throws {
        let upstream = try await TestUpstream.answering { _, body in body }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            for byte in "\r\nPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello".utf8 {
                try await client.send([byte])
            }

            #expect(try await client.readResponse().body == "hello")
        }
    }

    @Test("chunked bodies pass both ways with their trailers, and the connection is kept")
    func chunkedBothWays() async throws {
        let chunked = "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Sum: 11\r\n\r\n"
        let upstream = try await upstream { connection, head in
            #expect(head.field("transfer-encoding") == "chunked")
            let body = try await connection.read(through: "\r\n\r\n")
            try await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
            try await connection.send(body)
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            for _ in 0..<3 {
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
                try await client.send(chunked)
                let head = try await client.readHead()
                #expect(head.field("transfer-encoding") == "chunked")
                #expect(try await client.read(through: "\r\n\r\n") == chunked)
            }
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test("responses without body end with their head", arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func bodiless(method: String, status: Int) async throws {
        let upstream = try await upstream { connection, head in
            let status = head.hasPrefix("GET /last") ? 200 : status
            let length = status == 204 ? "" : "Content-Length: \(head.hasPrefix("GET /last") ? 2 : 1000)\r\n"
            try await connection.send(
                "HTTP/1.1 \(status) X\r\n\(length)\r\n" + (head.hasPrefix("GET /last") ? "ok" : ""))
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")
            let head = try await client.readHead()
            try await client.send("GET /last HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(head.status == status)
            #expect(head.field("content-length") == (status == 204 ? nil : "1000"))
            #expect(try await client.readResponse().body == "ok")
        }
        #expect(upstream.connectionCount == 1)
    }

    @Test("an HTTP/1.0 client gets chunks decoded and the end of the connection")
    func oldClient() async throws {
        let upstream = try await upstream { connection, head in
            #expect(head.hasPrefix("GET / HTTP/1.1\r\n"))
            try await connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let (text, end) = await client.readToEnd()

            #expect(text.field("transfer-encoding") == nil)
            #expect(text.field("connection") == "close")
            #expect(text.hasSuffix("\r\n\r\nabcde"))
            #expect(end == .closed)
        }
    }

    @Test("an HTTP/1.0 client that asks for it is kept")
    func oldClientKept() async throws {
        let upstream = try await TestUpstream.answering { _, _ in "x" }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            for _ in 0..<2 {
                try await client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(try await client.readResponse().head.field("connection") == "keep-alive")
            }
        }
    }

    @Test("a response without length ends with the backend's connection")
    func untilClose() async throws {
        let upstream = try await upstream { connection, _ in
            try await connection.send("HTTP/1.0 200 OK\r\n\r\nsome ")
            try await connection.send("bytes")
            await connection.close()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            let (text, end) = await client.readToEnd()

            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.field("connection") == "close")
            #expect(text.hasSuffix("some bytes"))
            #expect(end == .closed)
        }
    }

    @Test("100 Continue and early hints pass through before the answer")
    func interim() async throws {
        let upstream = try await upstream { connection, head in
            #expect(head.field("expect") == "100-continue")
            try await connection.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
            let body = try await connection.readExactly(5)
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\(body)")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
            let hints = try await client.readHead()
            let go = try await client.readHead()
            try await client.send("hello")

            #expect(hints.status == 103)
            #expect(hints.field("link") == "</a>")
            #expect(go.status == 100)
            #expect(try await client.readResponse().body == "hello")
        }
    }

    @Test("pipelined requests are answered in order")
    func pipelining() async throws {
        let upstream = try await TestUpstream.answering { head, body in "\(head.split(separator: " ")[1])\(body)" }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            var all = ""
            for i in 0..<50 {
                all += "POST /\(i) HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n:"
                all += "GET /\(i) HTTP/1.1\r\nHost: a\r\n\r\n"
            }
            try await client.send(all)

            for i in 0..<50 {
                #expect(try await client.readResponse().body == "/\(i):")
                #expect(try await client.readResponse().body == "/\(i)")
            }
        }
    }

    @Test("each server-sent event arrives when it is sent")
    func serverSentEvents() async throws {
        let ticks = (0..<5).map { _ in Gate() }
        let upstream = try await upstream { connection, _ in
            try await connection.send(
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
            for tick in ticks {
                await tick.pass()
                try await connection.send("9\r\ndata: x\n\n\r\n")
            }
            try await connection.send("0\r\n\r\n")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.readHead()

            for tick in ticks {
                tick.open()
                #expect(try await client.readExactly(14) == "9\r\ndata: x\n\n\r\n")
            }
            #expect(try await client.readExactly(5) == "0\r\n\r\n")
        }
    }

    @Test("malformed heads get their status and the connection ends", arguments: RequestHeadTests.refused)
    func malformed(_ example: RequestHeadTests.Refused) async throws {
        let upstream = try await TestUpstream.answering { _, _ in "must not be reached" }
        try await withGateway([.all(upstream.backend())]) { _, port in
            guard !example.text.hasPrefix("\r\n") else { return }
            let client = try await RawConnection.connect(to: port)

            try await client.send(example.text)
            let (head, _) = try await client.readResponse()

            #expect(head.status == example.failure.status || [400, 414, 431].contains(head.status))
            #expect(head.field("connection") == "close")
        }
        #expect(upstream.connectionCount == 0)
    }

    @Test("a head that never ends is 431, an endless target 414")
    func endlessHead() async throws {
        try await withGateway([]) { _, port in
            let fields = try await RawConnection.connect(to: port)
            try await fields.send("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 17 << 10))")
            #expect(try await fields.readHead().status == 431)

            let target = try await RawConnection.connect(to: port)
            try await target.send("GET /\(String(repeating: "a", count: 17 << 10))")
            #expect(try await target.readHead().status == 414)
        }
    }

    @Test("malformed chunks of a request never end well for the backend")
    func malformedRequestChunks() async throws {
        let ended = Gate()
        let upstream = try await TestUpstream { connection in
            _ = await connection.readToEnd()
            ended.open()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")

            try await client.send("zz\r\n")

            #expect(try await client.readHead().status == 400)
            await ended.pass()
        }
    }

    @Test(
        "a response that is not understood is 502",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "HTTP/1.1 101 Switching\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        ])
    func malformedResponse(text: String) async throws {
        let upstream = try await upstream { connection, _ in try await connection.send(text) }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.status == 502)
        }
    }

    @Test("bytes beyond a response end the backend's connection, not the client's")
    func surplus() async throws {
        let upstream = try await upstream { connection, _ in
            try await connection.send(
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            for _ in 0..<2 {
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                #expect(try await client.readResponse().body == "ok")
            }
        }
        #expect(upstream.connectionCount == 2)
    }

    @Test("an answer before the end of the body reaches the client, then the connection ends")
    func earlyAnswer() async throws {
        let upstream = try await upstream { connection, _ in
            try await connection.send("HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nabc")
            let (head, body) = try await client.readResponse()

            #expect(head.status == 413)
            #expect(head.field("connection") == "close")
            #expect(body == "big")
            #expect(await client.readToEnd().end == .closed)
        }
    }

    @Test("OPTIONS * is answered by the gateway, the absolute form by the named host")
    func otherForms() async throws {
        let upstream = try await TestUpstream.answering { head, _ in head }
        let route = Route(
            id: "b", host: "b.test", target: .backend(upstream.backend(options: ProxyOptions(host: .client))))
        try await withGateway([route]) { _, port in
            #expect(try await fetch(port, "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").head.status == 200)
            let body = try await fetch(port, "GET http://b.test/x?y HTTP/1.1\r\nHost: evil\r\n\r\n").body
            #expect(body.hasPrefix("GET /x?y HTTP/1.1\r\nHost: b.test\r\n"))
        }
    }
}
