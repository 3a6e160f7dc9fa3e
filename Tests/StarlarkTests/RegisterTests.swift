@testable import Starlark
import Testing

/// What the interpreter loop takes for granted about how values lie in memory.
struct RegisterTests {
    @Test("a value's case and payload lie where the registers look for them")
    func layout() {
        func parts(_ value: Value) -> (tag: UInt8, bits: UInt) {
            withUnsafePointer(to: value) { ($0.tag, $0.bits) }
        }
        func bits(_ object: AnyObject) -> UInt { UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()) }
        let text = StringObject.make("text")
        let list = ListObject([])
        let tuple = TupleObject.make([.none])
        let dict = DictObject(capacity: 0)
        let object = RangeObject(start: 0, stop: 1, step: 1)

        #expect(MemoryLayout<Value>.stride == 16)
        #expect(parts(.bool(true)).tag == ValueTag.bool)
        #expect(parts(.bool(true)).bits & 1 == 1)
        #expect(parts(.bool(false)).bits & 1 == 0)
        #expect(parts(.int(-7)) == (ValueTag.int, UInt(bitPattern: -7)))
        #expect(!ValueTag.isReference(parts(.float(1)).tag))
        #expect(parts(Value(.string(text))) == (ValueTag.string, bits(text)))
        #expect(parts(Value(.list(list))) == (ValueTag.list, bits(list)))
        #expect(parts(Value(.tuple(tuple))) == (ValueTag.tuple, bits(tuple)))
        #expect(parts(Value(.dict(dict))) == (ValueTag.dict, bits(dict)))
        #expect(parts(Value(.object(object))) == (ValueTag.object, bits(object)))
        #expect(parts(.none) == (ValueTag.other, ValueTag.noneBits))
        #expect(parts(.unbound) == (ValueTag.other, ValueTag.unboundBits))
        for tag in [ValueTag.string, ValueTag.list, ValueTag.tuple, ValueTag.dict, ValueTag.function, ValueTag.object] {
            #expect(ValueTag.isReference(tag))
        }
        for tag in [ValueTag.bool, ValueTag.int, ValueTag.other] { #expect(!ValueTag.isReference(tag)) }
    }

    @Test("registers count references when they copy, move and let go")
    func counting() {
        weak var watched: ListObject?
        let registers = UnsafeMutablePointer<Value>.allocate(capacity: 2)
        registers.initialize(repeating: .unbound, count: 2)
        do {
            let list = ListObject([])
            watched = list
            registers[0] = Value(.list(list))
        }

        (registers + 1).copy(registers)
        registers.set(1)
        #expect(watched != nil)
        registers.clear()
        registers.take(registers + 1)
        #expect(watched != nil)
        #expect((registers + 1).isUnbound)
        registers.discard()
        #expect(watched == nil)

        registers.deinitialize(count: 2)
        registers.deallocate()
    }
}
