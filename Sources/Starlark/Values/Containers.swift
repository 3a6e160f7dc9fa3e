/// A mutable list.
///
/// `iterators` counts the loops that hold it; it is not touched once the list is frozen, so that a frozen list can be
/// read from many threads.
final class ListObject {
    @exclusivity(unchecked) private(set) var elements: UnsafeMutablePointer<Value>
    @exclusivity(unchecked) private(set) var count: Int
    @exclusivity(unchecked) private var capacity: Int
    @exclusivity(unchecked) private(set) var isFrozen = false
    @exclusivity(unchecked) private(set) var iterators = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 0)
        count = 0
        elements = UnsafeMutablePointer.allocate(capacity: max(capacity, 1))
    }

    convenience init(_ array: [Value]) {
        self.init(capacity: array.count)
        array.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    deinit {
        releaseDeep(elements, count)
        elements.deallocate()
    }

    var array: [Value] { Array(UnsafeBufferPointer(start: elements, count: count)) }

    @inline(__always) subscript(index: Int) -> Value {
        get { elements[index] }
        set { elements[index] = newValue }
    }

    /// Where the element with an index lies, which counts from the end when negative; nil when there is none.
    @inline(__always) func address(of index: Int) -> UnsafeMutablePointer<Value>? {
        let place = index < 0 ? index &+ count : index
        return place >= 0 && place < count ? elements + place : nil
    }

    /// Adds without asking for permission to change.
    @inline(__always) func append(_ value: Value) {
        if count == capacity { grow(to: count + 1) }
        (elements + count).initialize(to: value)
        count &+= 1
    }

    func append(contentsOf values: UnsafeBufferPointer<Value>) {
        guard let start = values.baseAddress, !values.isEmpty else { return }
        if start == UnsafePointer(elements) {  // itself: growing would move the source
            let copy = Array(values)
            copy.withUnsafeBufferPointer { append(contentsOf: $0) }
            return
        }
        if count + values.count > capacity { grow(to: count + values.count) }
        (elements + count).initialize(from: start, count: values.count)
        count += values.count
    }

    func insert(_ value: Value, at index: Int) {
        if count == capacity { grow(to: count + 1) }
        (elements + index + 1).moveInitialize(from: elements + index, count: count - index)
        (elements + index).initialize(to: value)
        count += 1
    }

    func remove(at index: Int) -> Value {
        let removed = (elements + index).move()
        (elements + index).moveInitialize(from: elements + index + 1, count: count - index - 1)
        count -= 1
        return removed
    }

    func removeAll() {
        let old = elements, oldCount = count
        elements = UnsafeMutablePointer.allocate(capacity: 1)
        capacity = 0
        count = 0
        releaseDeep(old, oldCount)
        old.deallocate()
    }

    @inline(never) private func grow(to wanted: Int) {
        let newCapacity = max(wanted, capacity + capacity / 2, 4)
        let moved = UnsafeMutablePointer<Value>.allocate(capacity: newCapacity)
        moved.moveInitialize(from: elements, count: count)
        elements.deallocate()
        elements = moved
        capacity = newCapacity
    }

    // MARK: Permission to change

    @inline(__always) var isMutable: Bool { !isFrozen && iterators == 0 }

    @inline(__always) func checkMutable(_ verb: StaticString) throws {
        if !isMutable { throw immutable(verb) }
    }

    @inline(never) private func immutable(_ verb: StaticString) -> StarlarkFailure {
        StarlarkFailure(isFrozen ? "cannot \(verb) frozen list" : "cannot \(verb) list during iteration")
    }

    @inline(__always) func beginIteration() { if !isFrozen { iterators &+= 1 } }
    @inline(__always) func endIteration() { if !isFrozen { iterators &-= 1 } }
    func freezeShallow() { isFrozen = true }

    /// Moves out the elements that hold others, for ``releaseDeep(_:_:)``.
    func drain(into stack: inout [Value]) {
        releaseContainers(elements, count, into: &stack)
    }
}

/// An immutable tuple; elements lie behind the header.
final class TupleObject: ManagedBuffer<TupleObject.Header, Value> {
    struct Header {
        var count: Int
    }

    nonisolated(unsafe) static let empty = make(count: 0) { _ in }  // immutable

    /// Creates a tuple and lets `fill` initialise its elements.
    @inline(__always)
    static func make(count: Int, _ fill: (UnsafeMutablePointer<Value>) -> Void) -> TupleObject {
        let buffer = TupleObject.create(minimumCapacity: count) { _ in Header(count: count) }
        buffer.withUnsafeMutablePointerToElements(fill)
        return unsafeDowncast(buffer, to: TupleObject.self)
    }

    static func make(_ elements: [Value]) -> TupleObject {
        elements.isEmpty ? empty : elements.withUnsafeBufferPointer(make)
    }

    static func make(_ elements: UnsafeBufferPointer<Value>) -> TupleObject {
        make(count: elements.count) { start in
            if let base = elements.baseAddress { start.initialize(from: base, count: elements.count) }
        }
    }

    static func pair(_ first: Value, _ second: Value) -> TupleObject {
        make(count: 2) { start in
            start.initialize(to: first)
            (start + 1).initialize(to: second)
        }
    }

    deinit {
        withUnsafeMutablePointers { header, elements in releaseDeep(elements, header.pointee.count) }
    }

    @inline(__always) var count: Int { withUnsafeMutablePointerToHeader { $0.pointee.count } }

    @inline(__always) func withElements<R, E: Error>(
        _ body: (UnsafeBufferPointer<Value>) throws(E) -> R
    ) throws(E) -> R {
        try withUnsafeMutablePointers { header, elements throws(E) in
            try body(UnsafeBufferPointer(start: elements, count: header.pointee.count))
        }
    }

    @inline(__always) subscript(index: Int) -> Value { withUnsafeMutablePointerToElements { $0[index] } }

    var array: [Value] { withElements { Array($0) } }

    func drain(into stack: inout [Value]) {
        withUnsafeMutablePointers { header, elements in
            releaseContainers(elements, header.pointee.count, into: &stack)
        }
    }
}

// MARK: - Releasing without recursion

extension Value {
    /// True when the value's release could release a chain of others.
    @inline(__always) var isContainer: Bool {
        switch payload {
        case .list, .tuple, .dict, .function: return true
        case .object(let object): return object.holdsValues
        default: return false
        }
    }

    /// Empties the container if nobody else holds it, and lets go of it.
    fileprivate mutating func drainIfUnique(into stack: inout [Value]) {
        // No copy of the payload may be alive while uniqueness is asked for, hence the detour by a number and `take`.
        switch containerKind {
        case 1: Value.drain(take { $0.asList }, &stack) { $0.drain(into: &$1) }
        case 2: Value.drain(take { $0.asTuple }, &stack) { $0.drain(into: &$1) }
        case 3: Value.drain(take { $0.asDict }, &stack) { $0.drain(into: &$1) }
        case 4: Value.drain(take { $0.asFunction }, &stack) { $0.drain(into: &$1) }
        case 5: Value.drain(take { $0.asObject }, &stack) { $0.drain(into: &$1) }
        default: break
        }
    }

    @inline(never)
    private var containerKind: Int {
        switch payload {
        case .list: return 1
        case .tuple: return 2
        case .dict: return 3
        case .function: return 4
        case .object: return 5
        default: return 0
        }
    }

    @inline(never)
    private mutating func take<T: AnyObject>(_ extract: (Payload) -> T?) -> T? {
        guard let object = extract(payload) else { return nil }
        payload = .none
        return object
    }

    @inline(never)
    private static func drain<T: AnyObject>(
        _ object: consuming T?, _ stack: inout [Value], _ body: (T, inout [Value]) -> Void
    ) {
        var object = object
        if isKnownUniquelyReferenced(&object), let object { body(object, &stack) }
    }
}

/// Moves the containers among `values` to `stack`, leaving `None` in their place.
func releaseContainers(_ values: UnsafeMutablePointer<Value>, _ count: Int, into stack: inout [Value]) {
    var index = 0
    while index < count {
        if values[index].isContainer {
            stack.append((values + index).move())
            (values + index).initialize(to: .none)
        }
        index += 1
    }
}

/// Deinitialises values of an object that is going away.
///
/// Plain release would recurse once per level of nesting, and programs decide how deep they nest; containers that die
/// with their holder are therefore emptied one after the other from a list of their own.
@inline(__always)
func releaseDeep(_ values: UnsafeMutablePointer<Value>, _ count: Int) {
    var index = 0
    while index < count {
        if values[index].isContainer {
            releaseNested(values + index, count - index)
            return
        }
        (values + index).deinitialize(count: 1)
        index += 1
    }
}

@inline(never)
private func releaseNested(_ values: UnsafeMutablePointer<Value>, _ count: Int) {
    var stack: [Value] = []
    releaseContainers(values, count, into: &stack)
    values.deinitialize(count: count)
    drainAll(&stack)
}

/// Releases everything on the stack without recursion.
func drainAll(_ stack: inout [Value]) {
    while var value = stack.popLast() { value.drainIfUnique(into: &stack) }
}
