import NIOCore
import Testing

@testable import Gateway

@Suite("bodies")
struct BodyReaderTests {
    /// Reads `text` in pieces of `size`; the data handed on and what is left.
    private func read(
        _ text: String, _ framing: BodyFraming, mode: BodyReader.Mode = .verbatim,
        direction: BodyReader.Direction = .request, size: Int
    ) throws -> (data: String, rest: String, isDone: Bool) {
        var reader = BodyReader(framing, mode: mode, direction: direction)
        var data = ByteBuffer()
        var rest = ByteBuffer()
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            rest.writeBytes(bytes[start..<min(start + size, bytes.count)])
            try reader.read(&rest) { data.writeImmutableBuffer($0) }
        }
        return (String(buffer: data), String(buffer: rest), reader.isDone)
    }

    static let chunked = "5\r\nhello\r\n10;ext=\"a\"\r\n0123456789abcdef\r\n0\r\n\r\n"

    @Test("chunks end where they say, however they are cut", arguments: [1, 2, 3, 7, 1000])
    func chunks(size: Int) throws {
        let verbatim = try read(Self.chunked + "next", .chunked, size: size)
        let decoded = try read(Self.chunked + "next", .chunked, mode: .decoded, size: size)

        #expect(verbatim.data == Self.chunked)
        #expect(verbatim.rest == "next")
        #expect(verbatim.isDone)
        #expect(decoded.data == "hello0123456789abcdef")
        #expect(decoded.rest == "next")
    }

    @Test("trailers pass, but not those only a head may carry", arguments: [1, 4, 1000])
    func trailers(size: Int) throws {
        let text = "1\r\na\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\nX-Forwarded-For: evil\r\n\r\n"

        let request = try read(text + "next", .chunked, size: size)
        let response = try read(text, .chunked, direction: .response, size: size)

        #expect(request.data == "1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n")
        #expect(request.rest == "next")
        #expect(response.data == "1\r\na\r\n0\r\nX-Sum: 1\r\nX-Forwarded-For: evil\r\n\r\n")
    }

    @Test("a body of known length ends there", arguments: [1, 3, 1000])
    func length(size: Int) throws {
        let result = try read("hellonext", .length(5), size: size)

        #expect(result.data == "hello")
        #expect(result.rest == "next")
        #expect(result.isDone)
    }

    @Test(
        "malformed chunks are refused",
        arguments: [
            "\r\n", "g\r\n", "5 \r\nhello\r\n", " 5\r\nhello\r\n", "0x5\r\nhello\r\n", "5\nhello\r\n",
            "5\r\nhello5\r\n",
            "5\r\nhello\n", "-5\r\n", "5\r\nhelloo\r\n", "5\r\rhello", "5;a\nb\r\nhello\r\n", "5;a\u{0}\r\nhello\r\n",
            "fffffffffffffffff\r\n", "0\r\nA: b\n\r\n", "0\r\n a: b\r\n\r\n", "0\r\nnocolon\r\n\r\n",
            "1\r\na\r\n0\r\nX: \u{1}\r\n\r\n",
        ])
    func malformed(text: String) {
        for size in [1, 1000] {
            #expect(throws: BodyFailure.self) { try read(text, .chunked, size: size) }
        }
    }

    @Test("extensions and trailers have bounds")
    func bounds() {
        #expect(throws: BodyFailure.extensionTooLong) {
            try read("5;\(String(repeating: "a", count: 5000))", .chunked, size: 1000)
        }
        #expect(throws: BodyFailure.trailersTooLarge) {
            try read("0\r\nX: \(String(repeating: "a", count: 20000))", .chunked, size: 1000)
        }
    }
}
