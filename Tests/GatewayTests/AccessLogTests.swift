import FoundationEssentials
import Testing

@testable import Gateway

@Suite("access log", .timeLimit(.minutes(1)))
struct AccessLogTests {
    private func log(_ format: GatewayConfiguration.AccessLog.Format) async throws -> [String] {
        let path = "\(FileManager.default.temporaryDirectory.path)/gateway-log-\(UInt64.random(in: 0 ... .max))"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let upstream = try await TestUpstream.answering { _, _ in "hello" }
        try await withGateway(
            [.all(upstream.backend())],
            configure: {
                $0.accessLog = .file(path: path, format)
                $0.threads = 1
            }
        ) {
            _, port in
            _ = try await fetch(
                port, "GET /a?b HTTP/1.1\r\nHost: h:1\r\nUser-Agent: x\"y\\\r\nReferer: http://r/\r\n\r\n")
            _ = try await fetch(port, "bad \r\n\r\n")
        }
        let text = try String(contentsOfFile: path, encoding: .utf8)
        return text.split(separator: "\n").map(String.init)
    }

    @Test("one JSON line for each request, malformed ones included")
    func json() async throws {
        let lines = try await log(.json)

        struct Line: Decodable {
            let time, client: String
            let method, host, target, route, backend, agent, referer: String?
            let status, bytes, microseconds: Int
        }
        let decoded = try lines.map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(decoded.count == 2)
        let first = try #require(decoded.first)
        #expect(first.method == "GET" && first.target == "/a?b" && first.host == "h:1" && first.status == 200)
        #expect(
            first.agent == "x\"y\\" && first.referer == "http://r/" && first.route == "all" && first.backend == "up")
        #expect(first.client == "127.0.0.1" && first.bytes > 40)
        #expect(decoded[1].status == 400 && decoded[1].method == nil)
    }

    @Test("the combined format is what log tools read")
    func combined() async throws {
        let lines = try await log(.combined)

        #expect(
            lines[0].wholeMatch(
                of:
                    /127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b HTTP\/1\.1" 200 \d+ "http:\/\/r\/" "x\\"y\\\\"/
            ) != nil, "\(lines[0])")
        #expect(lines[1].contains("\"-\" 400"))
    }

    @Test("a log that cannot be opened is an error at start")
    func cannotOpen() async throws {
        let error = await #expect(throws: GatewayError.self) {
            try await withGateway([], configure: { $0.accessLog = .file(path: "/nonexistent/x", .json) }) { _, _ in }
        }
        #expect(error?.code == .logFailed)
    }

    @Test(
        "dates are right",
        arguments: [
            (Int64(0), "1970-01-01T00:00:00.000Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (1_795_224_003_045, "2026-11-21T01:20:03.045Z"), (4_102_444_799_999, "2099-12-31T23:59:59.999Z"),
        ])
    func dates(milliseconds: Int64, expected: String) {
        #expect(CalendarTime(milliseconds: milliseconds).iso == expected)
    }
}
