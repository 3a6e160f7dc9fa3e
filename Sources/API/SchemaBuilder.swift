internal import Wire

/// Derives JSON schemas from Wire types, by letting them decode themselves from a decoder that notes what is asked for.
///
/// So the document cannot say anything else than what is decoded. Wire types hold only texts, numbers, booleans, words
/// (``Wire/WireChoice``), lists, dictionaries and each other, and are not recursive.
/// Source: JSON Schema 2020-12; OpenAPI 3.1, "Schema Object".
struct SchemaBuilder {
    /// Schemas of structures by name, for `#/components/schemas`.
    private(set) var components: [String: JSONDocument] = [:]

    /// The schema of a type: a reference for a structure.
    mutating func schema<Value: Decodable>(of type: Value.Type) -> JSONDocument {
        let recorder = Recorder()
        // A Wire type refuses no text or number, so this cannot fail; a type that does gets an open schema.
        let found = try? recorder.record(type)
        components.merge(recorder.components) { first, _ in first }
        return found?.schema ?? .object([])
    }
}

/// Collects structures while one type is examined. Used on one thread.
private final class Recorder {
    var components: [String: JSONDocument] = [:]

    func record<Value: Decodable>(_ type: Value.Type) throws -> (schema: JSONDocument, value: Value) {
        let node = Node()
        if let choice = type as? any WireChoice.Type {
            node.sample = choice.allTexts.first ?? ""
            let words = choice.allTexts.map { JSONDocument.string($0) }
            let value = try Value(from: RecordingDecoder(node: node, recorder: self))
            return (.members(["type": .string("string"), "enum": .array(words)]), value)
        }
        let value = try Value(from: RecordingDecoder(node: node, recorder: self))
        if let scalar = node.scalar { return (scalar, value) }
        if let items = node.items { return (.members(["type": .string("array"), "items": items]), value) }
        if type is any StringDictionary.Type {
            let element = node.properties.first?.schema ?? .object([])
            return (.members(["type": .string("object"), "additionalProperties": element]), value)
        }
        let name = Self.name(of: type)
        components[name] = node.objectSchema
        return (.members(["$ref": .string("#/components/schemas/\(name)")]), value)
    }

    /// `ListPage<ImageInfo>` is called `ImageInfoList`.
    private static func name<Value>(of type: Value.Type) -> String {
        let text = String(describing: type)
        guard text.hasPrefix("ListPage<") else { return text }
        return text.dropFirst(9).dropLast() + "List"
    }
}

/// A dictionary with free keys.
private protocol StringDictionary {}
extension Dictionary: StringDictionary where Key == String {}

/// What one value asked for.
private final class Node {
    var sample = "text"
    var scalar: JSONDocument?
    var items: JSONDocument?
    var properties: [(name: String, schema: JSONDocument, isRequired: Bool)] = []

    var objectSchema: JSONDocument {
        let sorted = properties.sorted { $0.name < $1.name }
        var members: [JSONDocument.Member] = [.init(key: "type", value: .string("object"))]
        members.append(
            .init(key: "properties", value: .object(sorted.map { .init(key: $0.name, value: $0.schema) })))
        let required = sorted.filter(\.isRequired).map { JSONDocument.string($0.name) }
        if !required.isEmpty { members.append(.init(key: "required", value: .array(required))) }
        return .object(members)
    }
}

private struct PlainKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init?(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { self.stringValue = "\(intValue)" }
}

private struct RecordingDecoder: Decoder, SingleValueDecodingContainer {
    let node: Node
    let recorder: Recorder
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
        KeyedDecodingContainer(RecordingKeyed(node: node, recorder: recorder))
    }
    func unkeyedContainer() -> any UnkeyedDecodingContainer { RecordingUnkeyed(node: node, recorder: recorder) }
    func singleValueContainer() -> any SingleValueDecodingContainer { self }

    private func integer<Value: FixedWidthInteger>(_ type: Value.Type) -> Value {
        var members: [JSONDocument.Member] = [.init(key: "type", value: .string("integer"))]
        if Value.bitWidth < 64 || !Value.isSigned {
            members.append(.init(key: "minimum", value: .number("\(Value.min)")))
            members.append(.init(key: "maximum", value: .number("\(Value.max)")))
        } else {
            members.append(.init(key: "format", value: .string("int64")))
        }
        node.scalar = .object(members)
        return 1
    }

    func decodeNil() -> Bool { false }
    func decode(_ type: Bool.Type) -> Bool {
        node.scalar = .members(["type": .string("boolean")])
        return true
    }
    func decode(_ type: String.Type) -> String {
        node.scalar = .members(["type": .string("string")])
        return node.sample
    }
    func decode(_ type: Double.Type) -> Double {
        node.scalar = .members(["type": .string("number")])
        return 1
    }
    func decode(_ type: Float.Type) -> Float { Float(decode(Double.self)) }
    func decode(_ type: Int.Type) -> Int { integer(type) }
    func decode(_ type: Int8.Type) -> Int8 { integer(type) }
    func decode(_ type: Int16.Type) -> Int16 { integer(type) }
    func decode(_ type: Int32.Type) -> Int32 { integer(type) }
    func decode(_ type: Int64.Type) -> Int64 { integer(type) }
    func decode(_ type: UInt.Type) -> UInt { integer(type) }
    func decode(_ type: UInt8.Type) -> UInt8 { integer(type) }
    func decode(_ type: UInt16.Type) -> UInt16 { integer(type) }
    func decode(_ type: UInt32.Type) -> UInt32 { integer(type) }
    func decode(_ type: UInt64.Type) -> UInt64 { integer(type) }
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let found = try recorder.record(type)
        node.scalar = found.schema
        return found.value
    }
}

private struct RecordingKeyed<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let node: Node
    let recorder: Recorder
    var codingPath: [any CodingKey] { [] }
    /// One key, so that dictionaries decode one element.
    var allKeys: [Key] { Key(stringValue: "key").map { [$0] } ?? [] }

    func contains(_ key: Key) -> Bool { true }
    func decodeNil(forKey key: Key) -> Bool { false }

    private func note<Value: Decodable>(_ key: Key, _ type: Value.Type, isRequired: Bool) throws -> Value {
        let found = try recorder.record(type)
        node.properties.append((key.stringValue, found.schema, isRequired))
        return found.value
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try note(key, type, isRequired: true) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try note(key, type, isRequired: true) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try note(key, type, isRequired: true) }
    func decode(_ type: Float.Type, forKey key: Key) throws -> Float { try note(key, type, isRequired: true) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try note(key, type, isRequired: true) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try note(key, type, isRequired: true) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try note(key, type, isRequired: true) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try note(key, type, isRequired: true) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try note(key, type, isRequired: true) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try note(key, type, isRequired: true) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try note(key, type, isRequired: true) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try note(key, type, isRequired: true) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try note(key, type, isRequired: true) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try note(key, type, isRequired: true) }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try note(key, type, isRequired: true)
    }

    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try note(key, type, isRequired: false) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try note(key, type, isRequired: false) }
    func decodeIfPresent(_ type: Int8.Type, forKey key: Key) throws -> Int8? { try note(key, type, isRequired: false) }
    func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: UInt.Type, forKey key: Key) throws -> UInt? { try note(key, type, isRequired: false) }
    func decodeIfPresent(_ type: UInt8.Type, forKey key: Key) throws -> UInt8? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: UInt16.Type, forKey key: Key) throws -> UInt16? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: UInt32.Type, forKey key: Key) throws -> UInt32? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent(_ type: UInt64.Type, forKey key: Key) throws -> UInt64? {
        try note(key, type, isRequired: false)
    }
    func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
        try note(key, type, isRequired: false)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type, forKey key: Key) -> KeyedDecodingContainer<
        Nested
    > {
        KeyedDecodingContainer(RecordingKeyed<Nested>(node: Node(), recorder: recorder))
    }
    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedDecodingContainer {
        RecordingUnkeyed(node: Node(), recorder: recorder)
    }
    func superDecoder() -> any Decoder { RecordingDecoder(node: node, recorder: recorder) }
    func superDecoder(forKey key: Key) -> any Decoder { RecordingDecoder(node: Node(), recorder: recorder) }
}

private struct RecordingUnkeyed: UnkeyedDecodingContainer {
    let node: Node
    let recorder: Recorder
    var currentIndex = 0
    var codingPath: [any CodingKey] { [] }
    /// One element, so that its type is seen.
    var count: Int? { 1 }
    var isAtEnd: Bool { currentIndex > 0 }

    private mutating func note<Value: Decodable>(_ type: Value.Type) throws -> Value {
        let found = try recorder.record(type)
        node.items = found.schema
        currentIndex += 1
        return found.value
    }

    mutating func decodeNil() -> Bool { false }
    mutating func decode(_ type: Bool.Type) throws -> Bool { try note(type) }
    mutating func decode(_ type: String.Type) throws -> String { try note(type) }
    mutating func decode(_ type: Double.Type) throws -> Double { try note(type) }
    mutating func decode(_ type: Float.Type) throws -> Float { try note(type) }
    mutating func decode(_ type: Int.Type) throws -> Int { try note(type) }
    mutating func decode(_ type: Int8.Type) throws -> Int8 { try note(type) }
    mutating func decode(_ type: Int16.Type) throws -> Int16 { try note(type) }
    mutating func decode(_ type: Int32.Type) throws -> Int32 { try note(type) }
    mutating func decode(_ type: Int64.Type) throws -> Int64 { try note(type) }
    mutating func decode(_ type: UInt.Type) throws -> UInt { try note(type) }
    mutating func decode(_ type: UInt8.Type) throws -> UInt8 { try note(type) }
    mutating func decode(_ type: UInt16.Type) throws -> UInt16 { try note(type) }
    mutating func decode(_ type: UInt32.Type) throws -> UInt32 { try note(type) }
    mutating func decode(_ type: UInt64.Type) throws -> UInt64 { try note(type) }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try note(type) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedDecodingContainer<Nested> {
        KeyedDecodingContainer(RecordingKeyed<Nested>(node: Node(), recorder: recorder))
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedDecodingContainer {
        RecordingUnkeyed(node: Node(), recorder: recorder)
    }
    mutating func superDecoder() -> any Decoder { RecordingDecoder(node: node, recorder: recorder) }
}
