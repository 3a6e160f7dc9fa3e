import Core
import Testing

@Suite("byte counts")
struct ByteCountTests {
    @Test(
        "sizes are read as Docker reads them",
        arguments: [
            ("0", 0), ("512", 512), ("1k", 1024), ("512m", 512 << 20), ("512Mi", 512 << 20), ("1g", 1 << 30),
            ("1.5Gi", 3 << 29),
            ("2TB", 2 << 40),
        ] as [(String, Int64)])
    func parses(text: String, bytes: Int64) {
        #expect(ByteCount(parsing: text)?.rawValue == bytes)
    }

    @Test("what is no size is refused", arguments: ["", "m", "-1", "1x", "1 g", "1..2", "99999999999t", "0x10"])
    func refuses(text: String) {
        #expect(ByteCount(parsing: text) == nil)
    }

    @Test(
        "sizes are shown short",
        arguments: [(17, "17 B"), (4300, "4.2 KiB"), (63 << 20, "63 MiB"), (1 << 30, "1.0 GiB")] as [(Int64, String)])
    func shows(bytes: Int64, text: String) {
        #expect(ByteCount(bytes).description == text)
    }
}
