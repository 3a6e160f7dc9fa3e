/// Reading and writing registers without counting references that need no counting.
///
/// A value lies in memory as the eight bytes of its payload and one byte for its case: first the cases with a payload,
/// in the order of their declaration, then the others, told apart by the payload. A test checks this.
enum ValueTag {
    @inline(__always) static var bool: UInt8 { 0 }
    @inline(__always) static var int: UInt8 { 1 }
    @inline(__always) static var string: UInt8 { 3 }
    @inline(__always) static var list: UInt8 { 4 }
    @inline(__always) static var tuple: UInt8 { 5 }
    @inline(__always) static var dict: UInt8 { 6 }
    @inline(__always) static var function: UInt8 { 7 }
    @inline(__always) static var object: UInt8 { 8 }
    @inline(__always) static var other: UInt8 { 9 }
    /// The payloads of `other`.
    @inline(__always) static var noneBits: UInt { 0 }
    @inline(__always) static var unboundBits: UInt { 1 }

    /// True for the cases that hold an object.
    @inline(__always) static func isReference(_ tag: UInt8) -> Bool { tag &- string <= object &- string }
}

extension UnsafePointer<Value> {
    @inline(__always) var tag: UInt8 { UnsafeRawPointer(self).load(fromByteOffset: 8, as: UInt8.self) }
    @inline(__always) var bits: UInt { UnsafeRawPointer(self).load(as: UInt.self) }
}

extension UnsafeMutablePointer<Value> {
    /// The case of the value.
    @inline(__always) var tag: UInt8 { UnsafePointer(self).tag }
    /// The payload of the value.
    @inline(__always) var bits: UInt { UnsafePointer(self).bits }
    @inline(__always) var isUnbound: Bool { tag == ValueTag.other && bits == ValueTag.unboundBits }

    /// The object of a case that has one, not counted.
    @inline(__always) func reference<T: AnyObject>(_ type: T.Type = T.self) -> Unmanaged<T> {
        Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: bits).unsafelyUnwrapped)
    }

    /// Replaces the bytes without releasing what they were.
    @inline(__always) func overwrite(_ bits: UInt, _ tag: UInt8) {
        UnsafeMutableRawPointer(self).storeBytes(of: bits, as: UInt.self)
        UnsafeMutableRawPointer(self).storeBytes(of: tag, toByteOffset: 8, as: UInt8.self)
    }

    /// Stores a value given as bytes, whose reference this takes over.
    @inline(__always) func store(_ bits: UInt, _ tag: UInt8) {
        let oldBits = self.bits
        let oldTag = self.tag
        overwrite(bits, tag)
        if ValueTag.isReference(oldTag) { releaseObject(oldBits) }
    }

    /// self = the value of `source`
    @inline(__always) func copy(_ source: UnsafePointer<Value>) {
        let bits = source.bits
        let tag = source.tag
        if ValueTag.isReference(tag) { retainObject(bits) }
        store(bits, tag)
    }

    @inline(__always) func copy(_ source: UnsafeMutablePointer<Value>) { copy(UnsafePointer(source)) }

    /// Initialises with a copy of the value of `source`.
    @inline(__always) func initializeCopy(_ source: UnsafeMutablePointer<Value>) {
        let bits = source.bits
        let tag = source.tag
        if ValueTag.isReference(tag) { retainObject(bits) }
        overwrite(bits, tag)
    }

    /// Moves the value of `source` here, where no reference lies, and leaves `source` unbound.
    @inline(__always) func take(_ source: UnsafeMutablePointer<Value>) {
        overwrite(source.bits, source.tag)
        source.overwrite(ValueTag.unboundBits, ValueTag.other)
    }

    /// Makes the register unbound.
    @inline(__always) func clear() { store(ValueTag.unboundBits, ValueTag.other) }

    /// Lets go of a reference; a value without one may stay.
    @inline(__always) func discard() { if ValueTag.isReference(tag) { clear() } }

    /// Stores an integer.
    @inline(__always) func set(_ value: Int) { store(UInt(bitPattern: value), ValueTag.int) }

    /// Stores a truth value.
    @inline(__always) func set(_ value: Bool) { store(value ? 1 : 0, ValueTag.bool) }
}

@inline(__always) private func retainObject(_ bits: UInt) {
    _ = Unmanaged<Object>.fromOpaque(UnsafeRawPointer(bitPattern: bits).unsafelyUnwrapped).retain()
}

@inline(__always) private func releaseObject(_ bits: UInt) {
    Unmanaged<Object>.fromOpaque(UnsafeRawPointer(bitPattern: bits).unsafelyUnwrapped).release()
}
