import Testing

@testable import Gateway

/// Scans and parses a head as a connection does; nil while it is incomplete.
func parseRequest(_ text: String) -> Result<(RequestHead, [UInt8]), HeadFailure>? { parseRequest(Array(text.utf8)) }

func parseRequest(
    _ bytes: [UInt8], limits: GatewayConfiguration.Limits = .init()
) -> Result<(RequestHead, [UInt8]), HeadFailure>? {
    bytes.withUnsafeBufferPointer { view in
        var scanner = HeadScanner()
        switch scanner.scan(view) {
        case .incomplete: return nil
        case .bareLineFeed: return .failure(.bareLineFeed)
        case .end(let end):
            if end > limits.requestHeadBytes { return .failure(.headTooLarge) }
            var head = RequestHead()
            if let failure = head.parse(view, end: end, limits: limits) { return .failure(failure) }
            return .success((head, Array(bytes[..<end])))
        }
    }
}

@Suite("request heads")
struct RequestHeadTests {
    struct Refused: Sendable, CustomTestStringConvertible {
        let text: String
        let failure: HeadFailure
        init(_ text: String, _ failure: HeadFailure) {
            self.text = text
            self.failure = failure
        }
        var testDescription: String { text.debugDescription }
    }

    static let refused: [Refused] = [
        Refused("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed),
        Refused("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", .bareLineFeed),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", .obsoleteFold),
        Refused("GET / HTTP/1.1\r\nHost: a\r\n\tc: d\r\n\r\n", .obsoleteFold),
        Refused("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .obsoleteFold),
        Refused("GET / HTTP/1.1\r\nHost : a\r\n\r\n", .spaceBeforeColon),
        Refused("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", .spaceBeforeColon),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n", .spaceBeforeColon),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", .spaceBeforeColon),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", .malformedField),
        Refused("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", .malformedField),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX(y): b\r\n\r\n", .malformedField),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX\u{0}y: b\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{0}b\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{1}bcdefghijk\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: long enough for a word\u{7F}\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", .controlCharacter),
        Refused("GET /a\u{1}b HTTP/1.1\r\nHost: a\r\n\r\n", .controlCharacter),
        Refused("GET / HTTP/1.1\r\n\r\n", .missingHost),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .duplicateHost),
        Refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", .duplicateHost),
        Refused("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: a,b\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: []:80\r\n\r\n", .malformedHost),
        Refused("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", .malformedHost),
        Refused("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", .malformedHost),
        Refused("GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n", .malformedHost),
        Refused(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndCoding),
        Refused(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", .lengthAndCoding),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", .duplicateLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", .duplicateLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 5\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n", .malformedLength),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedCoding),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", .unsupportedCoding),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", .unsupportedCoding),
        Refused("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", .unsupportedCoding),
        Refused(
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            .duplicateCoding),
        Refused("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .unsupportedCoding),
        Refused("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET /  HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused(" GET / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET /\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("G@T / HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET a HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET / http/1.1\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET / HTTP/1.10\r\nHost: a\r\n\r\n", .malformedRequestLine),
        Refused("GET / HTTP/2.0\r\nHost: a\r\n\r\n", .unsupportedVersion),
        Refused("GET / HTTP/1.2\r\nHost: a\r\n\r\n", .unsupportedVersion),
        Refused("PRI * HTTP/2.0\r\n\r\n", .unsupportedVersion),
        Refused("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", .connectMethod),
        Refused("GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /./b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /a/%2e%2E/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /a/.%2e?x HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /a/..;x/b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET http://a/../b HTTP/1.1\r\nHost: a\r\n\r\n", .dotSegment),
        Refused("GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\nHost: a\r\n\r\n", .targetTooLong),
        Refused("GET / HTTP/1.1\r\nHost: a\r\n\(String(repeating: "X: y\r\n", count: 201))\r\n", .tooManyFields),
        Refused("GET / HTTP/1.1\r\nHost: a\r\nX: \(String(repeating: "y", count: 17000))\r\n\r\n", .headTooLarge),
        Refused("\r\n\r\n", .malformedRequestLine),
    ]

    @Test("what two parsers could read in two ways is refused", arguments: refused)
    func refuses(_ example: Refused) throws {
        // An empty line in front belongs to the connection, not to the head.
        let result = try #require(parseRequest(example.text))

        guard case .failure(let failure) = result else {
            Issue.record("accepted")
            return
        }
        #expect(failure == example.failure)
    }

    @Test("a head gives method, path, query and host")
    func reads() throws {
        let text =
            "DELETE /a/b%20c?x=1&y=?#".dropLast() + " HTTP/1.1\r\nHOST: Example.com:8080 \r\nX-Empty:\r\n\r\nrest"

        let (head, bytes) = try #require(parseRequest(String(text))).get()

        #expect(head.method == .delete)
        #expect(bytes.text(head.path) == "/a/b%20c")
        #expect(bytes.text(head.query) == "?x=1&y=?")
        #expect(bytes.text(head.authority) == "Example.com:8080")
        #expect(bytes.text(head.host) == "Example.com")
        #expect(head.hasEscapes)
        #expect(head.keepsAlive)
        #expect(head.framing == .none)
        #expect(head.length == text.utf8.count - 4)
    }

    @Test("the absolute form names the host and the path")
    func absoluteForm() throws {
        let (head, bytes) = try #require(
            parseRequest("GET http://b.test:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
        ).get()

        #expect(bytes.text(head.authority) == "b.test:81")
        #expect(bytes.text(head.host) == "b.test")
        #expect(bytes.text(head.path) == "/x")
        #expect(bytes.text(head.query) == "?y")
    }

    @Test("the absolute form without a path means the root", arguments: ["http://b", "http://b?q", "https://b"])
    func absoluteFormWithoutPath(target: String) throws {
        let (head, bytes) = try #require(parseRequest("GET \(target) HTTP/1.1\r\nHost: a\r\n\r\n")).get()

        #expect(bytes.text(head.path) == "/")
        #expect(bytes.text(head.host) == "b")
        #expect(bytes.text(head.query) == (target.hasSuffix("?q") ? "?q" : ""))
    }

    @Test("OPTIONS * is told apart")
    func asterisk() throws {
        let (head, _) = try #require(parseRequest("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")).get()

        #expect(head.isAsterisk)
    }

    @Test("HTTP/1.0 needs no host and closes unless asked")
    func oldVersion() throws {
        let (plain, _) = try #require(parseRequest("GET / HTTP/1.0\r\n\r\n")).get()
        let (kept, _) = try #require(parseRequest("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n")).get()

        #expect(!plain.keepsAlive)
        #expect(kept.keepsAlive)
    }

    @Test(
        "an upgrade needs both fields, and HTTP/2 is none",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", true), ("Upgrade: websocket\r\n", false),
            ("Connection: keep-alive, Upgrade\r\nUpgrade: tcp\r\n", true), ("Connection: upgrade\r\n", false),
            ("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n", false),
        ])
    func upgrade(fields: String, expected: Bool) throws {
        let (head, _) = try #require(parseRequest("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n")).get()

        #expect(head.isUpgrade == expected)
    }

    @Test(
        "hosts in brackets keep them, ports are split off",
        arguments: [("[::1]:80", "[::1]"), ("[fe80::1]", "[fe80::1]"), ("a:", "a"), ("", "")])
    func hosts(authority: String, host: String) throws {
        let (head, bytes) = try #require(parseRequest("GET / HTTP/1.1\r\nHost: \(authority)\r\n\r\n")).get()

        #expect(bytes.text(head.host) == host)
    }

    @Test("bytes may arrive one by one")
    func piecewise() {
        let bytes = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
        var scanner = HeadScanner()

        for count in 1..<bytes.count {
            #expect(bytes[..<count].withUnsafeBufferPointer { scanner.scan($0) } == .incomplete)
        }

        #expect(bytes.withUnsafeBufferPointer { scanner.scan($0) } == .end(bytes.count))
    }

    @Test(
        "dots inside names are no dot segments", arguments: ["/a.b", "/...", "/.well-known/x", "/a/..b", "/%2e%2e%2e"])
    func dots(path: String) throws {
        _ = try #require(parseRequest("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")).get()
    }
}

extension [UInt8] {
    func text(_ range: ByteRange) -> String { withUnsafeBufferPointer { $0[range].text } }
}
