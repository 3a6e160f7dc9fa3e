import Testing

@testable import Gateway

@Suite("tunnels", .timeLimit(.minutes(1)))
struct TunnelTests {
    private static let request = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    private static let accepted =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

    @Test("after 101 bytes pass both ways at once, early ones included")
    func echo() async throws {
        let upstream = try await TestUpstream { connection in
            let head = try await connection.readHead()
            #expect(head.field("upgrade") == "websocket")
            try await connection.send(Self.accepted + "hi!")
            while true { try await connection.send(try await connection.readExactly(4).uppercased()) }
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send(Self.request + "earl")
            let head = try await client.readHead()
            let early = try await client.readExactly(7)
            for _ in 0..<100 {
                try await client.send("ping")
                #expect(try await client.readExactly(4) == "PING")
            }

            #expect(head.status == 101)
            #expect(head.field("upgrade") == "websocket")
            #expect(head.field("connection") == "upgrade")
            #expect(early == "hi!EARL")
            let activity = gateway.activity(of: BackendID("up"))
            #expect(activity.tunnels == 1)
            #expect(activity.inFlight == 0)
        }
    }

    @Test("each side may end its direction first")
    func halfClose() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send(Self.accepted)
            let (text, _) = await connection.readToEnd()
            try await connection.send("got \(text)")
            try await connection.closeOutput()
        }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.request)
            _ = try await client.readHead()

            try await client.send("all of it")
            try await client.closeOutput()
            let (text, end) = await client.readToEnd()

            #expect(text == "got all of it")
            #expect(end == .closed)
        }
    }

    @Test("an upgrade the backend refuses is a usual answer, and the next request works")
    func refused() async throws {
        let upstream = try await TestUpstream.answering { head, _ in head.field("upgrade") ?? "none" }
        try await withGateway([.all(upstream.backend())]) { _, port in
            let client = try await RawConnection.connect(to: port)

            try await client.send(Self.request)
            let first = try await client.readResponse()
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(first.head.status == 200)
            #expect(first.body == "websocket")
            #expect(try await client.readResponse().body == "none")
        }
    }

    @Test("the end of one side ends the other")
    func ends() async throws {
        let upstreamEnded = Gate()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send(Self.accepted)
            if try await connection.readExactly(4) == "quit" { return await connection.close() }
            _ = await connection.readToEnd()
            upstreamEnded.open()
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            let first = try await RawConnection.connect(to: port)
            try await first.send(Self.request + "quit")
            _ = try await first.readHead()
            #expect(await first.readToEnd().end == .closed)

            let second = try await RawConnection.connect(to: port)
            try await second.send(Self.request + "stay")
            _ = try await second.readHead()
            try await second.reset()
            await upstreamEnded.pass()

            let third = try await RawConnection.connect(to: port)
            try await third.send(Self.request)
            _ = try await third.readHead()
            gateway.disconnect(BackendID("up"))
            _ = await third.readToEnd()
        }
    }

    @Test("an idle tunnel ends when a limit is set")
    func idle() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send(Self.accepted)
            _ = await connection.readToEnd()
        }
        try await withGateway([.all(upstream.backend())], configure: { $0.timeouts.tunnelIdle = .milliseconds(50) }) {
            _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send(Self.request)
            _ = try await client.readHead()

            #expect(await client.readToEnd().end == .closed)
        }
    }
}
