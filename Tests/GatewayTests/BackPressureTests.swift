import Testing

@testable import Gateway

@Suite("back-pressure", .timeLimit(.minutes(1)))
struct BackPressureTests {
    private static let total = 64 << 20
    /// What sockets of the kernel hold on both sides of the gateway, and a little for the gateway itself.
    private static let bound = 32 << 20

    @Test("a slow client slows the backend down")
    func slowClient() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.total)\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 1 << 20)
            for _ in 0..<Self.total >> 20 { try await connection.send(piece) }
            _ = await connection.readToEnd()
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            _ = try await client.readHead()
            try await client.pauseReading(true)
            client.discard()

            while client.total < Self.total {
                try await client.readOnce()
                let ahead = gateway.activity(of: BackendID("up")).bytesReceived - client.total
                #expect(ahead < Self.bound)
            }
        }
    }

    @Test("a slow backend slows the client down")
    func slowBackend() async throws {
        let connected = Gate()
        let slow = SharedBox<RawConnection>()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.pauseReading(true)
            connection.discard()
            slow.value = connection
            connected.open()
            _ = await connection.readToEnd()
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(Self.total)\r\n\r\n")
            await connected.pass()
            async let sent: Void = {
                let piece = [UInt8](repeating: 7, count: 1 << 20)
                for _ in 0..<Self.total >> 20 { try await client.send(piece) }
            }()

            let reader = try #require(slow.value)
            while reader.total < Self.total {
                try await reader.readOnce()
                let ahead = gateway.activity(of: BackendID("up")).bytesSent - reader.total
                #expect(ahead < Self.bound)
            }
            try await sent
        }
    }
}
