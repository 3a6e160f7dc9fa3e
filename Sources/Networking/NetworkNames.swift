/// The names under which an instance's network exists on the host; each is found again from the instance alone.
struct NetworkNames: Sendable, Hashable {
    /// Eight hexadecimal digits.
    let instance: String

    /// Nil unless `instance` is eight lower-case hexadecimal digits.
    init?(instance: String) {
        guard instance.utf8.count == 8, instance.utf8.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        self.instance = instance
    }

    /// The bridge.
    var bridge: String { "mt-\(instance)" }
    /// The packet filter's table, in family `inet`.
    var table: String { "martlet_\(instance)" }
    /// What the host's end of every cable begins with.
    var cablePrefix: String { "v\(instance)" }

    /// The host's end of a container's cable: 15 characters, the last six from a hash of the identifier.
    /// - Parameter attempt: another number gives another name, for the rare case that two identifiers share a hash.
    func cable(for id: String, attempt: Int = 0) -> String {
        var hash: UInt32 = 2_166_136_261
        for byte in id.utf8 { hash = (hash ^ UInt32(byte)) &* 16_777_619 }
        for _ in 0..<attempt { hash = (hash ^ 0xff) &* 16_777_619 }
        // The low bits of FNV-1a are the better mixed ones; fold the two highest in.
        hash = (hash ^ hash >> 30) & 0x3fff_ffff
        let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)
        let suffix = (0..<6).map { alphabet[Int(hash >> UInt32($0 * 5)) & 31] }
        return cablePrefix + String(decoding: suffix, as: UTF8.self)
    }

    /// Whether a text may name a container in files, the packet filter and the name service.
    static func isValid(identifier: String) -> Bool {
        let bytes = identifier.utf8
        guard let first = bytes.first, bytes.count <= 128, isAlphanumeric(first) else { return false }
        return bytes.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    /// Whether a text may be asked of the name service: letters, digits, `_`, `-`, `.`, at most 253.
    static func isValid(hostName: String) -> Bool {
        let bytes = hostName.utf8
        return (1...253).contains(bytes.count)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == 45 || $0 == 46 || $0 == 95 }
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
}
