/// The fields of a head, in memory that is reused from head to head. A reference: copies of a head share it.
final class FieldList: RandomAccessCollection {
    @exclusivity(unchecked) private var memory: UnsafeMutablePointer<HeadField>
    @exclusivity(unchecked) private var capacity = 32
    @exclusivity(unchecked) private(set) var count = 0

    init() { memory = .allocate(capacity: capacity) }

    deinit { memory.deallocate() }

    @inline(__always)
    func removeAll() { count = 0 }

    @inline(__always)
    func append(_ field: HeadField) {
        if count == capacity { grow() }
        memory[count] = field
        count += 1
    }

    private func grow() {
        let larger = UnsafeMutablePointer<HeadField>.allocate(capacity: 2 * capacity)
        larger.update(from: memory, count: count)
        memory.deallocate()
        memory = larger
        capacity *= 2
    }

    var startIndex: Int { 0 }
    var endIndex: Int { count }

    @inline(__always)
    subscript(position: Int) -> HeadField {
        precondition(position < count)
        return memory[position]
    }
}
