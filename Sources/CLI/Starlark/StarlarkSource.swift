internal import Glibc

/// A program's text and the name it has in messages.
struct StarlarkSource: Sendable {
    let name: String
    let text: String

    /// Reads a file, or standard input for `-`.
    /// - Throws: ``StarlarkCommandError`` for what cannot be read or is not UTF-8.
    static func read(_ path: String, hint: String? = nil) throws -> StarlarkSource {
        if path == "-" { return StarlarkSource(name: "<stdin>", text: try text(readAll(0, path), path)) }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw StarlarkCommandError.unreadable(path, String(cString: strerror(errno)).lowercased(), hint: hint)
        }
        defer { close(descriptor) }
        return StarlarkSource(name: path, text: try text(readAll(descriptor, path), path))
    }

    private static func readAll(_ descriptor: CInt, _ path: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count > 0 {
                bytes += piece[..<count]
            } else if count == 0 {
                return bytes
            } else if errno != EINTR {
                throw StarlarkCommandError.unreadable(path, String(cString: strerror(errno)).lowercased())
            }
        }
    }

    private static func text(_ bytes: [UInt8], _ path: String) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            // The replacement character takes the place of the first bad byte; what precedes it is as it was.
            let lossy = String(decoding: bytes, as: UTF8.self).utf8
            let bad = zip(bytes, lossy).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
            throw StarlarkCommandError.notText(path, line: 1 + bytes[..<bad].count { $0 == 10 })
        }
        return text
    }
}
