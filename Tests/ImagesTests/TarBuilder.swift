/// Writes tar archives byte by byte, the hostile ones too.
struct TarBuilder {
    private(set) var bytes: [UInt8] = []

    enum Kind: Character {
        case file = "0"
        case hardLink = "1"
        case symbolicLink = "2"
        case characterDevice = "3"
        case blockDevice = "4"
        case directory = "5"
        case pipe = "6"
    }

    mutating func file(
        _ name: String, _ text: String = "", mode: Int = 0o644, uid: Int = 0, gid: Int = 0, mtime: Int = 1_000_000
    ) {
        add(name, .file, mode: mode, uid: uid, gid: gid, mtime: mtime, content: Array(text.utf8))
    }

    mutating func directory(_ name: String, mode: Int = 0o755, uid: Int = 0, gid: Int = 0, mtime: Int = 1_000_000) {
        add(name, .directory, mode: mode, uid: uid, gid: gid, mtime: mtime)
    }

    mutating func link(_ name: String, to target: String) { add(name, .symbolicLink, mode: 0o777, link: target) }
    mutating func hardLink(_ name: String, to target: String) { add(name, .hardLink, link: target) }

    mutating func device(_ name: String, _ kind: Kind, major: Int, minor: Int, mode: Int = 0o600) {
        add(name, kind, mode: mode, major: major, minor: minor)
    }

    /// A PAX header for the entry that follows.
    mutating func pax(_ records: [(String, [UInt8])]) {
        var content: [UInt8] = []
        for (key, value) in records {
            let rest = key.utf8.count + value.count + 3  // blank, equals sign, line end
            var length = rest + String(rest).utf8.count
            if String(length).utf8.count + rest != length { length = rest + String(length).utf8.count }
            content += Array("\(length) \(key)=".utf8) + value + [10]
        }
        header("PaxHeaders/x", "x", mode: 0o644, size: content.count)
        append(content)
    }

    /// A GNU long name (`L`) or long link (`K`) for the entry that follows.
    mutating func gnuLong(_ kind: Character, _ text: String) {
        let content = Array(text.utf8) + [0]
        header("././@LongLink", kind, mode: 0, size: content.count)
        append(content)
    }

    mutating func add(
        _ name: String, _ kind: Kind, mode: Int = 0o644, uid: Int = 0, gid: Int = 0, mtime: Int = 1_000_000,
        link: String = "",
        content: [UInt8] = [], major: Int = 0, minor: Int = 0
    ) {
        header(
            name, kind.rawValue, mode: mode, uid: uid, gid: gid, mtime: mtime, link: link, size: content.count,
            major: major,
            minor: minor)
        append(content)
    }

    /// The archive with its end marker.
    func finished() -> [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

    mutating func raw(_ more: [UInt8]) { bytes += more }

    private mutating func append(_ content: [UInt8]) {
        bytes += content
        bytes += [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    mutating func header(
        _ name: String, _ kind: Character, mode: Int, uid: Int = 0, gid: Int = 0, mtime: Int = 0, link: String = "",
        size: Int,
        major: Int = 0, minor: Int = 0
    ) {
        var block = [UInt8](repeating: 0, count: 512)
        func put(_ text: [UInt8], at offset: Int, _ limit: Int) {
            for (index, byte) in text.prefix(limit).enumerated() { block[offset + index] = byte }
        }
        func octal(_ value: Int, at offset: Int, _ width: Int) {
            let digits = String(value, radix: 8)
            put(Array((String(repeating: "0", count: width - 1 - digits.count) + digits).utf8), at: offset, width)
        }
        put(Array(name.utf8), at: 0, 100)
        octal(mode, at: 100, 8)
        octal(uid, at: 108, 8)
        octal(gid, at: 116, 8)
        octal(size, at: 124, 12)
        octal(mtime, at: 136, 12)
        put(Array(String(kind).utf8), at: 156, 1)
        put(Array(link.utf8), at: 157, 100)
        put(Array("ustar\u{0}00".utf8), at: 257, 8)
        octal(major, at: 329, 8)
        octal(minor, at: 337, 8)
        put(Array("        ".utf8), at: 148, 8)
        octal(block.reduce(0) { $0 + Int($1) }, at: 148, 7)
        block[154] = 0
        block[155] = 32
        bytes += block
    }
}
