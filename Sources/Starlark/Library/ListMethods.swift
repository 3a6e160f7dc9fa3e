extension MethodTable {
    static let list = MethodTable([
        builtin("append", ListMethods.append), builtin("clear", ListMethods.clear),
        builtin("extend", ListMethods.extend), builtin("index", ListMethods.index),
        builtin("insert", ListMethods.insert), builtin("pop", ListMethods.pop),
        builtin("remove", ListMethods.remove),
    ])
}

/// The methods of lists.
enum ListMethods {
    @inline(__always)
    private static func list(_ a: Arguments) -> ListObject {
        guard case .list(let list) = a.receiverValue.payload else { preconditionFailure("method of another type") }
        return list
    }

    private static func checkMutable(_ a: Arguments, _ list: ListObject, _ verb: StaticString) throws {
        guard !list.isMutable else { return }
        do {
            try list.checkMutable(verb)
        } catch let error as StarlarkFailure {
            throw a.failure(error.message)
        }
    }

    static func append(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let list = list(a)
        try checkMutable(a, list, "append to")
        try a.evaluation.charge(bytes: 16)
        list.append(a.at(0))
        return .none
    }

    static func clear(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        let list = list(a)
        try checkMutable(a, list, "clear")
        list.removeAll()
        return .none
    }

    static func extend(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let list = list(a)
        guard a.at(0).isIterable else { throw a.mismatch("1", a.at(0), "iterable") }
        try checkMutable(a, list, "extend")
        try a.evaluation.extend(list, a.at(0))
        return .none
    }

    static func index(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 3)
        let list = list(a)
        let range = try a.range(1, list.count)
        try a.evaluation.charge(steps: range.count >> 2)
        for index in range where index < list.count {
            if try list[index].isEqual(to: a.at(0)) { return .int(index) }
        }
        throw a.failure("value not in list")
    }

    static func insert(_ a: inout Arguments) throws -> Value {
        try a.expect(2)
        let list = list(a)
        var place = try a.integer(0)
        try checkMutable(a, list, "insert into")
        try a.evaluation.charge(bytes: 16)
        if place < 0 { place += list.count }
        place = max(0, min(place, list.count))
        try a.evaluation.charge(steps: (list.count - place) >> 5)
        list.insert(a.at(1), at: place)
        return .none
    }

    static func pop(_ a: inout Arguments) throws -> Value {
        try a.expect(0, 1)
        let list = list(a)
        let wanted = a.positionalCount > 0 ? try a.integer(0) : -1
        let place = wanted < 0 ? wanted + list.count : wanted
        guard place >= 0, place < list.count else {
            throw a.failure(a.evaluation.outOfRange("\(wanted)", "list", list.count).message)
        }
        try checkMutable(a, list, "pop from")
        try a.evaluation.charge(steps: (list.count - place) >> 5)
        return list.remove(at: place)
    }

    static func remove(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        let list = list(a)
        try checkMutable(a, list, "remove from")
        try a.evaluation.charge(steps: list.count >> 2)
        for index in 0..<list.count where index < list.count {
            if try list[index].isEqual(to: a.at(0)) {
                _ = list.remove(at: index)
                return .none
            }
        }
        throw a.failure("element not found")
    }
}

extension Arguments {
    /// The range named by optional `start` and `end` arguments, by the rules of slices.
    func range(_ index: Int, _ count: Int) throws -> Range<Int> {
        func bound(_ index: Int, _ name: String, _ otherwise: Int) throws -> Int {
            guard let value = optional(at: index), !value.isNone else { return otherwise }
            let position = try prefixed { try evaluation.smallInteger(value, "invalid \(name) index: ") }
            return max(0, min(position < 0 ? position + count : position, count))
        }
        let start = try bound(index, "start", 0)
        let end = try bound(index + 1, "end", count)
        return start..<max(start, end)
    }
}
