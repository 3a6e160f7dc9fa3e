package import Core

/// A layer that was not unpacked.
package struct LayerError: MartletError, Equatable {
    /// What is wrong with the archive.
    package enum Code: String, Sendable {
        /// An entry leaves the layer.
        case pathEscapes = "layer-path-escapes"
        /// The archive ends in the middle.
        case truncated = "layer-truncated"
        /// It is no tar archive, or a damaged one.
        case malformed = "layer-malformed"
        /// It is larger than allowed.
        case tooLarge = "layer-too-large"
    }

    package let code: Code
    package let message: String
    package var stableCode: String? { code.rawValue }
    package var kind: ErrorKind { .invalidArgument }

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    static func pathEscapes(_ path: some Sequence<UInt8>) -> LayerError {
        LayerError(.pathEscapes, "entry `\(shown(path))` leaves the layer")
    }

    static func malformed(_ path: some Sequence<UInt8>, _ problem: String) -> LayerError {
        LayerError(.malformed, "entry `\(shown(path))` \(problem)")
    }

    /// A name from an archive as text of bounded length, without control characters.
    static func shown(_ path: some Sequence<UInt8>) -> String {
        let bytes = Array(path)
        let safe = bytes.prefix(200).map { $0 < 32 || $0 == 127 ? UInt8(ascii: "?") : $0 }
        return String(decoding: safe, as: UTF8.self) + (bytes.count > 200 ? "…" : "")
    }
}

/// How large a layer may be.
package struct LayerLimits: Sendable, Hashable {
    /// The most entries.
    package var entries = 10_000_000
    /// The most bytes of uncompressed archive, and of one file.
    package var bytes: Int64 = 1 << 40
    /// The longest path, in bytes.
    package var pathLength = 4095
    /// The most uncompressed bytes per compressed byte, beyond the first GiB.
    package var ratio: Int64 = 1200

    /// Generous bounds that no honest layer meets.
    package init() {}
}
