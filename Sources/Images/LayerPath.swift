/// The name of an entry: relative, without empty, `.` or `..` components, split at its last slash.
///
/// One value is used for all entries of a layer, so that a name costs no allocation.
struct LayerPath: ~Copyable {
    /// The components joined by `/`, followed by a zero; empty for the layer itself.
    private(set) var bytes: [UInt8] = []
    /// Where the last component begins in ``bytes``.
    private(set) var leafStart = 0

    init() { bytes.reserveCapacity(4096) }

    /// The length without the zero.
    var length: Int { max(0, bytes.count - 1) }
    /// Whether the name means the layer's own directory.
    var isRoot: Bool { length == 0 }
    /// The length of the part before the last slash; 0 when the entry lies in the layer's own directory.
    var parentLength: Int { max(0, leafStart - 1) }
    /// The last component.
    var leaf: ArraySlice<UInt8> { bytes[leafStart..<length] }

    /// Takes over the name of an entry.
    ///
    /// A leading slash is dropped and `..` takes back the component before it, as if the layer were `/`, except that what
    /// goes above it is refused.
    /// - Throws: ``LayerError``.
    mutating func assign(_ name: UnsafePointer<CChar>, limit: Int) throws {
        bytes.removeAll(keepingCapacity: true)
        leafStart = 0
        var start = 0
        var index = 0
        while true {
            let byte = UInt8(bitPattern: name[index])
            if byte == 0 || byte == UInt8(ascii: "/") {
                try append(name, start, index)
                if byte == 0 { break }
                start = index + 1
            }
            index += 1
            guard index <= limit else {
                throw LayerError(.tooLarge, "an entry's name is longer than \(limit) bytes")
            }
        }
        if !bytes.isEmpty { bytes.append(0) }
    }

    private mutating func append(_ name: UnsafePointer<CChar>, _ start: Int, _ end: Int) throws {
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        switch end - start {
        case 0: return
        case 1 where name[start] == dot: return
        case 2 where name[start] == dot && name[start + 1] == dot:
            guard !bytes.isEmpty else {
                throw LayerError.pathEscapes(UnsafeBufferPointer(start: name, count: end).map { UInt8(bitPattern: $0) })
            }
            bytes.removeLast(bytes.count - parentLength)
            leafStart = (bytes.lastIndex(of: UInt8(ascii: "/")) ?? -1) + 1
        case let count:
            guard count <= 255 else {
                throw LayerError(.malformed, "a component of an entry's name is longer than 255 bytes")
            }
            if !bytes.isEmpty { bytes.append(UInt8(ascii: "/")) }
            leafStart = bytes.count
            bytes.append(contentsOf: UnsafeRawBufferPointer(start: name + start, count: count))
        }
    }

    /// Runs `body` with the last component, terminated by a zero.
    func withLeaf<Result>(_ body: (UnsafePointer<CChar>) throws -> Result) rethrows -> Result {
        try bytes.withUnsafeBytes {
            try body($0.baseAddress!.advanced(by: leafStart).assumingMemoryBound(to: CChar.self))
        }
    }
}
