extension MethodTable {
    static let dict = MethodTable([
        builtin("clear", DictMethods.clear), builtin("get", DictMethods.get), builtin("items", DictMethods.items),
        builtin("keys", DictMethods.keys), builtin("pop", DictMethods.pop),
        builtin("popitem", DictMethods.popitem), builtin("setdefault", DictMethods.setdefault),
        builtin("update", DictMethods.update), builtin("values", DictMethods.values),
    ])

    static let set = MethodTable([
        builtin("add", SetMethods.add), builtin("clear", SetMethods.clear),
        builtin("difference", SetMethods.difference), builtin("discard", SetMethods.discard),
        builtin("intersection", SetMethods.intersection), builtin("issubset", SetMethods.issubset),
        builtin("issuperset", SetMethods.issuperset), builtin("pop", SetMethods.pop),
        builtin("remove", SetMethods.remove), builtin("symmetric_difference", SetMethods.symmetricDifference),
        builtin("union", SetMethods.union), builtin("update", SetMethods.update),
    ])
}

extension Arguments {
    /// Adds the method's name to failures of the table: unhashable keys, frozen tables.
    @inline(__always)
    func prefixed<R>(_ body: () throws -> R) throws -> R {
        do {
            return try body()
        } catch let error as StarlarkFailure {
            throw failure(error.message)
        }
    }

    func checkMutable(_ table: TableObject, _ verb: StaticString) throws {
        if !table.isMutable { try prefixed { try table.checkMutable(verb) } }
    }
}

/// The methods of dicts.
enum DictMethods {
    @inline(__always)
    private static func dict(_ a: Arguments) -> DictObject {
        guard case .dict(let dict) = a.receiverValue.payload else { preconditionFailure("method of another type") }
        return dict
    }

    static func clear(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        try dict(a).checkMutable("clear")
        dict(a).removeAll()
        return .none
    }

    static func get(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 2)
        return try a.prefixed { try dict(a).get(a.at(0)) } ?? a.optional(at: 1) ?? .none
    }

    static func items(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        let dict = dict(a)
        try a.evaluation.charge(elements: dict.count * 5)
        let list = ListObject(capacity: dict.count)
        dict.forEach { list.append(Value(.tuple(.pair($0.key, $0.value)))) }
        return Value(.list(list))
    }

    static func keys(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        let dict = dict(a)
        try a.evaluation.charge(elements: dict.count)
        let list = ListObject(capacity: dict.count)
        dict.forEach { list.append($0.key) }
        return Value(.list(list))
    }

    static func values(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        let dict = dict(a)
        try a.evaluation.charge(elements: dict.count)
        let list = ListObject(capacity: dict.count)
        dict.forEach { list.append($0.value) }
        return Value(.list(list))
    }

    static func pop(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 2)
        let dict = dict(a)
        try a.checkMutable(dict, "delete from")
        if dict.count > 0, let value = try a.prefixed({ try dict.remove(a.at(0)) }) { return value }
        if let otherwise = a.optional(at: 1) { return otherwise }
        throw a.failure("missing key")
    }

    static func popitem(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        let dict = dict(a)
        if dict.count == 0 { throw a.failure("empty dict") }
        try a.checkMutable(dict, "delete from")
        let entry = dict.removeFirst()!
        return Value(.tuple(.pair(entry.key, entry.value)))
    }

    static func setdefault(_ a: inout Arguments) throws -> Value {
        try a.expect(1, 2)
        let dict = dict(a)
        if let value = try a.prefixed({ try dict.get(a.at(0)) }) { return value }
        try a.checkMutable(dict, "insert into")
        try a.evaluation.charge(bytes: 64)
        let value = a.optional(at: 1) ?? .none
        try a.prefixed { try dict.set(a.at(0), value) }
        return value
    }

    static func update(_ a: inout Arguments) throws -> Value {
        if a.positionalCount > 1 { throw a.failure("got \(a.positionalCount) arguments, want at most 1") }
        let dict = dict(a)
        try a.checkMutable(dict, "insert into")
        try update(dict, a)
        return .none
    }

    /// What `dict(pairs, **named)` and `update` have in common.
    static func update(_ dict: DictObject, _ a: Arguments) throws {
        if let pairs = a.optional(at: 0) {
            if case .dict(let other) = pairs.payload {
                try a.evaluation.charge(elements: other.count * 3)
                for (key, value) in other.entries { try dict.set(key, value) }
            } else {
                try update(dict, pairs, a)
            }
        }
        for (index, name) in a.names.enumerated() {
            try a.evaluation.charge(bytes: 64)
            if a.names.count > 1, a.names[..<index].contains(where: { $0.isEqual(to: name) }) {
                throw a.failure("duplicate keyword arg: \(Value(.string(name)).repr)")
            }
            try dict.set(Value(.string(name)), a.base[a.positionalCount + index])
        }
    }

    private static func update(_ dict: DictObject, _ pairs: Value, _ a: Arguments) throws {
        guard let iterator = try pairs.makeIterator(a.evaluation) else {
            throw a.failure("got \(pairs.typeName), want iterable")
        }
        var number = 0
        while let pair = iterator.next() {
            try a.evaluation.charge(steps: 2)
            try a.evaluation.charge(bytes: 64)
            if case .tuple(let tuple) = pair.payload, tuple.count == 2 {
                try a.prefixed { try dict.set(tuple[0], tuple[1]) }
            } else {
                guard pair.isIterable else {
                    throw a.failure(
                        "dictionary update sequence element #\(number) is not iterable (\(pair.typeName))")
                }
                let elements = try a.elements(pair, "1")
                guard elements.count == 2 else {
                    throw a.failure(
                        "dictionary update sequence element #\(number) has length \(elements.count), want 2")
                }
                try a.prefixed { try dict.set(elements[0], elements[1]) }
            }
            number += 1
        }
    }
}

/// The methods of sets.
enum SetMethods {
    @inline(__always)
    private static func table(_ a: Arguments) -> TableObject {
        guard let set = a.receiverValue.payload.asSet else { preconditionFailure("method of another type") }
        return set.table
    }

    private static func copy(_ a: Arguments) throws -> TableObject {
        try a.evaluation.charge(elements: table(a).count * 3)
        let copy = TableObject(capacity: table(a).count)
        for key in table(a).keys { try copy.insertIfAbsent(key, .none) }
        return copy
    }

    private static func other(_ a: Arguments) throws -> TableObject {
        try a.expect(0, 1)
        guard let value = a.optional(at: 0) else { return TableObject(capacity: 0) }
        if let set = value.payload.asSet { return set.table }
        let result = TableObject(capacity: 0)
        for element in try a.elements(value, "1") { try a.prefixed { _ = try result.insertIfAbsent(element, .none) } }
        return result
    }

    static func add(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        if try a.prefixed({ try table(a).contains(a.at(0)) }), table(a).isMutable { return .none }
        try a.checkMutable(table(a), "insert into")
        try a.evaluation.charge(bytes: 64)
        try a.prefixed { _ = try table(a).insertIfAbsent(a.at(0), .none) }
        return .none
    }

    static func clear(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        if table(a).count == 0 { return .none }
        try a.checkMutable(table(a), "clear")
        table(a).removeAll()
        return .none
    }

    static func difference(_ a: inout Arguments) throws -> Value {
        let other = try other(a)
        let result = TableObject(capacity: 0)
        for key in table(a).keys where try !other.contains(key) { try result.set(key, .none) }
        return Value(.object(SetObject(result)))
    }

    static func discard(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        if try !a.prefixed({ try table(a).contains(a.at(0)) }), table(a).isMutable { return .none }
        try a.checkMutable(table(a), "delete from")
        _ = try table(a).remove(a.at(0))
        return .none
    }

    static func intersection(_ a: inout Arguments) throws -> Value {
        let other = try other(a)
        let result = TableObject(capacity: 0)
        for key in other.keys where try table(a).contains(key) { try result.set(key, .none) }
        return Value(.object(SetObject(result)))
    }

    static func issubset(_ a: inout Arguments) throws -> Value {
        let other = try other(a)
        for key in table(a).keys where try !other.contains(key) { return .bool(false) }
        return .bool(true)
    }

    static func issuperset(_ a: inout Arguments) throws -> Value {
        for key in try other(a).keys where try !table(a).contains(key) { return .bool(false) }
        return .bool(true)
    }

    static func pop(_ a: inout Arguments) throws -> Value {
        try a.expect(0)
        if table(a).count == 0 { throw a.failure("empty set") }
        try a.checkMutable(table(a), "delete from")
        return table(a).removeFirst()!.key
    }

    static func remove(_ a: inout Arguments) throws -> Value {
        try a.expect(1)
        try a.checkMutable(table(a), "delete from")
        guard table(a).count > 0, try a.prefixed({ try table(a).remove(a.at(0)) }) != nil else {
            throw a.failure("missing key")
        }
        return .none
    }

    static func symmetricDifference(_ a: inout Arguments) throws -> Value {
        let other = try other(a)
        let result = TableObject(capacity: 0)
        for key in table(a).keys where try !other.contains(key) { try result.set(key, .none) }
        for key in other.keys where try !table(a).contains(key) { try result.set(key, .none) }
        return Value(.object(SetObject(result)))
    }

    private static func addAll(_ a: Arguments, to target: TableObject) throws {
        if a.hasNames { throw a.failure("does not accept keyword arguments") }
        for index in 0..<a.positionalCount {
            guard a.at(index).isIterable else {
                throw a.failure("argument #\(index + 1) is not iterable: \(a.at(index).typeName)")
            }
            for element in try a.elements(a.at(index), "\(index + 1)") {
                try a.evaluation.charge(bytes: 64)
                try a.prefixed { _ = try target.insertIfAbsent(element, .none) }
            }
        }
    }

    static func union(_ a: inout Arguments) throws -> Value {
        let result = try copy(a)
        try addAll(a, to: result)
        return Value(.object(SetObject(result)))
    }

    static func update(_ a: inout Arguments) throws -> Value {
        try a.checkMutable(table(a), "insert into")
        if table(a).count > 0, a.positional.contains(where: { $0.payload.asSet?.table === table(a) }) {
            throw a.failure("cannot insert into hash table during iteration")
        }
        try addAll(a, to: table(a))
        return .none
    }
}
