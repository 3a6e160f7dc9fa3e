/// Decodes requests: what the type does not ask for is an error that names it.
package enum StrictJSON {
    /// Decodes `bytes` as `type`.
    /// - Throws: ``WireError`` naming the field, or the line and column.
    package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: some Collection<UInt8>) throws -> Value
    {
        let decoder = StrictDecoder(value: try JSONDocument(parsing: bytes), path: [])
        let value: Value
        do {
            value = try Value(from: decoder)
        } catch let error as DecodingError {
            throw Self.wireError(error)
        }
        try decoder.node.checkUnknown()
        return value
    }

    private static func wireError(_ error: DecodingError) -> WireError {
        func name(_ context: DecodingError.Context) -> String { PathText.text(context.codingPath) }
        switch error {
        case .keyNotFound(let key, let context): return .missingField(PathText.text(context.codingPath + [key]))
        case .valueNotFound(_, let context): return .missingField(name(context))
        case .typeMismatch(_, let context), .dataCorrupted(let context):
            return .invalidValue(name(context), context.debugDescription)
        @unknown default: return .invalidValue("", "\(error)")
        }
    }
}

/// Paths such as `limits.memory` and `ports[0].hostPort`.
private enum PathText {
    static func text(_ path: [any CodingKey]) -> String {
        var text = ""
        for key in path {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return text
    }
}

/// One value of the tree and which of its members were asked for. Used by one decode on one thread.
private final class StrictNode {
    let value: JSONDocument
    let path: [any CodingKey]
    private let members: [String: JSONDocument]
    private var asked: Set<String> = []
    private var isKeyed = false
    private var children: [StrictNode] = []

    init(value: JSONDocument, path: [any CodingKey]) {
        self.value = value
        self.path = path
        if case .object(let list) = value {
            members = Dictionary(list.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
        } else {
            members = [:]
        }
    }

    var keys: [String] { Array(members.keys) }

    func open() { isKeyed = true }

    func member(_ key: any CodingKey) -> JSONDocument? {
        asked.insert(key.stringValue)
        return members[key.stringValue]
    }

    func child(_ value: JSONDocument, _ key: any CodingKey) -> StrictNode {
        let node = StrictNode(value: value, path: path + [key])
        children.append(node)
        return node
    }

    func checkUnknown() throws {
        if isKeyed, let unknown = members.keys.filter({ !asked.contains($0) }).min() {
            throw WireError.unknownField(PathText.text(path + [PlainKey(unknown)]), known: asked)
        }
        for child in children { try child.checkUnknown() }
    }
}

private struct PlainKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(_ text: String) {
        stringValue = text
        intValue = nil
    }
    init(index: Int) {
        stringValue = "\(index)"
        intValue = index
    }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}

private struct StrictDecoder: Decoder, SingleValueDecodingContainer {
    let node: StrictNode
    var codingPath: [any CodingKey] { node.path }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    init(value: JSONDocument, path: [any CodingKey]) { node = StrictNode(value: value, path: path) }
    init(node: StrictNode) { self.node = node }

    private func mismatch(_ expected: String) -> WireError {
        .wrongType(PathText.text(node.path), expected: expected, found: node.value.kindName)
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object = node.value else { throw mismatch("an object") }
        node.open()
        return KeyedDecodingContainer(StrictKeyed(node: node))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = node.value else { throw mismatch("an array") }
        return StrictUnkeyed(node: node, elements: elements)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func decodeNil() -> Bool { node.value == .null }

    func decode(_ type: Bool.Type) throws -> Bool {
        guard case .bool(let value) = node.value else { throw mismatch("true or false") }
        return value
    }

    func decode(_ type: String.Type) throws -> String {
        guard case .string(let value) = node.value else { throw mismatch("a string") }
        return value
    }

    func decode(_ type: Double.Type) throws -> Double {
        guard case .number(let text) = node.value, let value = Double(text), value.isFinite else {
            throw mismatch("a number")
        }
        return value
    }

    func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }

    private func integer<Value: FixedWidthInteger>(_ type: Value.Type) throws -> Value {
        guard case .number(let text) = node.value else { throw mismatch("a whole number") }
        guard let value = Value(text) else {
            throw WireError.invalidValue(
                PathText.text(node.path), "`\(text)` is not a whole number between \(Value.min) and \(Value.max)")
        }
        return value
    }

    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        if let choice = type as? any WireChoice.Type {
            let text = try decode(String.self)
            guard choice.allTexts.contains(text) else {
                throw WireError.invalidValue(
                    PathText.text(node.path), "`\(text)` is none of \(choice.allTexts.joined(separator: ", "))")
            }
        }
        return try Value(from: self)
    }
}

private struct StrictKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let node: StrictNode
    var codingPath: [any CodingKey] { node.path }
    var allKeys: [Key] { node.keys.compactMap { Key(stringValue: $0) } }

    func contains(_ key: Key) -> Bool { node.member(key) != nil }

    private func decoder(_ key: any CodingKey) throws -> StrictDecoder {
        guard let value = node.member(key) else { throw WireError.missingField(PathText.text(node.path + [key])) }
        return StrictDecoder(node: node.child(value, key))
    }

    func decodeNil(forKey key: Key) throws -> Bool { node.member(key) == .null }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try decoder(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try decoder(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try decoder(key).decode(type) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try decoder(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try decoder(key).decode(type) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try decoder(key).decode(type) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try decoder(key).decode(type) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try decoder(key).decode(type) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try decoder(key).decode(type) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try decoder(key).decode(type) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder(key).decode(type) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder(key).decode(type) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder(key).decode(type) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder(key).decode(type) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try decoder(key).decode(type) }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) throws
        -> KeyedDecodingContainer<Nested>
    { try decoder(key).container(keyedBy: type) }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try decoder(key).unkeyedContainer()
    }
    func superDecoder() throws -> any Decoder { StrictDecoder(node: node) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try decoder(key) }
}

private struct StrictUnkeyed: UnkeyedDecodingContainer {
    let node: StrictNode
    let elements: [JSONDocument]
    var currentIndex = 0
    var codingPath: [any CodingKey] { node.path }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private mutating func next() throws -> StrictDecoder {
        guard !isAtEnd else { throw WireError.missingField("\(PathText.text(node.path))[\(currentIndex)]") }
        defer { currentIndex += 1 }
        return StrictDecoder(node: node.child(elements[currentIndex], PlainKey(index: currentIndex)))
    }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, elements[currentIndex] == .null else { return false }
        currentIndex += 1
        return true
    }
    mutating func decode(_ type: Bool.Type) throws -> Bool { try next().decode(type) }
    mutating func decode(_ type: String.Type) throws -> String { try next().decode(type) }
    mutating func decode(_ type: Double.Type) throws -> Double { try next().decode(type) }
    mutating func decode(_ type: Float.Type) throws -> Float { try next().decode(type) }
    mutating func decode(_ type: Int.Type) throws -> Int { try next().decode(type) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try next().decode(type) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try next().decode(type) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try next().decode(type) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try next().decode(type) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try next().decode(type) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try next().decode(type) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try next().decode(type) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try next().decode(type) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try next().decode(type) }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested>
    {
        try next().container(keyedBy: type)
    }
    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
    mutating func superDecoder() throws -> any Decoder { try next() }
}
