/// A position in an iterable value. Holds lists and tables against change until it is released.
final class ValueIterator: Object {
    private enum Source {
        case list(ListObject)
        case tuple(TupleObject)
        case table(TableObject)
        case range
        case array([Value])
        case generator(() -> Value?)
    }

    private let source: Source
    /// The index of the next element; for a range, its value.
    @exclusivity(unchecked) private var position = 0
    @exclusivity(unchecked) private var step = 0
    @exclusivity(unchecked) private var remaining = 0

    init(list: ListObject) {
        source = .list(list)
        remaining = list.count
        list.beginIteration()
    }

    init(tuple: TupleObject) {
        source = .tuple(tuple)
        remaining = tuple.count
    }

    init(table: TableObject) {
        source = .table(table)
        table.beginIteration()
    }

    init(range: RangeObject) {
        source = .range
        position = range.start
        step = range.step
        remaining = range.count
    }

    init(array: [Value]) {
        source = .array(array)
        remaining = array.count
    }

    /// For endless or computed sequences.
    init(generator: @escaping () -> Value?) {
        source = .generator(generator)
    }

    deinit {
        switch source {
        case .list(let list): list.endIteration()
        case .table(let table): table.endIteration()
        default: break
        }
    }

    override var typeName: String { "iterator" }

    /// The next element, nil at the end.
    @inline(__always) func next() -> Value? {
        switch source {
        case .range:
            guard remaining > 0 else { return nil }
            remaining &-= 1
            let value = position
            position = position &+ step
            return .int(value)
        case .list(let list):
            guard remaining > 0 else { return nil }
            remaining &-= 1
            position &+= 1
            return list[position &- 1]
        default: return nextOther()
        }
    }

    @inline(never) private func nextOther() -> Value? {
        switch source {
        case .tuple(let tuple):
            guard position < remaining else { return nil }
            position += 1
            return tuple[position - 1]
        case .table(let table):
            guard let found = table.nextPosition(position) else { return nil }
            position = found + 1
            return table.slots[found].key
        case .array(let array):
            guard position < remaining else { return nil }
            position += 1
            return array[position - 1]
        case .generator(let generate): return generate()
        default: return nil
        }
    }

    /// How many elements there are, if known.
    var count: Int? {
        switch source {
        case .table(let table): return table.count
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
