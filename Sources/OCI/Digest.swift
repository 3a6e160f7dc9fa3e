internal import Crypto

/// A content digest; only `sha256:<64 lower-case hexadecimal digits>` is accepted.
package struct Digest: RawRepresentable, Hashable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: String
    package var description: String { rawValue }

    /// Nil for another algorithm or a malformed value.
    package init?(rawValue: String) {
        guard rawValue.utf8.count == 71, rawValue.hasPrefix("sha256:") else { return nil }
        let digits = rawValue.utf8.dropFirst(7)
        let isHex = digits.allSatisfy {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
        }
        guard isHex else { return nil }
        self.rawValue = rawValue
    }

    /// The 64 hexadecimal digits.
    package var hex: String { String(rawValue.dropFirst(7)) }

    /// The digest of `bytes`.
    package init(of bytes: some Sequence<UInt8>) {
        var hasher = DigestHasher()
        Array(bytes).withUnsafeBytes { hasher.update($0) }
        self = hasher.finish()
    }

    fileprivate init(unchecked rawValue: String) { self.rawValue = rawValue }
}

/// Computes a ``Digest`` piece by piece.
package struct DigestHasher {
    private var hasher = SHA256()

    /// A hasher that has seen nothing.
    package init() {}

    /// Appends bytes.
    package mutating func update(_ bytes: UnsafeRawBufferPointer) { hasher.update(bufferPointer: bytes) }

    /// The digest of everything appended.
    package func finish() -> Digest {
        let alphabet = Array("0123456789abcdef".utf8)
        var text = Array("sha256:".utf8)
        for byte in hasher.finalize() {
            text.append(alphabet[Int(byte >> 4)])
            text.append(alphabet[Int(byte & 15)])
        }
        return Digest(unchecked: String(decoding: text, as: UTF8.self))
    }
}
