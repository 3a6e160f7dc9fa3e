import Testing

@testable import Gateway

@Suite("failures", .timeLimit(.minutes(1)))
struct FailureTests {
    private static let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test("a client that goes away takes its request to the backend with it")
    func clientAbort() async throws {
        let received = Gate()
        let ended = Gate()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            received.open()
            _ = await connection.readToEnd()
            ended.open()
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.get)
            await received.pass()

            await client.close()
            await ended.pass()

            #expect(gateway.activity(of: BackendID("up")).inFlight == 0)
        }
    }

    @Test("a client that wants one answer may end its direction first")
    func halfClosedClient() async throws {
        let goOn = Gate()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            await goOn.pass()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            try await client.closeOutput()
            goOn.open()

            #expect(await client.readToEnd().text.hasSuffix("\r\n\r\nok"))
        }
    }

    @Test(
        "a response that breaks off is never passed as whole",
        arguments: ["Content-Length: 10", "Transfer-Encoding: chunked"], [true, false])
    func brokenResponse(framing: String, isReset: Bool) async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n2\r\nab\r\n")
            if isReset { try await connection.reset() } else { await connection.close() }
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send(Self.get)
            let (text, end) = await client.readToEnd()

            #expect(end == .reset || text.isEmpty || !text.hasSuffix("0\r\n\r\n"))
            #expect(end == .reset)
        }
    }

    @Test("a reset in a response without length is passed on as one")
    func resetUntilClose() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\n\r\nab")
            try await connection.reset()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.get)

            #expect(await client.readToEnd().end == .reset)
        }
    }

    @Test("malformed chunks of a response break the connection off")
    func malformedResponseChunks() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nzz\r\n")
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.get)

            #expect(await client.readToEnd().end == .reset)
        }
    }

    @Test("nothing listening is 502, no answer is 502")
    func unreachable() async throws {
        let silent = try await TestUpstream { connection in
            _ = try await connection.readHead()
            await connection.close()
        }
        let gone = try await TestUpstream { _ in }
        let backend = gone.backend("gone")
        await gone.close()
        let routes = [
            Route(id: "gone", pathPrefix: "/gone", target: .backend(backend)),
            Route(id: "silent", pathPrefix: "/silent", target: .backend(silent.backend("silent"))),
        ]
        try await withGateway(routes) { gateway, port in
            let first = try await fetch(port, "GET /gone HTTP/1.1\r\nHost: a\r\n\r\n")
            let second = try await fetch(port, "POST /silent HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx")

            #expect(first.head.status == 502)
            #expect(!first.body.isEmpty)
            #expect(second.head.status == 502)
            #expect(gateway.activity(of: BackendID("gone")).inFlight == 0)
        }
        #expect(silent.connectionCount == 1)
    }

    @Test("a stale connection is tried once more with a new one")
    func stale() async throws {
        // Each connection answers one request, then ends when the second arrives: as if it had been closed meanwhile.
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = try await connection.readHead()
            await connection.close()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            for _ in 0..<4 {
                try await client.send(Self.get)
                #expect(try await client.readResponse().body == "ok")
            }
            #expect(upstream.connectionCount == 4)

            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().head.status == 502)
            #expect(upstream.connectionCount == 4)
        }
    }

    @Test("an idle connection the backend closes is not used again")
    func closedWhileIdle() async throws {
        let closed = SharedCount()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await connection.close()
            closed.increment()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            for i in 1...3 {
                try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
                #expect(try await client.readResponse().body == "ok")
                await closed.wait(for: i)
            }
        }
        #expect(upstream.connectionCount == 3)
    }

    @Test("idle connections to the backend end after their time")
    func idleTimeout() async throws {
        let ended = Gate()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            _ = await connection.readToEnd()
            ended.open()
        }
        try await withGateway([.all(upstream.backend())], configure: { $0.timeouts.upstreamIdle = .milliseconds(20) }) {
            _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.get)
            _ = try await client.readResponse()

            await ended.pass()
        }
    }

    @Test("no answer in time is 504, no head in time 408, and an idle client is let go")
    func timeouts() async throws {
        let upstream = try await TestUpstream { connection in _ = await connection.readToEnd() }
        try await withGateway(
            [.all(upstream.backend())],
            configure: {
                $0.timeouts.firstByte = .milliseconds(20)
                $0.timeouts.requestHead = .milliseconds(700)
                $0.timeouts.clientIdle = .milliseconds(20)
                $0.timeouts.clientStall = .milliseconds(20)
            }
        ) { _, port in
            let waiting = try await RawConnection.connect(to: port)
            try await waiting.send(Self.get)
            #expect(try await waiting.readResponse().head.status == 504)
            #expect(await waiting.readToEnd().end == .closed)

            let slow = try await RawConnection.connect(to: port)
            try await slow.send("GET / HT")
            #expect(try await slow.readResponse().head.status == 408)

            let stalled = try await RawConnection.connect(to: port)
            try await stalled.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
            #expect(try await stalled.readResponse().head.status == 408)

            let silent = try await RawConnection.connect(to: port)
            #expect(await silent.readToEnd().end == .closed)
        }
    }

    @Test("one connection too many is 503 with Retry-After")
    func connectionLimit() async throws {
        let upstream = try await TestUpstream.answering { _, _ in "ok" }
        try await withGateway([.all(upstream.backend())], configure: { $0.limits.connections = 2 }) { _, port in
            var kept: [RawConnection] = []
            for _ in 0..<2 {
                let client = try await RawConnection.connect(to: port)
                try await client.send(Self.get)
                _ = try await client.readResponse()
                kept.append(client)
            }

            let refused = try await RawConnection.connect(to: port)
            let (head, _) = try await refused.readResponse()

            #expect(head.status == 503)
            #expect(head.field("retry-after") != nil)
        }
    }

    @Test("an address in use is an error that names it")
    func bindFails() async throws {
        try await withGateway([]) { gateway, port in
            let error = await #expect(throws: GatewayError.self) {
                try await withGateway([], configure: { $0.addresses = [GatewayAddress(host: "127.0.0.1", port: port)] })
                { _, _ in }
            }

            #expect(error?.code == .bindFailed)
            #expect(error?.message.contains("127.0.0.1:\(port)") == true)
        }
    }
}
