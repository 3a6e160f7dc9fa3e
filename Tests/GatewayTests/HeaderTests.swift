import Testing

@testable import Gateway

@Suite("paths and headers", .timeLimit(.minutes(1)))
struct HeaderTests {
    struct PathCase: Sendable {
        let strip, base, request: String
        let expected: String?
    }

    @Test(
        "paths are mapped",
        arguments: [
            PathCase(strip: "/test", base: "", request: "/test/pp/abc", expected: "/pp/abc"),
            PathCase(strip: "/test/ppp", base: "", request: "/test/ppp/abc", expected: "/abc"),
            PathCase(strip: "", base: "", request: "/test/abc", expected: "/test/abc"),
            PathCase(strip: "/test", base: "", request: "/test", expected: "/"),
            PathCase(strip: "/test", base: "", request: "/test?a=b&c", expected: "/?a=b&c"),
            PathCase(strip: "/test/", base: "/base/", request: "/test/x", expected: "/base/x"),
            PathCase(strip: "/test", base: "/base", request: "/test", expected: "/base/"),
            PathCase(strip: "/", base: "/base", request: "/x%20y?z", expected: "/base/x%20y?z"),
            PathCase(strip: "/test", base: "", request: "/testing/x", expected: nil),
            PathCase(strip: "/other", base: "", request: "/test/x", expected: nil),
            PathCase(strip: "/test", base: "", request: "/%74est/x", expected: "/x"),
        ])
    func paths(example: PathCase) async throws {
        let upstream = try await TestUpstream.answering { head, _ in String(head.split(separator: " ")[1]) }
        let backend = upstream.backend(options: ProxyOptions(stripPrefix: example.strip), basePath: example.base)
        try await withGateway([.all(backend)]) { _, port in
            let (head, body) = try await fetch(port, "GET \(example.request) HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(head.status == (example.expected == nil ? 404 : 200))
            if let expected = example.expected { #expect(body == expected) }
        }
    }

    private func sent(
        _ options: ProxyOptions = ProxyOptions(), _ fields: String, path: String = "/",
        configure: (inout GatewayConfiguration) -> Void = { _ in }
    ) async throws -> (head: String, upstream: UInt16) {
        let upstream = try await TestUpstream.answering { head, _ in head }
        return try await withGateway([.all(upstream.backend(options: options))], configure: configure) { _, port in
            let body = try await fetch(port, "GET \(path) HTTP/1.1\r\n\(fields)\r\n").body
            return (body, upstream.port)
        }
    }

    @Test("what only the gateway may say is dropped, and said by it")
    func forwarded() async throws {
        let options = ProxyOptions(
            forwardedPrefix: "/app/", requestHeaders: [GatewayHeader("X-Openrun-User", "anonymous")],
            removedRequestHeaders: ["X-Secret"])

        let (head, port) = try await sent(
            options,
            "Host: client.test:8080\r\nForwarded: for=evil\r\nX-Forwarded-For: 6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n"
                + "X-Forwarded-Anything: evil\r\nX-OpenRun-User: admin\r\nX-OpenRun-Perms: all\r\nX-Martlet-X: 1\r\n"
                + "X-SECRET: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                + "TE: trailers, deflate\r\nAccept: text/html\r\nCookie: a=b\r\nCookie: c=d\r\n")

        #expect(
            head == """
                GET / HTTP/1.1\r
                Host: 127.0.0.1:\(port)\r
                Accept: text/html\r
                Cookie: a=b\r
                Cookie: c=d\r
                X-Forwarded-Prefix: /app\r
                X-Openrun-User: anonymous\r
                X-Forwarded-For: 127.0.0.1\r
                X-Real-IP: 127.0.0.1\r
                X-Forwarded-Proto: http\r
                X-Forwarded-Host: client.test:8080\r
                X-Forwarded-Port: 8080\r
                \r

                """)
    }

    @Test(
        "the host is chosen by policy",
        arguments: [
            (ProxyOptions.HostPolicy.client, "Evil.test:81", "Evil.test:81"),
            (.fixed("fixed.test"), "evil.test", "fixed.test"),
            (.clientWithin(domain: "a.example.com"), "evil.test", "a.example.com"),
            (.clientWithin(domain: "a.example.com"), "A.example.com:81", "A.example.com:81"),
            (.clientWithin(domain: "localhost"), "127.0.0.1:81", "127.0.0.1:81"),
        ])
    func host(policy: ProxyOptions.HostPolicy, client: String, expected: String) async throws {
        let (head, _) = try await sent(ProxyOptions(host: policy), "Host: \(client)\r\n")

        #expect(head.field("host") == expected)
    }

    @Test("a web socket request carries the client's host")
    func upgradeHost() async throws {
        let (head, _) = try await sent(
            ProxyOptions(), "Host: client.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
        )

        #expect(head.field("host") == "client.test")
        #expect(head.field("upgrade") == "websocket")
        #expect(head.field("connection") == "upgrade")
    }

    @Test(
        "only trusted proxies may name the client",
        arguments: [
            (["127.0.0.0/8"], "1.2.3.4, 127.0.0.9", "https", "1.2.3.4", "https"),
            (["127.0.0.1"], "1.2.3.4, 127.0.0.9", "http", "127.0.0.9", "http"),
            (["127.0.0.1"], "evil", "http", "127.0.0.1", "http"),
            (["10.0.0.0/8"], "1.2.3.4", "https", "127.0.0.1", "http"),
            (["127.0.0.1"], "2001:db8::1", "https", "2001:db8::1", "https"),
        ])
    func trusted(proxies: [String], chain: String, proto: String, expected: String, scheme: String) async throws {
        let (head, _) = try await sent(
            ProxyOptions(), "Host: a\r\nX-Forwarded-For: \(chain)\r\nX-Forwarded-Proto: \(proto)\r\n",
            configure: { $0.trustedProxies = proxies })

        #expect(head.field("x-forwarded-for") == expected)
        #expect(head.field("x-real-ip") == expected)
        #expect(head.field("x-forwarded-proto") == scheme)
    }

    @Test("a network that is none is refused at start")
    func badNetwork() async throws {
        await #expect(throws: GatewayError.self) {
            try await withGateway([], configure: { $0.trustedProxies = ["10.0.0.0/99"] }) { _, _ in }
        }
    }

    @Test(
        "Location is translated back",
        arguments: [
            ("http://{upstream}/login", "/test/login"), ("/login", "/test/login"), ("https://other/", "https://other/"),
            ("login", "login"), ("//other/x", "//other/x"), ("/test/login", "/test/login"),
            ("/testing", "/test/testing"),
            ("http://{upstream}", "/test/"), ("http://{upstream}?a=b", "/test/?a=b"), ("/", "/test/"),
            ("/a?next=/b", "/test/a?next=/b"),
            ("http://other:80/login", "http://other:80/login"), ("HTTP://{upstream}/x", "/test/x"),
        ])
    func location(value: String, expected: String) async throws {
        let upstream = try await TestUpstream { connection in
            let head = try await connection.readHead()
            let own = head.field("host")!
            let location = value.replacing("{upstream}", with: own)
            try await connection.send("HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
        }
        try await withGateway([.all(upstream.backend(options: ProxyOptions(stripPrefix: "/test")))]) { _, port in
            let head = try await fetch(port, "GET /test/x HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.field("location") == expected)
        }
    }

    @Test("a redirect to the other scheme of the client's host stays, or it would loop")
    func schemeRedirect() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send("HTTP/1.1 302 Found\r\nLocation: https://a.test/x\r\nContent-Length: 0\r\n\r\n")
        }
        try await withGateway([.all(upstream.backend(options: ProxyOptions(host: .client)))]) { _, port in
            let head = try await fetch(port, "GET /x HTTP/1.1\r\nHost: a.test\r\n\r\n").head

            #expect(head.field("location") == "https://a.test/x")
        }
    }

    @Test("response headers are set, with the forwarded path, and hop-by-hop ones dropped")
    func responseHeaders() async throws {
        let upstream = try await TestUpstream { connection in
            _ = try await connection.readHead()
            try await connection.send(
                "HTTP/1.1 200 OK\r\nX-A: theirs\r\nKeep-Alive: 5\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
                    + "Content-Length: 0\r\nX-Frame-Options: DENY\r\n\r\n")
        }
        let options = ProxyOptions(
            stripPrefix: "/test",
            responseHeaders: [GatewayHeader("X-A", "p=$url"), GatewayHeader("X-B", "$url-$url\r\nX-C: 1")])
        try await withGateway([.all(upstream.backend(options: options), policy: RoutePolicy(securityHeaders: true))]) {
            _, port in
            let head = try await fetch(port, "GET /test/q?x HTTP/1.1\r\nHost: a\r\n\r\n").head

            #expect(head.field("x-a") == "p=/q")
            #expect(head.field("x-b") == "/q-/qX-C: 1")
            #expect(head.field("x-hop") == nil)
            #expect(head.field("keep-alive") == nil)
            #expect(head.field("x-frame-options") == "DENY")
            #expect(head.field("x-content-type-options") == "nosniff")
            #expect(head.field("referrer-policy") == "strict-origin-when-cross-origin")
            #expect(head.split(separator: "\r\n").count { $0.lowercased().hasPrefix("x-frame-options") } == 1)
        }
    }

    @Test(
        "cross-site changes are refused",
        arguments: [
            ("POST", "Sec-Fetch-Site: cross-site\r\n", 403), ("POST", "Sec-Fetch-Site: same-site\r\n", 403),
            ("POST", "Sec-Fetch-Site: same-origin\r\n", 200), ("POST", "Sec-Fetch-Site: none\r\n", 200),
            ("GET", "Sec-Fetch-Site: cross-site\r\n", 200), ("DELETE", "Origin: http://evil.test\r\n", 403),
            ("DELETE", "Origin: http://a.test:80\r\n", 200), ("DELETE", "Origin: http://A.test:80\r\n", 200),
            ("POST", "Origin: null\r\n", 403), ("POST", "", 200),
        ])
    func crossSite(method: String, fields: String, status: Int) async throws {
        let upstream = try await TestUpstream.answering { _, _ in "" }
        try await withGateway([.all(upstream.backend(), policy: RoutePolicy(crossSiteProtection: true))]) { _, port in
            let head = try await fetch(port, "\(method) / HTTP/1.1\r\nHost: a.test:80\r\n\(fields)\r\n").head

            #expect(head.status == status)
        }
    }

    @Test(
        "the write gate lets only reading methods pass",
        arguments: [("GET", 200), ("HEAD", 200), ("OPTIONS", 200), ("POST", 403), ("PATCH", 403), ("ODD", 403)])
    func writeGate(method: String, status: Int) async throws {
        let upstream = try await TestUpstream.answering { _, _ in "" }
        try await withGateway([.all(upstream.backend(), policy: RoutePolicy(writeRefusal: "PERM-WRITE: stage"))]) {
            _, port in
            let (head, body) = try await fetch(port, "\(method) / HTTP/1.1\r\nHost: a\r\n\r\n")

            #expect(head.status == status)
            if status == 403 { #expect(body.hasPrefix("PERM-WRITE")) }
        }
    }

    @Test("preflights are answered and responses marked")
    func crossOrigin() async throws {
        let upstream = try await TestUpstream.answering { _, _ in "" }
        let policy = RoutePolicy(crossOrigin: CrossOriginPolicy(allowOrigin: "origin", allowCredentials: true))
        try await withGateway([.all(upstream.backend(), policy: policy)]) { _, port in
            let connection = try await RawConnection.connect(to: port)
            try await connection.send(
                "OPTIONS / HTTP/1.1\r\nHost: a\r\nOrigin: http://b.test\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
            let preflight = try await connection.readHead()
            let head = try await fetch(port, "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://b.test\r\n\r\n").head

            #expect(preflight.status == 204)
            #expect(preflight.field("access-control-allow-origin") == "http://b.test")
            #expect(preflight.field("access-control-allow-methods")?.contains("PUT") == true)
            #expect(head.field("access-control-allow-origin") == "http://b.test")
            #expect(head.field("access-control-allow-credentials") == "true")
            #expect(head.field("vary") == "Origin")
        }
    }

    @Test(
        "backends are named by URLs",
        arguments: [
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"), ("https://h/base/", "https://h:443/base"),
            ("http://[::1]:81/x", "http://[::1]:81/x"),
            ("http://h", "http://h:80"),
        ])
    func urls(url: String, expected: String) throws {
        #expect(try Backend(id: BackendID("b"), url: url).description == "b (\(expected))")
    }

    @Test(
        "what is no target is refused",
        arguments: [
            "127.0.0.1:80", "ftp://h/", "http://", "http://h:x/", "http://h:0/", "http://u@h/", "http://h/?q",
            "http://h/a b",
        ])
    func badURLs(url: String) {
        #expect(throws: GatewayError.self) { try Backend(id: BackendID("b"), url: url) }
    }
}
