import Testing

@testable import Gateway

@Suite("deploys", .timeLimit(.minutes(1)))
struct DeployTests {
    /// A backend that answers its name once `gate` is open.
    private func upstream(_ name: String, _ gate: Gate, _ arrived: SharedCount) async throws -> TestUpstream {
        try await TestUpstream { connection in
            while true {
                _ = try await connection.readHead()
                arrived.increment()
                await gate.pass()
                try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(name.utf8.count)\r\n\r\n\(name)")
            }
        }
    }

    @Test("a new table while a thousand requests are in flight fails none of them")
    func swap() async throws {
        let gate = Gate()
        let open = Gate()
        open.open()
        let arrived = SharedCount()
        let old = try await upstream("old", gate, arrived)
        let new = try await upstream("new", open, SharedCount())
        try await withGateway([.all(old.backend("old"))]) { gateway, port in
            var clients: [RawConnection] = []
            for _ in 0..<1000 {
                let client = try await RawConnection.connect(to: port)
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                clients.append(client)
            }
            await arrived.wait(for: 1000)

            gateway.publish(RouteTable(routes: [.all(new.backend("new"))]))
            #expect(try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").body == "new")
            #expect(gateway.activity(of: BackendID("old")).inFlight == 1000)
            #expect(await gateway.drain(BackendID("old"), deadline: .milliseconds(1)) == false)
            async let drained = gateway.drain(BackendID("old"), deadline: .seconds(50))
            gate.open()

            for client in clients {
                #expect(try await client.readResponse().body == "old")
                try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            }
            for client in clients { #expect(try await client.readResponse().body == "new") }
            #expect(await drained)
        }
    }

    @Test("tables swapped all the time fail no request")
    func churn() async throws {
        let open = Gate()
        open.open()
        let names = ["a", "b", "c"]
        var upstreams: [TestUpstream] = []
        for name in names { upstreams.append(try await upstream(name, open, SharedCount())) }
        let backends = zip(names, upstreams).map { $1.backend($0) }
        try await withGateway([.all(backends[0])]) { gateway, port in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        let client = try await RawConnection.connect(to: port)
                        for _ in 0..<200 {
                            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
                            #expect(try await client.readResponse().head.status == 200)
                        }
                    }
                }
                group.addTask {
                    for i in 0..<300 {
                        gateway.publish(RouteTable(routes: [.all(backends[i % 3])]))
                        _ = await gateway.drain(backends[(i + 2) % 3].id, deadline: .seconds(5))
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("idle connections to a removed backend are closed")
    func removed() async throws {
        let ended = Gate()
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = await connection.readToEnd()
            ended.open()
        }
        try await withGateway([.all(upstream.backend())]) { gateway, port in
            _ = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            gateway.publish(RouteTable())

            await ended.pass()
            #expect(gateway.activity(of: BackendID("up")) == BackendActivity())
        }
    }

    @Test("a backend with a new address keeps its counters")
    func moved() async throws {
        let first = try await TestUpstream.answering { _, _ in "1" }
        let second = try await TestUpstream.answering { _, _ in "2" }
        try await withGateway([.all(first.backend("app"))]) { gateway, port in
            let body = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").body
            #expect(body == "1")
            gateway.publish(RouteTable(routes: [.all(second.backend("app"))]))
            #expect(try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").body == "2")

            // The client has its answer a moment before the gateway has counted the end.
            #expect(await gateway.drain(BackendID("app"), deadline: .seconds(30)))
            let activity = gateway.activity(of: BackendID("app"))
            #expect(activity.requests == 2)
            #expect(activity.inFlight == 0)
            #expect(activity.lastActivity != nil)
            #expect(activity.bytesSent > 100 && activity.bytesReceived > 50)
        }
    }

    @Test("a graceful stop finishes what is in flight and ends idle connections and tunnels")
    func gracefulStop() async throws {
        let gate = Gate()
        let arrived = SharedCount()
        let upstream = try await upstream("done", gate, arrived)
        try await withGateway([.all(upstream.backend())], configure: { $0.shutdownDeadline = .seconds(20) }) {
            gateway, port in
            let idle = try await RawConnection.connect(to: port)
            let busy = try await RawConnection.connect(to: port)
            try await busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await arrived.wait(for: 1)

            async let stopped: Void = gateway.stop()
            #expect(await idle.readToEnd().end == .closed)
            gate.open()
            let (head, body) = try await busy.readResponse()
            await stopped

            #expect(body == "done")
            #expect(head.field("connection") == "close")
            await #expect(throws: (any Error).self) { try await RawConnection.connect(to: port) }
        }
    }

    @Test("what is still in flight at the deadline is closed")
    func stopDeadline() async throws {
        let arrived = SharedCount()
        let upstream = try await upstream("never", Gate(), arrived)
        try await withGateway([.all(upstream.backend())], configure: { $0.shutdownDeadline = .milliseconds(20) }) {
            gateway, port in
            let busy = try await RawConnection.connect(to: port)
            try await busy.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await arrived.wait(for: 1)

            await gateway.stop()

            _ = await busy.readToEnd()
        }
    }
}
