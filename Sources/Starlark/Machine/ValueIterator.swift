/// A position in an iterable value. Holds lists and tables against change until it is released.
final class ValueIterator: Object {
    private enum Kind: UInt8 {
        case range, list, tuple, table, array, generator
    }

    private let kind: Kind
    // The source: the one that `kind` names.
    private let list: ListObject?
    private let tuple: TupleObject?
    private let table: TableObject?
    private let array: [Value]
    private let generator: (() -> Value?)?
    /// The index of the next element; for a range, its value.
    @exclusivity(unchecked) private var position = 0
    @exclusivity(unchecked) private var step = 0
    @exclusivity(unchecked) private var remaining = 0

    private init(
        _ kind: Kind, list: ListObject? = nil, tuple: TupleObject? = nil, table: TableObject? = nil,
        array: [Value] = [], generator: (() -> Value?)? = nil, remaining: Int = 0
    ) {
        self.kind = kind
        self.list = list
        self.tuple = tuple
        self.table = table
        self.array = array
        self.generator = generator
        self.remaining = remaining
    }

    convenience init(list: ListObject) {
        self.init(.list, list: list, remaining: list.count)
        list.beginIteration()
    }

    convenience init(tuple: TupleObject) { self.init(.tuple, tuple: tuple, remaining: tuple.count) }

    convenience init(table: TableObject) {
        self.init(.table, table: table)
        table.beginIteration()
    }

    convenience init(range: RangeObject) {
        self.init(.range, remaining: range.count)
        position = range.start
        step = range.step
    }

    convenience init(array: [Value]) { self.init(.array, array: array, remaining: array.count) }

    /// For endless or computed sequences.
    convenience init(generator: @escaping () -> Value?) { self.init(.generator, generator: generator) }

    deinit {
        list?.endIteration()
        table?.endIteration()
    }

    override var typeName: String { "iterator" }

    /// Stores the next element in a register. False at the end.
    @inline(__always) func next(into target: UnsafeMutablePointer<Value>) -> Bool {
        switch kind {
        case .range:
            guard remaining > 0 else { return false }
            remaining &-= 1
            target.set(position)
            position = position &+ step
            return true
        case .list:
            guard remaining > 0 else { return false }
            remaining &-= 1
            target.copy(list.unsafelyUnwrapped.elements + position)
            position &+= 1
            return true
        default:
            guard let value = nextOther() else { return false }
            target.pointee = value
            return true
        }
    }

    /// The next element, nil at the end.
    func next() -> Value? {
        switch kind {
        case .range:
            guard remaining > 0 else { return nil }
            remaining &-= 1
            let value = position
            position = position &+ step
            return .int(value)
        case .list:
            guard remaining > 0 else { return nil }
            remaining &-= 1
            position &+= 1
            return list.unsafelyUnwrapped[position &- 1]
        default: return nextOther()
        }
    }

    @inline(never) private func nextOther() -> Value? {
        switch kind {
        case .tuple:
            guard remaining > 0 else { return nil }
            remaining &-= 1
            position &+= 1
            return tuple.unsafelyUnwrapped[position &- 1]
        case .table:
            let table = table.unsafelyUnwrapped
            guard let found = table.nextPosition(position) else { return nil }
            position = found + 1
            return table.slots[found].key
        case .array:
            guard remaining > 0 else { return nil }
            remaining &-= 1
            position &+= 1
            return array[position &- 1]
        case .generator: return generator.unsafelyUnwrapped()
        default: return nil
        }
    }

    /// How many elements there are, if known.
    var count: Int? {
        switch kind {
        case .table: return table.unsafelyUnwrapped.count
        case .generator: return nil
        default: return remaining
        }
    }
}

extension Value {
    var isIterable: Bool {
        switch payload {
        case .list, .tuple, .dict: return true
        case .object(let object): return object.isIterable
        default: return false
        }
    }

    /// An iterator, nil when the value is not iterable.
    func makeIterator(_ evaluation: Evaluation?) throws -> ValueIterator? {
        switch payload {
        case .list(let list): return ValueIterator(list: list)
        case .tuple(let tuple): return ValueIterator(tuple: tuple)
        case .dict(let dict): return ValueIterator(table: dict)
        case .object(let object): return try object.makeIterator(evaluation)
        default: return nil
        }
    }
}
