/// The storage of a string or bytes value: immutable bytes in one allocation with their count.
///
/// Text is UTF-8 by convention only; operations may cut characters, so invalid sequences must survive.
final class StringObject: ManagedBuffer<StringObject.Header, UInt8> {
    struct Header {
        var count: Int
    }

    nonisolated(unsafe) static let empty = make(count: 0) { _ in }  // immutable

    /// The one-byte strings, made once.
    nonisolated(unsafe) static let single: [StringObject] = (0...255).map { byte in  // immutable
        make(count: 1) { $0[0] = UInt8(byte) }
    }

    /// Creates a string and lets `fill` write all of its bytes.
    @inline(__always)
    static func make(count: Int, _ fill: (UnsafeMutablePointer<UInt8>) -> Void) -> StringObject {
        let buffer = StringObject.create(minimumCapacity: count) { _ in Header(count: count) }
        buffer.withUnsafeMutablePointerToElements(fill)
        return unsafeDowncast(buffer, to: StringObject.self)
    }

    static func make(_ bytes: UnsafeBufferPointer<UInt8>) -> StringObject {
        if bytes.count <= 1 { return bytes.isEmpty ? empty : single[Int(bytes[0])] }
        return make(count: bytes.count) { $0.initialize(from: bytes.baseAddress!, count: bytes.count) }
    }

    static func make(_ bytes: [UInt8]) -> StringObject { bytes.withUnsafeBufferPointer(make) }

    static func make(_ text: String) -> StringObject {
        var text = text
        return text.withUTF8(make)
    }

    @inline(__always) var count: Int { withUnsafeMutablePointerToHeader { $0.pointee.count } }

    /// The bytes, valid during `body`.
    @inline(__always)
    func withBytes<R, E: Error>(_ body: (UnsafeBufferPointer<UInt8>) throws(E) -> R) throws(E) -> R {
        try withUnsafeMutablePointers { header, elements throws(E) in
            try body(UnsafeBufferPointer(start: elements, count: header.pointee.count))
        }
    }

    /// The text; invalid bytes become U+FFFD.
    var string: String { withBytes { String(decoding: $0, as: UTF8.self) } }

    var array: [UInt8] { withBytes { Array($0) } }

    @inline(__always)
    func isEqual(to other: StringObject) -> Bool {
        if self === other { return true }
        return withBytes { a in
            other.withBytes { b in a.count == b.count && bytesEqual(a.baseAddress!, b.baseAddress!, a.count) }
        }
    }

    func isEqual(to text: StaticString) -> Bool {
        withBytes { a in
            a.count == text.utf8CodeUnitCount && bytesEqual(a.baseAddress!, text.utf8Start, a.count)
        }
    }

    /// Order by bytes.
    func compare(to other: StringObject) -> Int {
        if self === other { return 0 }
        return withBytes { a in
            other.withBytes { b in
                let shared = min(a.count, b.count)
                var index = 0
                while index < shared {
                    let x = a[index], y = b[index]
                    if x != y { return x < y ? -1 : 1 }
                    index += 1
                }
                return a.count == b.count ? 0 : (a.count < b.count ? -1 : 1)
            }
        }
    }

    /// The part of the string given by byte offsets.
    func slice(_ range: Range<Int>) -> StringObject {
        if range.count == count { return self }
        return withBytes { StringObject.make(UnsafeBufferPointer(rebasing: $0[range])) }
    }

    /// The private hash for tables.
    @inline(__always) var tableHash: UInt { withBytes(hashBytes) }
}

/// Equality of two runs of bytes.
@inline(__always)
func bytesEqual(_ a: UnsafePointer<UInt8>, _ b: UnsafePointer<UInt8>, _ count: Int) -> Bool {
    let a = UnsafeRawPointer(a), b = UnsafeRawPointer(b)
    var offset = 0
    while offset &+ 8 <= count {
        if a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            != b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        {
            return false
        }
        offset &+= 8
    }
    while offset < count {
        if a.load(fromByteOffset: offset, as: UInt8.self) != b.load(fromByteOffset: offset, as: UInt8.self) {
            return false
        }
        offset &+= 1
    }
    return true
}

/// Different in every process, so that nobody can prepare colliding keys.
private let hashSeed = UInt64.random(in: .min ... .max) | 1

/// A seeded hash after wyhash: 8 bytes per multiplication.
func hashBytes(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt {
    let base = UnsafeRawPointer(bytes.baseAddress!)
    let count = bytes.count
    var state = hashSeed ^ UInt64(truncatingIfNeeded: count)
    var offset = 0
    while offset &+ 8 <= count {
        state = mix(
            state ^ base.loadUnaligned(fromByteOffset: offset, as: UInt64.self), 0xa076_1d64_78bd_642f)
        offset &+= 8
    }
    if offset < count {
        var tail: UInt64 = 0
        if count >= 8 {
            tail = base.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        } else {
            while offset < count {
                tail = tail << 8 | UInt64(base.load(fromByteOffset: offset, as: UInt8.self))
                offset &+= 1
            }
        }
        state = mix(state ^ tail, 0xe703_7ed1_a0b4_28db)
    }
    return UInt(truncatingIfNeeded: mix(state, 0x8ebc_6af0_9c88_c6e3))
}

@inline(__always)
func mix(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
}

/// The private hash of an integer.
@inline(__always)
func hashInteger(_ value: Int) -> UInt {
    UInt(truncatingIfNeeded: mix(UInt64(bitPattern: Int64(value)) ^ hashSeed, 0x9e37_79b9_7f4a_7c15))
}
