internal import Glibc
internal import NIOCore

/// Networks whose word about the client is believed.
struct TrustedProxies: Sendable {
    private struct Network: Sendable {
        var prefix: [UInt8]
        var bits: Int

        func contains(_ address: [UInt8]) -> Bool {
            guard address.count == prefix.count else { return false }
            for i in 0..<bits where (address[i / 8] ^ prefix[i / 8]) >> UInt8(7 - i % 8) & 1 != 0 { return false }
            return true
        }
    }
    private let networks: [Network]

    /// - Throws: ``GatewayError`` `.invalidNetwork`.
    init(_ texts: [String]) throws {
        networks = try texts.map { text in
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count <= 2, let prefix = Self.bytes(String(parts[0])),
                let bits = parts.count == 2 ? Int(parts[1]) : prefix.count * 8, (0...prefix.count * 8).contains(bits)
            else {
                throw GatewayError(
                    code: .invalidNetwork, message: "trusted proxy `\(text)` is not a network",
                    hint: "write it like `10.0.0.0/8` or `::1`")
            }
            return Network(prefix: prefix, bits: bits)
        }
    }

    var isEmpty: Bool { networks.isEmpty }

    /// Whether an address is inside one of the networks.
    func contains(_ address: String) -> Bool {
        guard !networks.isEmpty, let bytes = Self.bytes(address) else { return false }
        return networks.contains { $0.contains(bytes) }
    }

    /// Who the client is, as a trusted peer tells: the last address in X-Forwarded-For that is no proxy of ours.
    func facts(peer: ClientFacts, _ head: RequestHead, _ headBytes: ByteBuffer) -> ClientFacts {
        headBytes.withUnsafeReadableBytes { raw in
            let bytes = raw.assumingMemoryBound(to: UInt8.self)
            var chain: [String] = []
            var isSecure = peer.isSecure
            for field in head.fields {
                switch field.kind {
                case .forwardedFor: bytes[field.value].forEachListElement { chain.append($0.text) }
                case .forwardedProto: isSecure = bytes[field.value].equalsIgnoringCase("https")
                default: break
                }
            }
            var address = peer.address
            for candidate in chain.reversed() {
                guard Self.bytes(candidate) != nil else { break }
                address = candidate
                if !contains(candidate) { break }
            }
            return ClientFacts(address: address, isSecure: isSecure)
        }
    }

    private static func bytes(_ address: String) -> [UInt8]? {
        var storage = [UInt8](repeating: 0, count: 16)
        if inet_pton(AF_INET, address, &storage) == 1 { return Array(storage[..<4]) }
        if inet_pton(AF_INET6, address, &storage) == 1 { return storage }
        return nil
    }
}
