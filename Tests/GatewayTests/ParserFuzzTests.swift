import NIOCore
import Testing

@testable import Gateway

/// The same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("fuzzing")
struct ParserFuzzTests {
    static let seeds = [
        "GET /a/b?c=d HTTP/1.1\r\nHost: example.com:80\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
        "POST http://a.test/x HTTP/1.1\r\nHost: b\r\nContent-Length: 12\r\nConnection: keep-alive, X-A\r\nX-A: 1\r\n\r\n",
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ]
    static let pieces = [
        "\r\n", "\n", "\r", " ", "\t", ":", "\0", "\r\n ", "Host: a\r\n", "Content-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\n", "%2e%2e", "/../", "é", ",", ";", "[", "]", "HTTP/1.1",
    ]

    private static func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 1: bytes.remove(at: at)
            case 2: bytes.insert(contentsOf: Array(pieces.randomElement(using: &random)!.utf8), at: at)
            case 3: bytes.insert(bytes[at], at: at)
            case 4: bytes.swapAt(at, Int.random(in: 0..<bytes.count, using: &random))
            default:
                let end = Int.random(in: at..<bytes.count, using: &random)
                bytes.insert(contentsOf: bytes[at...end], at: at)
            }
        }
    }

    /// What an accepted head must look like to any other parser, checked with slow and simple means.
    private func check(_ head: RequestHead, _ bytes: [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).map(Array.init)
        #expect(lines.removeLast().isEmpty, "\(text.debugDescription)")
        #expect(lines.allSatisfy { $0.last == 0x0D && !$0.dropLast().contains(0x0D) }, "\(text.debugDescription)")
        #expect(lines.last == [0x0D], "\(text.debugDescription)")
        let fields = lines.dropFirst().dropLast().map { String(decoding: $0.dropLast(), as: UTF8.self) }
        #expect(fields.count == head.fields.count)
        func values(_ name: String) -> [String] {
            fields.filter { $0.lowercased().hasPrefix("\(name):") }.map {
                String($0.drop { $0 != ":" }.dropFirst()).trimmed
            }
        }
        #expect(fields.allSatisfy { !$0.hasPrefix(" ") && !$0.hasPrefix("\t") }, "\(text.debugDescription)")
        #expect(bytes.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x0D || $0 == 0x0A || $0 == 0x09 })
        let lengths = values("content-length")
        let codings = values("transfer-encoding")
        #expect(lengths.count + codings.count <= 1, "\(text.debugDescription)")
        #expect(values("host").count <= 1)
        switch head.framing {
        case .none: #expect(codings.isEmpty && (lengths.first.map { Int($0) == 0 } ?? true))
        case .length(let length): #expect(lengths == ["\(length)"] || Int(lengths[0]) == length)
        case .chunked: #expect(codings[0].lowercased() == "chunked")
        case .untilClose: Issue.record("a request ends before its connection")
        }
        if !head.isAsterisk {
            let path = bytes.text(head.path)
            #expect(path.hasPrefix("/"))
            let segments = path.lowercased().split(separator: "/").map { $0.prefix { $0 != ";" } }
            #expect(!segments.contains { [".", "..", "%2e", ".%2e", "%2e.", "%2e%2e"].contains($0) })
        }
    }

    @Test("mutated heads are refused or unambiguous", arguments: 0..<8)
    func heads(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var accepted = 0
        for _ in 0..<4000 {
            var bytes = Array(Self.seeds.randomElement(using: &random)!.utf8)
            Self.mutate(&bytes, &random)
            if case .success(let (head, used)) = parseRequest(bytes) {
                accepted += 1
                check(head, used)
            }
        }
        #expect(accepted > 100)
    }

    @Test("mutated chunks give the same however they are cut", arguments: 0..<4)
    func chunks(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        for _ in 0..<3000 {
            var bytes = Array((BodyReaderTests.chunked.dropLast(2) + "X-T: 1\r\n\r\n").utf8)
            Self.mutate(&bytes, &random)
            let whole = Self.decode(bytes, size: bytes.count + 1)
            let single = Self.decode(bytes, size: 1)
            #expect(whole.isDone == single.isDone && whole.failed == single.failed)
            if !whole.failed { #expect(whole.data == single.data && whole.rest == single.rest) }
        }
    }

    private static func decode(_ bytes: [UInt8], size: Int) -> (data: [UInt8], rest: Int, isDone: Bool, failed: Bool) {
        var reader = BodyReader(.chunked, mode: .decoded, direction: .request)
        var data: [UInt8] = []
        var rest = ByteBuffer()
        for start in stride(from: 0, to: bytes.count, by: max(size, 1)) {
            rest.writeBytes(bytes[start..<min(start + size, bytes.count)])
            do { try reader.read(&rest) { data += Array($0.readableBytesView) } } catch {
                return (data, 0, false, true)
            }
        }
        return (data, rest.readableBytes, reader.isDone, false)
    }
}

extension String {
    fileprivate var trimmed: String {
        var text = self[...]
        while text.first == " " || text.first == "\t" { text = text.dropFirst() }
        while text.last == " " || text.last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
