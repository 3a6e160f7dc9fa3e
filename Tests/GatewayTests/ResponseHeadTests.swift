import Testing

@testable import Gateway

@Suite("response heads")
struct ResponseHeadTests {
    private func parse(_ text: String) -> Result<ResponseHead, HeadFailure> {
        Array(text.utf8).withUnsafeBufferPointer { view in
            var scanner = HeadScanner()
            guard case .end(let end) = scanner.scan(view) else { return .failure(.bareLineFeed) }
            var head = ResponseHead()
            if let failure = head.parse(view, end: end, limits: .init()) { return .failure(failure) }
            return .success(head)
        }
    }

    @Test(
        "malformed responses are refused",
        arguments: [
            ("HTTP/1.1 2000 OK\r\n\r\n", HeadFailure.malformedStatusLine),
            ("HTTP/1.1 20 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/2 200 OK\r\n\r\n", .malformedStatusLine), ("ICY 200 OK\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 099 X\r\n\r\n", .malformedStatusLine), ("HTTP/1.1 600 X\r\n\r\n", .malformedStatusLine),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", .duplicateLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .lengthAndCoding),
            ("HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n", .obsoleteFold),
            ("HTTP/1.1 200 OK\r\nA : b\r\n\r\n", .spaceBeforeColon),
            ("HTTP/1.1 200 O\u{1}K\r\n\r\n", .controlCharacter),
        ])
    func refuses(text: String, failure: HeadFailure) {
        #expect(throws: failure) { try parse(text).get() }
    }

    @Test("a reason phrase may be missing", arguments: ["HTTP/1.1 200\r\n\r\n", "HTTP/1.1 200 \r\n\r\n"])
    func noReason(text: String) throws {
        #expect(try parse(text).get().status == 200)
    }

    @Test("framing follows method and status")
    func framing() throws {
        let sized = "\r\nContent-Length: 5\r\n\r\n"
        #expect(try parse("HTTP/1.1 200 OK\(sized)").get().framing(for: .get) == .length(5))
        #expect(try parse("HTTP/1.1 200 OK\(sized)").get().framing(for: .head) == .none)
        #expect(try parse("HTTP/1.1 304 X\(sized)").get().framing(for: .get) == .none)
        #expect(try parse("HTTP/1.1 204 X\r\n\r\n").get().framing(for: .get) == .none)
        #expect(try parse("HTTP/1.1 200 OK\r\n\r\n").get().framing(for: .post) == .untilClose)
        #expect(try parse("HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n").get().framing(for: .get) == .chunked)
    }

    @Test("keep-alive follows version and Connection")
    func keepAlive() throws {
        #expect(try parse("HTTP/1.1 200 OK\r\n\r\n").get().keepsAlive)
        #expect(try !parse("HTTP/1.1 200 OK\r\nConnection: Close\r\n\r\n").get().keepsAlive)
        #expect(try !parse("HTTP/1.0 200 OK\r\n\r\n").get().keepsAlive)
        #expect(try parse("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n").get().keepsAlive)
    }
}
