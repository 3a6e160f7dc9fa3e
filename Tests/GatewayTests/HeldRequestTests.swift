import Testing

@testable import Gateway

@Suite("held requests", .timeLimit(.minutes(1)))
struct HeldRequestTests {
    @Test("a request waits, body unread, until its backend is there")
    func released() async throws {
        let upstream = try await TestUpstream.answering { head, body in "\(head.split(separator: " ")[1])\(body)" }
        let waiting = SharedCount()
        let ready = Gate()
        let backend = upstream.backend("woken")
        let route = Route(
            id: "w",
            target: .wake { head in
                #expect(head.routeID == "w")
                waiting.increment()
                await ready.pass()
                return .backend(backend)
            })
        try await withGateway([route]) { gateway, port in
            var clients: [RawConnection] = []
            for i in 0..<10 {
                let client = try await RawConnection.connect(to: port)
                try await client.send(
                    "POST /\(i) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /next\(i) HTTP/1.1\r\nHost: a\r\n\r\n"
                )
                clients.append(client)
            }
            await waiting.wait(for: 10)
            #expect(upstream.connectionCount == 0)

            ready.open()

            for (i, client) in clients.enumerated() {
                #expect(try await client.readResponse().body == "/\(i)hello")
                #expect(try await client.readResponse().body == "/next\(i)")
            }
            #expect(gateway.activity(of: BackendID("woken")).requests == 20)
        }
    }

    @Test("a callback may answer itself, also with a page")
    func answered() async throws {
        let route = Route(
            id: "w", target: .wake { _ in .respond(.html(503, "<p>building", headers: [.retryAfter(3)])) })
        try await withGateway([route]) { _, port in
            let (head, body) = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(head.status == 503)
            #expect(head.field("retry-after") == "3")
            #expect(body == "<p>building")
        }
    }

    @Test("too long a wait is 503 with Retry-After, and its callback is cancelled")
    func timeLimit() async throws {
        let cancelled = SharedCount()
        let route = Route(
            id: "w",
            target: .wake { _ in
                await withTaskCancellationHandler {
                    await cancelled.wait(for: 1)
                } onCancel: {
                    cancelled.increment()
                }
                return .respond(.text(200, "too late"))
            })
        try await withGateway([route], configure: { $0.timeouts.held = .milliseconds(20) }) { _, port in
            let (head, _) = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(head.status == 503)
            #expect(head.field("retry-after") != nil)
            await cancelled.wait(for: 1)
        }
    }

    @Test("too many waiting requests are 503 with Retry-After")
    func countLimit() async throws {
        let started = Gate()
        let goOn = Gate()
        let route = Route(
            id: "w",
            target: .wake { _ in
                started.open()
                await goOn.pass()
                return .respond(.text(200, "here"))
            })
        try await withGateway(
            [route],
            configure: {
                $0.threads = 1
                $0.limits.heldPerRoute = 1
            }
        ) { _, port in
            let first = try await RawConnection.connect(to: port)
            try await first.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.pass()
            let refused = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            goOn.open()
            let answered = try await first.readResponse()
            let later = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(refused.head.status == 503)
            #expect(refused.head.field("retry-after") != nil)
            #expect(answered.head.status == 200)
            #expect(later.head.status == 200)
        }
    }

    @Test("a client that goes away cancels its callback")
    func cancelled() async throws {
        let started = Gate()
        let cancelled = Gate()
        let route = Route(
            id: "w",
            target: .wake { _ in
                started.open()
                await withTaskCancellationHandler {
                    await cancelled.pass()
                } onCancel: {
                    cancelled.open()
                }
                return .respond(.text(200, ""))
            })
        try await withGateway([route]) { _, port in
            let client = try await RawConnection.connect(to: port)
            try await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            await started.pass()

            await client.close()

            await cancelled.pass()
        }
    }

    @Test("a backend that cannot be reached is woken once and tried once more, bodies included")
    func wakeOnFailure() async throws {
        let stopped = try await TestUpstream { _ in }
        let upstream = try await TestUpstream.answering { _, body in "woken \(body)" }
        let calls = SharedCount()
        let fresh = upstream.backend("fresh")
        let backend = stopped.backend(
            "stopped",
            wake: { _ in
                calls.increment(); return .backend(fresh)
            })
        await stopped.close()
        try await withGateway([.all(backend)]) { _, port in
            let first = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(first.body == "woken ")
            #expect(
                try await fetch(port, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab").body == "woken ab")
            let again = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(again.head.status == 200)
        }
        #expect(calls.value == 3)
    }

    @Test("a wake that leads nowhere is 502, not a loop")
    func wakeInVain() async throws {
        let stopped = try await TestUpstream { _ in }
        let calls = SharedCount()
        let again = stopped.backend("stopped")
        let backend = stopped.backend(
            "stopped",
            wake: { _ in
                calls.increment(); return .backend(again)
            })
        await stopped.close()
        try await withGateway([.all(backend)]) { _, port in
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.status == 502)
        }
        #expect(calls.value == 1)
    }
}
