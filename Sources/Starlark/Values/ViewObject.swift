/// A string or bytes value seen as a sequence: what `elems()`, `codepoints()` and their kin return.
final class ViewObject: Object {
    enum Kind {
        /// One-byte strings, or bytes as numbers, of a string.
        case elements, elementNumbers
        /// Code points of a string, as strings or numbers.
        case codePoints, codePointNumbers
        /// The numbers in a bytes value.
        case byteNumbers
    }

    let storage: StringObject
    let kind: Kind

    init(_ storage: StringObject, _ kind: Kind) {
        self.storage = storage
        self.kind = kind
    }

    override var typeName: String {
        switch kind {
        case .elements, .elementNumbers: return "string.elems"
        case .codePoints, .codePointNumbers: return "string.codepoints"
        case .byteNumbers: return "bytes.elems"
        }
    }
    override var truth: Bool { storage.count > 0 }
    override var isIterable: Bool { true }
    override var length: Int? {
        switch kind {
        case .elements, .elementNumbers: return storage.count
        default: return nil
        }
    }

    /// The element at a byte offset; for the kinds that have an index.
    func element(_ index: Int) -> Value {
        storage.withBytes { bytes in
            kind == .elements ? Value(.string(StringObject.single[Int(bytes[index])])) : .int(Int(bytes[index]))
        }
    }

    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        guard let other = other as? ViewObject else { return false }
        return kind == other.kind && storage.isEqual(to: other.storage)
    }

    override func makeIterator(_ evaluation: Evaluation?) -> ValueIterator? {
        var offset = 0
        return ValueIterator { [storage, kind, self] in
            guard offset < storage.count else { return nil }
            switch kind {
            case .codePoints, .codePointNumbers:
                return storage.withBytes { bytes in
                    let (scalar, length) = decodeScalar(bytes, offset)
                    offset += length
                    if kind == .codePointNumbers { return .int(Int(scalar?.value ?? 0xFFFD)) }
                    return scalar == nil
                        ? .string("\u{FFFD}")
                        : Value(.string(.make(UnsafeBufferPointer(rebasing: bytes[(offset - length)..<offset]))))
                }
            default:
                offset += 1
                return element(offset - 1)
            }
        }
    }

    override func write(to writer: inout TextWriter) {
        if kind == .byteNumbers { writer.append("b") }
        writer.quote(storage)
        switch kind {
        case .elements, .byteNumbers: writer.append(".elems()")
        case .elementNumbers: writer.append(".elem_ords()")
        case .codePoints: writer.append(".codepoints()")
        case .codePointNumbers: writer.append(".codepoint_ords()")
        }
    }
}
