/// The base of the kinds of values that have no case of their own in ``Value``.
///
/// The defaults describe an immutable, unhashable thing without attributes.
class Object {
    /// What `type(x)` gives.
    var typeName: String { "object" }
    var truth: Bool { true }
    var isCallable: Bool { false }
    var isFrozen: Bool { true }
    /// True when releasing the object may release other values.
    var holdsValues: Bool { false }
    /// Moves values that hold others to `stack`; see ``releaseDeep(_:_:)``.
    func drain(into stack: inout [Value]) {}
    /// Makes the object itself immutable and adds what it holds to `pending`.
    func freeze(_ pending: inout [Value]) {}
    /// The number of elements, nil when there is no length.
    var length: Int? { nil }
    /// The names of attributes other than the methods of the type.
    var attributeNames: [String] { [] }
    /// The value of an attribute that is no method of the type.
    func attribute(_ name: StringObject, _ evaluation: Evaluation) throws -> Value? { nil }
    /// A seeded hash, nil when the value cannot be a key.
    func tableHash() throws -> UInt? { nil }
    /// Equality with an object of the same class; `depth` levels are left.
    func isEqual(to other: Object, depth: Int) throws -> Bool { self === other }
    /// Writes `str(x)`; `nested` objects are put on the writer's own stack.
    func write(to writer: inout TextWriter) { writer.append("<\(typeName)>") }
    /// An iterator, nil when the value is not iterable.
    func makeIterator(_ evaluation: Evaluation?) throws -> ValueIterator? { nil }
    var isIterable: Bool { false }
    /// The methods of the type.
    var methods: MethodTable? { nil }
}

/// Immutable bytes.
final class BytesObject: Object {
    let storage: StringObject
    init(_ storage: StringObject) { self.storage = storage }
    override var typeName: String { "bytes" }
    override var truth: Bool { storage.count > 0 }
    override var length: Int? { storage.count }
    override var methods: MethodTable? { .bytes }
    override func tableHash() throws -> UInt? { storage.tableHash ^ 0x5bd1_e995 }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        storage.isEqual(to: (other as! BytesObject).storage)
    }
    override func write(to writer: inout TextWriter) {
        writer.append("b")
        writer.quote(storage)
    }
}

/// A mutable set.
final class SetObject: Object {
    let table: TableObject
    init(_ table: TableObject) { self.table = table }
    override var typeName: String { "set" }
    override var truth: Bool { table.count > 0 }
    override var length: Int? { table.count }
    override var isFrozen: Bool { table.isFrozen }
    override var holdsValues: Bool { true }
    override func drain(into stack: inout [Value]) { table.drain(into: &stack) }
    override func freeze(_ pending: inout [Value]) {
        table.freezeShallow()
        table.forEach { pending.append($0.key) }
    }
    override var methods: MethodTable? { .set }
    override var isIterable: Bool { true }
    override func makeIterator(_ evaluation: Evaluation?) -> ValueIterator? { ValueIterator(table: table) }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        let other = other as! SetObject
        guard table.count == other.table.count else { return false }
        return try isSubset(of: other)
    }
    func isSubset(of other: SetObject) throws -> Bool {
        guard table.count <= other.table.count else { return false }
        for key in table.keys where try !other.table.contains(key) { return false }
        return true
    }
    override func write(to writer: inout TextWriter) { writer.open(self) }
}

/// An arithmetic progression.
final class RangeObject: Object {
    let start: Int
    let stop: Int
    let step: Int
    let count: Int

    init(start: Int, stop: Int, step: Int) {
        self.start = start
        self.stop = stop
        self.step = step
        let span: (partialValue: Int, overflow: Bool)
        if step > 0 {
            span = start < stop ? stop.subtractingReportingOverflow(start) : (0, false)
        } else {
            span = stop < start ? start.subtractingReportingOverflow(stop) : (0, false)
        }
        if span.overflow {
            // More than Int.max apart; the count may still fit.
            let distance = UInt(bitPattern: span.partialValue)
            let steps = (distance - 1) / step.magnitude + 1
            count = steps > UInt(Int.max) ? Int.max : Int(steps)
        } else {
            count = span.partialValue == 0 ? 0 : Int((UInt(span.partialValue) - 1) / step.magnitude) + 1
        }
    }

    @inline(__always) subscript(index: Int) -> Int { start &+ index &* step }
    var array: [Value] { (0..<count).map { .int(self[$0]) } }

    override var typeName: String { "range" }
    override var truth: Bool { count > 0 }
    override var length: Int? { count }
    override var isIterable: Bool { true }
    override func makeIterator(_ evaluation: Evaluation?) -> ValueIterator? { ValueIterator(range: self) }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        let other = other as! RangeObject
        guard count == other.count else { return false }
        return count == 0 || (start == other.start && (count == 1 || step == other.step))
    }
    func contains(_ value: Int) -> Bool {
        guard count > 0 else { return false }
        let last = self[count - 1]
        guard value >= min(start, last), value <= max(start, last) else { return false }
        let (distance, overflow) = value.subtractingReportingOverflow(start)
        if overflow { return UInt(bitPattern: value &- start) % step.magnitude == 0 }
        return distance.magnitude % step.magnitude == 0
    }
    override func write(to writer: inout TextWriter) {
        if step != 1 {
            writer.append("range(\(start), \(stop), \(step))")
        } else if start != 0 {
            writer.append("range(\(start), \(stop))")
        } else {
            writer.append("range(\(stop))")
        }
    }
}

/// Named values: the common part of structs and modules. Names are sorted by bytes.
class RecordObject: Object {
    let names: [StringObject]
    fileprivate(set) var values: [Value]

    init(sorted names: [StringObject], values: [Value]) {
        self.names = names
        self.values = values
    }

    /// Sorts fields by name; a repeated name keeps its last value.
    static func arrange(_ fields: [(StringObject, Value)]) -> (names: [StringObject], values: [Value]) {
        var names: [StringObject] = []
        var values: [Value] = []
        names.reserveCapacity(fields.count)
        values.reserveCapacity(fields.count)
        let ordered = fields.enumerated().sorted { a, b in
            let order = a.element.0.compare(to: b.element.0)
            return order == 0 ? a.offset < b.offset : order < 0
        }
        for (_, field) in ordered {
            if let last = names.last, last.isEqual(to: field.0) {
                values[values.count - 1] = field.1
            } else {
                names.append(field.0)
                values.append(field.1)
            }
        }
        return (names, values)
    }

    deinit {
        var stack: [Value] = []
        drain(into: &stack)
        if !stack.isEmpty { drainAll(&stack) }
    }

    final func field(_ name: StringObject) -> Value? {
        if names.count <= 8 {
            for index in names.indices where names[index] === name { return values[index] }
            for index in names.indices where names[index].isEqual(to: name) { return values[index] }
            return nil
        }
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            let order = names[middle].compare(to: name)
            if order == 0 { return values[middle] }
            if order < 0 { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    override var holdsValues: Bool { true }
    override var isFrozen: Bool { values.allSatisfy(\.isFrozen) }
    override func drain(into stack: inout [Value]) {
        for index in values.indices where values[index].isContainer {
            stack.append(values[index])
            values[index] = .none
        }
    }
    override func freeze(_ pending: inout [Value]) { pending.append(contentsOf: values) }
    override var attributeNames: [String] { names.map(\.string) }
    override func attribute(_ name: StringObject, _ evaluation: Evaluation) throws -> Value? { field(name) }
}

/// An immutable record made by `struct` or by a constructor of the host's.
final class StructObject: RecordObject {
    /// A string for `struct`, else the value that brands the struct.
    let constructor: Value

    init(sorted names: [StringObject], values: [Value], constructor: Value) {
        self.constructor = constructor
        super.init(sorted: names, values: values)
    }

    convenience init(fields: [(String, Value)], constructor: Value) {
        self.init(objects: fields.map { (StringObject.make($0.0), $0.1) }, constructor: constructor)
    }

    convenience init(objects fields: [(StringObject, Value)], constructor: Value) {
        let (names, values) = RecordObject.arrange(fields)
        self.init(sorted: names, values: values, constructor: constructor)
    }

    override var typeName: String { "struct" }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        let other = other as! StructObject
        guard names.count == other.names.count, try constructor.isEqual(to: other.constructor, depth: depth) else {
            return false
        }
        for index in names.indices {
            guard names[index].isEqual(to: other.names[index]),
                try values[index].isEqual(to: other.values[index], depth: depth - 1)
            else { return false }
        }
        return true
    }
    override func write(to writer: inout TextWriter) { writer.open(self) }
}

/// A named collection of members.
final class ModuleObject: RecordObject {
    let name: String
    init(name: String, members: [(String, Value)]) {
        self.name = name
        let (names, values) = RecordObject.arrange(members.map { (StringObject.make($0.0), $0.1) })
        super.init(sorted: names, values: values)
    }
    override var typeName: String { "module" }
    override func write(to writer: inout TextWriter) { writer.append("<module \"\(name)\">") }
}

/// An object of the host.
final class HostObject: Object {
    let value: any HostValue
    init(_ value: any HostValue) { self.value = value }
    override var typeName: String { value.typeName }
    override var truth: Bool { value.truth }
    override var isCallable: Bool { value.isCallable }
    override var length: Int? { value.count }
    override var attributeNames: [String] { value.attributeNames }
    override func freeze(_ pending: inout [Value]) { value.freeze() }
    override func attribute(_ name: StringObject, _ evaluation: Evaluation) throws -> Value? {
        try value.attribute(name.string, in: evaluation)
    }
    override func tableHash() throws -> UInt? { value.hash.map { hashInteger($0) } }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        value.isEqual(to: (other as! HostObject).value)
    }
    override func write(to writer: inout TextWriter) { writer.append(value.description) }
    override var isIterable: Bool { value.count != nil }
    override func makeIterator(_ evaluation: Evaluation?) throws -> ValueIterator? {
        guard let evaluation, let elements = try value.elements(in: evaluation) else { return nil }
        return ValueIterator(array: elements)
    }
}

/// A sequence of the host that can only be looped over.
final class SequenceObject: Object {
    private let name: String
    private let makeNext: @Sendable () -> () -> Value?
    init(_ name: String, _ makeNext: @escaping @Sendable () -> () -> Value?) {
        self.name = name
        self.makeNext = makeNext
    }
    override var typeName: String { name }
    override var isIterable: Bool { true }
    override func makeIterator(_ evaluation: Evaluation?) -> ValueIterator? { ValueIterator(generator: makeNext()) }
}
