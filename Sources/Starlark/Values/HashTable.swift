/// An insertion-ordered hash table; the body of dicts and sets.
///
/// Entries lie in insertion order. Tables of more than eight entries have an open-addressing index of positions into
/// them. A removed entry leaves a hole; holes are squeezed out when half of the entries are holes, so removal costs
/// constant time at either end.
class TableObject {
    struct Entry {
        var hash: UInt
        var key: Value
        var value: Value

        @inline(__always) var isLive: Bool {
            if case .unbound = key.payload { return false }
            return true
        }
    }

    private static let empty: Int32 = -1
    private static let deleted: Int32 = -2
    private static let smallLimit = 8
    /// The slots of tables without capacity: never written, never freed.
    nonisolated(unsafe) private static let noSlots = UnsafeMutablePointer<Entry>.allocate(capacity: 1)

    @exclusivity(unchecked) private(set) var slots: UnsafeMutablePointer<Entry>
    /// Entries used, including holes.
    @exclusivity(unchecked) private(set) var used = 0
    /// Live entries.
    @exclusivity(unchecked) private(set) var count = 0
    /// No live entry lies before this one.
    @exclusivity(unchecked) private var first = 0
    @exclusivity(unchecked) private var capacity: Int
    @exclusivity(unchecked) private var index: UnsafeMutablePointer<Int32>?
    @exclusivity(unchecked) private var indexMask = 0
    @exclusivity(unchecked) private(set) var isFrozen = false
    @exclusivity(unchecked) private(set) var iterators = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 0)
        slots = capacity > 0 ? UnsafeMutablePointer.allocate(capacity: capacity) : Self.noSlots
        if capacity > Self.smallLimit { makeIndex() }
    }

    deinit {
        if used > 0 { releaseEntries(slots, used) }
        if capacity > 0 { slots.deallocate() }
        index?.deallocate()
    }

    private func releaseEntries(_ slots: UnsafeMutablePointer<Entry>, _ used: Int) {
        var stack: [Value] = []
        for position in 0..<used {
            if slots[position].value.isContainer { stack.append(slots[position].value) }
            if slots[position].key.isContainer { stack.append(slots[position].key) }
        }
        slots.deinitialize(count: used)
        if !stack.isEmpty { drainAll(&stack) }
    }

    func drain(into stack: inout [Value]) {
        for position in 0..<used {
            if slots[position].value.isContainer {
                var taken = Value.none
                swap(&slots[position].value, &taken)
                stack.append(taken)
            }
            if slots[position].key.isContainer {
                var taken = Value.unbound
                swap(&slots[position].key, &taken)
                stack.append(taken)
            }
        }
    }

    // MARK: Reading

    var keys: [Value] {
        var result: [Value] = []
        result.reserveCapacity(count)
        forEach { result.append($0.key) }
        return result
    }

    var entries: [(Value, Value)] {
        var result: [(Value, Value)] = []
        result.reserveCapacity(count)
        forEach { result.append(($0.key, $0.value)) }
        return result
    }

    @inline(__always) func forEach<E: Error>(_ body: (Entry) throws(E) -> Void) throws(E) {
        var position = first
        while position < used {
            if slots[position].isLive { try body(slots[position]) }
            position &+= 1
        }
    }

    /// The position of the first live entry at or after `position`, nil at the end.
    @inline(__always) func nextPosition(_ position: Int) -> Int? {
        var position = max(position, first)
        while position < used {
            if slots[position].isLive { return position }
            position &+= 1
        }
        return nil
    }

    /// The value of a key, nil when absent.
    func get(_ key: Value) throws -> Value? {
        let position = try find(key, try key.tableHash())
        return position < 0 ? nil : slots[position].value
    }

    /// The value of a string key, nil when absent.
    func get(_ key: StringObject) -> Value? {
        let position = findString(key, key.tableHash)
        return position < 0 ? nil : slots[position].value
    }

    func contains(_ key: Value) throws -> Bool { try find(key, try key.tableHash()) >= 0 }

    /// The position of the key's entry, -1 when absent.
    @inline(__always)
    func find(_ key: Value, _ hash: UInt) throws -> Int {
        switch key.payload {
        case .string(let text): return findString(text, hash)
        case .int(let number): return findInteger(number, hash, key)
        default: return try findAny(key, hash)
        }
    }

    @inline(__always)
    private func probe<E: Error>(_ hash: UInt, _ matches: (UnsafeMutablePointer<Entry>) throws(E) -> Bool) throws(E)
        -> Int
    {
        guard let index else {
            var position = first
            while position < used {
                let entry = slots + position
                if entry.pointee.hash == hash, entry.pointee.isLive, try matches(entry) { return position }
                position &+= 1
            }
            return -1
        }
        var place = Int(truncatingIfNeeded: hash) & indexMask
        while true {
            let position = index[place]
            if position == Self.empty { return -1 }
            if position >= 0 {
                let entry = slots + Int(position)
                if entry.pointee.hash == hash, try matches(entry) { return Int(position) }
            }
            place = (place &+ 1) & indexMask
        }
    }

    func findString(_ key: StringObject, _ hash: UInt) -> Int {
        probe(hash) { entry in
            if case .string(let text) = entry.pointee.key.payload { return text.isEqual(to: key) }
            return false
        }
    }

    private func findInteger(_ number: Int, _ hash: UInt, _ key: Value) -> Int {
        probe(hash) { entry in
            switch entry.pointee.key.payload {
            case .int(let other): return other == number
            case .float(let other): return Double(number) == other && Int(exactly: other) == number
            default: return false
            }
        }
    }

    private func findAny(_ key: Value, _ hash: UInt) throws -> Int {
        try probe(hash) { entry in try entry.pointee.key.isEqual(to: key) }
    }

    // MARK: Changing (without asking for permission)

    /// Inserts or replaces.
    @inline(__always) func set(_ key: Value, _ value: Value) throws {
        let hash = try key.tableHash()
        let position = try find(key, hash)
        if position >= 0 {
            slots[position].value = value
        } else {
            add(key, value, hash)
        }
    }

    /// Inserts unless present. True when inserted.
    @inline(__always) @discardableResult func insertIfAbsent(_ key: Value, _ value: Value) throws -> Bool {
        let hash = try key.tableHash()
        if try find(key, hash) >= 0 { return false }
        add(key, value, hash)
        return true
    }

    func setValue(_ value: Value, at position: Int) { slots[position].value = value }

    /// Appends an entry whose key is known to be absent.
    func add(_ key: Value, _ value: Value, _ hash: UInt) {
        if used == capacity { grow() }
        (slots + used).initialize(to: Entry(hash: hash, key: key, value: value))
        if let index {
            var place = Int(truncatingIfNeeded: hash) & indexMask
            while index[place] >= 0 { place = (place &+ 1) & indexMask }
            index[place] = Int32(truncatingIfNeeded: used)
        }
        used &+= 1
        count &+= 1
    }

    /// Removes a key. The value it had, nil when absent.
    func remove(_ key: Value) throws -> Value? {
        let hash = try key.tableHash()
        let position = try find(key, hash)
        return position < 0 ? nil : remove(at: position).value
    }

    /// Removes the first entry.
    func removeFirst() -> Entry? {
        guard let position = nextPosition(first) else { return nil }
        first = position
        return remove(at: position)
    }

    private func remove(at position: Int) -> Entry {
        let entry = slots[position]
        if let index {
            var place = Int(truncatingIfNeeded: entry.hash) & indexMask
            while index[place] != Int32(truncatingIfNeeded: position) { place = (place &+ 1) & indexMask }
            index[place] = Self.deleted
        }
        slots[position].key = .unbound
        slots[position].value = .none
        count -= 1
        if position == first { first += 1 }
        if count == 0 {
            removeAll()
        } else if used > 32, count < used / 4 {
            rebuild(capacity: max(count * 2, Self.smallLimit))
        }
        return entry
    }

    func removeAll() {
        let old = slots, oldUsed = used, oldCapacity = capacity
        slots = Self.noSlots
        index?.deallocate()
        index = nil
        capacity = 0
        used = 0
        count = 0
        first = 0
        releaseEntries(old, oldUsed)
        if oldCapacity > 0 { old.deallocate() }
    }

    @inline(never) private func grow() {
        // Many holes: squeeze them out instead.
        rebuild(capacity: count < used / 2 ? max(used, 4) : max(4, capacity * 2))
    }

    private func rebuild(capacity newCapacity: Int) {
        let moved = UnsafeMutablePointer<Entry>.allocate(capacity: newCapacity)
        var target = 0
        if count == used {
            moved.moveInitialize(from: slots, count: used)
            target = used
        } else {
            for position in 0..<used {
                if slots[position].isLive {
                    (moved + target).moveInitialize(from: slots + position, count: 1)
                    target += 1
                } else {
                    (slots + position).deinitialize(count: 1)
                }
            }
        }
        if capacity > 0 { slots.deallocate() }
        slots = moved
        capacity = newCapacity
        used = target
        first = 0
        if capacity > Self.smallLimit {
            makeIndex()
        } else {
            index?.deallocate()
            index = nil
        }
    }

    private func makeIndex() {
        var size = 16
        while size * 2 < capacity * 3 { size *= 2 }
        index?.deallocate()
        let fresh = UnsafeMutablePointer<Int32>.allocate(capacity: size)
        fresh.initialize(repeating: Self.empty, count: size)
        indexMask = size - 1
        for position in 0..<used where slots[position].isLive {
            var place = Int(truncatingIfNeeded: slots[position].hash) & indexMask
            while fresh[place] >= 0 { place = (place &+ 1) & indexMask }
            fresh[place] = Int32(truncatingIfNeeded: position)
        }
        index = fresh
    }

    // MARK: Permission to change

    @inline(__always) var isMutable: Bool { !isFrozen && iterators == 0 }

    @inline(__always) func checkMutable(_ verb: StaticString) throws {
        if !isMutable { throw immutable(verb) }
    }

    @inline(never) private func immutable(_ verb: StaticString) -> StarlarkFailure {
        StarlarkFailure(isFrozen ? "cannot \(verb) frozen hash table" : "cannot \(verb) hash table during iteration")
    }

    @inline(__always) func beginIteration() { if !isFrozen { iterators &+= 1 } }
    @inline(__always) func endIteration() { if !isFrozen { iterators &-= 1 } }
    func freezeShallow() { isFrozen = true }
}

/// A mutable dict.
final class DictObject: TableObject {}
