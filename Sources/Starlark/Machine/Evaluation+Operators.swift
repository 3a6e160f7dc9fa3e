/// Unary and binary operators beyond the small integers, which the interpreter loop does itself.
extension Evaluation {
    @inline(never)
    func compare(_ comparison: Comparison, _ x: Value, _ y: Value) throws -> Bool {
        switch comparison {
        case .equal: return try x.isEqual(to: y, depth: limits.comparisonDepth)
        case .notEqual: return try !x.isEqual(to: y, depth: limits.comparisonDepth)
        default: break
        }
        if let x = x.payload.asSet, let y = y.payload.asSet {
            switch comparison {
            case .less: return try x.table.count < y.table.count && x.isSubset(of: y)
            case .lessEqual: return try x.isSubset(of: y)
            case .greater: return try y.table.count < x.table.count && y.isSubset(of: x)
            default: return try y.isSubset(of: x)
            }
        }
        let order = try x.order(y, comparison, depth: limits.comparisonDepth)
        switch comparison {
        case .less: return order < 0
        case .lessEqual: return order <= 0
        case .greater: return order > 0
        default: return order >= 0
        }
    }

    func unknown(_ op: Token, _ x: Value, _ y: Value) throws -> Value {
        if case .object(let object) = x.payload, let host = (object as? HostObject)?.value,
            let result = try host.binary(op.spelling, y, onLeft: true, in: self)
        {
            return result
        }
        if case .object(let object) = y.payload, let host = (object as? HostObject)?.value,
            let result = try host.binary(op.spelling, x, onLeft: false, in: self)
        {
            return result
        }
        if let result = try TimeLibrary.binary(op, x, y) { return result }
        throw StarlarkFailure("unknown binary op: \(x.typeName) \(op.spelling) \(y.typeName)")
    }

    /// A large result, checked against the limit.
    func integer(_ value: BigInt) throws -> Value {
        if value.bitWidth > limits.integerBits {
            throw StarlarkFailure("integer too large (\(value.bitWidth) bits)", kind: .limitExceeded)
        }
        try charge(bytes: value.limbs.count * 8)
        try charge(steps: value.limbs.count >> 2)
        return .integer(value)
    }

    // MARK: Arithmetic

    @inline(never)
    func add(_ x: Value, _ y: Value) throws -> Value {
        switch (x.payload, y.payload) {
        case (.string(let a), .string(let b)):
            return Value(.string(try concatenate(a, b)))
        case (.float(let a), .float(let b)): return .float(a + b)
        case (.int(let a), .int(let b)): return try integer(BigInt(a) + BigInt(b))
        case (.list(let a), .list(let b)):
            try charge(elements: a.count + b.count)
            let list = ListObject(capacity: a.count + b.count)
            list.append(contentsOf: UnsafeBufferPointer(start: a.elements, count: a.count))
            list.append(contentsOf: UnsafeBufferPointer(start: b.elements, count: b.count))
            return Value(.list(list))
        case (.tuple(let a), .tuple(let b)):
            try charge(elements: a.count + b.count)
            return .tuple(a.array + b.array)
        case (.object(let a as BytesObject), .object(let b as BytesObject)):
            return Value(.object(BytesObject(try concatenate(a.storage, b.storage))))
        case (.object(let a as StructObject), .object(let b as StructObject)):
            guard try a.constructor.isEqual(to: b.constructor) else {
                throw StarlarkFailure(
                    "cannot add structs of different constructors: \(a.constructor) + \(b.constructor)")
            }
            try charge(elements: a.names.count + b.names.count)
            let fields = Array(zip(a.names, a.values)) + Array(zip(b.names, b.values))
            return Value(.object(StructObject(objects: fields, constructor: a.constructor)))
        default:
            if let (a, b) = try floats(x, y) { return .float(a + b) }
            if let a = x.bigInt, let b = y.bigInt { return try integer(a + b) }
            return try unknown(.plus, x, y)
        }
    }

    private func concatenate(_ a: StringObject, _ b: StringObject) throws -> StringObject {
        if a.count == 0 { return b }
        if b.count == 0 { return a }
        let count = a.count + b.count
        try charge(steps: count >> 6)
        try charge(bytes: 32 &+ count)
        return StringObject.make(count: count) { target in
            a.withBytes { target.initialize(from: $0.baseAddress!, count: $0.count) }
            b.withBytes { (target + a.count).initialize(from: $0.baseAddress!, count: $0.count) }
        }
    }

    /// Both operands as floats when one is a float and the other a number.
    private func floats(_ x: Value, _ y: Value) throws -> (Double, Double)? {
        switch (x.payload, y.payload) {
        case (.float(let a), .float(let b)): return (a, b)
        case (.float(let a), _): return try double(y).map { (a, $0) }
        case (_, .float(let b)): return try double(x).map { ($0, b) }
        default: return nil
        }
    }

    /// An int as a float; nil for other types, a failure when too large.
    func double(_ value: Value) throws -> Double? {
        switch value.payload {
        case .int(let value): return Double(value)
        case .float(let value): return value
        case .object(let object as BigIntObject):
            let result = object.value.doubleValue
            if result.isInfinite { throw StarlarkFailure("int too large to convert to float") }
            return result
        default: return nil
        }
    }

    @inline(never)
    func subtract(_ x: Value, _ y: Value) throws -> Value {
        if let (a, b) = try floats(x, y) { return .float(a - b) }
        if let a = x.bigInt, let b = y.bigInt { return try integer(a - b) }
        if let a = x.payload.asSet, let b = y.payload.asSet {
            try charge(elements: a.table.count)
            let table = TableObject(capacity: 0)
            for key in a.table.keys where try !b.table.contains(key) { try table.set(key, .none) }
            return Value(.object(SetObject(table)))
        }
        return try unknown(.minus, x, y)
    }

    @inline(never)
    func multiply(_ x: Value, _ y: Value) throws -> Value {
        if let (a, b) = try floats(x, y) { return .float(a * b) }
        if let a = x.bigInt, let b = y.bigInt {
            if a.bitWidth + b.bitWidth > limits.integerBits + 64 {
                throw StarlarkFailure("integer too large (\(a.bitWidth + b.bitWidth) bits)", kind: .limitExceeded)
            }
            try charge(steps: a.limbs.count * b.limbs.count >> 2)
            return try integer(a * b)
        }
        if let result = try repeated(x, y) ?? repeated(y, x) { return result }
        return try unknown(.star, x, y)
    }

    /// A sequence times an int; nil for other types.
    private func repeated(_ sequence: Value, _ count: Value) throws -> Value? {
        let length: Int
        switch sequence.payload {
        case .string(let text): length = text.count
        case .list(let list): length = list.count
        case .tuple(let tuple): length = tuple.count
        case .object(let object as BytesObject): length = object.storage.count
        default: return nil
        }
        guard let big = count.bigInt else { return nil }
        let limit = 1 << 30
        let times: Int
        if big.isNegative {
            times = 0
        } else if let value = big.intValue, value < 1 << 31 {
            times = value
        } else {
            throw StarlarkFailure("repeat count \(big.description) too large")
        }
        if length > 0, times > 0, length * times >= limit {
            throw StarlarkFailure("excessive repeat (\(length) * \(times) elements)")
        }
        let total = length * times
        switch sequence.payload {
        case .string(let text): return Value(.string(try repeatBytes(text, times)))
        case .object(let object as BytesObject):
            return Value(.object(BytesObject(try repeatBytes(object.storage, times))))
        case .list(let list):
            try charge(elements: total)
            let result = ListObject(capacity: total)
            for _ in 0..<(length == 0 ? 0 : times) {
                result.append(contentsOf: UnsafeBufferPointer(start: list.elements, count: list.count))
            }
            return Value(.list(result))
        case .tuple(let tuple):
            try charge(elements: total)
            if total == 0 { return Value(.tuple(.empty)) }
            let result = TupleObject.make(count: total) { target in
                tuple.withElements { elements in
                    for turn in 0..<times {
                        (target + turn * length).initialize(from: elements.baseAddress!, count: length)
                    }
                }
            }
            return Value(.tuple(result))
        default: return nil
        }
    }

    private func repeatBytes(_ text: StringObject, _ times: Int) throws -> StringObject {
        let total = text.count * times
        if total == 0 { return .empty }
        try charge(steps: total >> 6)
        try charge(bytes: 32 &+ total)
        return StringObject.make(count: total) { target in
            text.withBytes { bytes in
                for turn in 0..<times {
                    (target + turn * bytes.count).initialize(from: bytes.baseAddress!, count: bytes.count)
                }
            }
        }
    }

    @inline(never)
    func modulo(_ x: Value, _ y: Value) throws -> Value {
        switch (x.payload, y.payload) {
        case (.string(let format), _): return Value(.string(try self.format(format, y)))
        case (.int(let a), .int(let b)):
            if b == 0 { throw StarlarkFailure("integer modulo by zero") }
            if b == -1 { return .int(0) }
            let remainder = a % b
            return .int(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder)
        default:
            if let (a, b) = try floats(x, y) {
                if b == 0 { throw StarlarkFailure("floating-point modulo by zero") }
                let remainder = a.truncatingRemainder(dividingBy: b)
                return .float(remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder)
            }
            if let a = x.bigInt, let b = y.bigInt {
                if b.isZero { throw StarlarkFailure("integer modulo by zero") }
                try charge(steps: a.limbs.count * b.limbs.count >> 2)
                return try integer(a.flooredDivision(by: b).remainder)
            }
            return try unknown(.percent, x, y)
        }
    }

    private func divide(_ x: Value, _ y: Value) throws -> Value {
        guard let a = try double(x), let b = try double(y) else { return try unknown(.slash, x, y) }
        if b == 0 { throw StarlarkFailure("floating-point division by zero") }
        return .float(a / b)
    }

    private func floorDivide(_ x: Value, _ y: Value) throws -> Value {
        if case .int(let a) = x.payload, case .int(let b) = y.payload, b != 0, !(a == .min && b == -1) {
            let quotient = a / b
            return .int(quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient)
        }
        if let (a, b) = try floats(x, y) {
            if b == 0 { throw StarlarkFailure("floored division by zero") }
            return .float((a / b).rounded(.down))
        }
        guard let a = x.bigInt, let b = y.bigInt else { return try unknown(.slashSlash, x, y) }
        if b.isZero { throw StarlarkFailure("floored division by zero") }
        try charge(steps: a.limbs.count * b.limbs.count >> 2)
        return try integer(a.flooredDivision(by: b).quotient)
    }

    // MARK: The rest

    @inline(never)
    func binary(_ op: Token, _ x: Value, _ y: Value) throws -> Value {
        switch op {
        case .slash: return try divide(x, y)
        case .slashSlash: return try floorDivide(x, y)
        case .in: return .bool(try contains(y, x))
        case .notIn: return .bool(try !contains(y, x))
        case .ampersand, .pipe, .circumflex: return try bitwise(op, x, y)
        case .shiftLeft, .shiftRight: return try shift(op, x, y)
        case .plus: return try add(x, y)
        case .minus: return try subtract(x, y)
        case .star: return try multiply(x, y)
        case .percent: return try modulo(x, y)
        default: return try unknown(op, x, y)
        }
    }

    private func bitwise(_ op: Token, _ x: Value, _ y: Value) throws -> Value {
        switch (x.payload, y.payload) {
        case (.int(let a), .int(let b)):
            return .int(op == .ampersand ? a & b : op == .pipe ? a | b : a ^ b)
        case (.dict(let a), .dict(let b)) where op == .pipe:
            try charge(elements: 3 * (a.count + b.count))
            let dict = DictObject(capacity: a.count)
            for (key, value) in a.entries { try dict.set(key, value) }
            for (key, value) in b.entries { try dict.set(key, value) }
            return Value(.dict(dict))
        default:
            if let a = x.bigInt, let b = y.bigInt {
                return try integer(op == .ampersand ? a & b : op == .pipe ? a | b : a ^ b)
            }
            if let a = x.payload.asSet, let b = y.payload.asSet { return try combine(op, a, b) }
            return try unknown(op, x, y)
        }
    }

    private func combine(_ op: Token, _ a: SetObject, _ b: SetObject) throws -> Value {
        try charge(elements: 3 * (a.table.count + b.table.count))
        let table = TableObject(capacity: 0)
        switch op {
        case .pipe:
            for key in a.table.keys { try table.set(key, .none) }
            for key in b.table.keys { try table.insertIfAbsent(key, .none) }
        case .ampersand:
            for key in b.table.keys where try a.table.contains(key) { try table.set(key, .none) }
        default:
            for key in a.table.keys where try !b.table.contains(key) { try table.set(key, .none) }
            for key in b.table.keys where try !a.table.contains(key) { try table.set(key, .none) }
        }
        return Value(.object(SetObject(table)))
    }

    private func shift(_ op: Token, _ x: Value, _ y: Value) throws -> Value {
        guard let a = x.bigInt else { return try unknown(op, x, y) }
        guard let big = y.bigInt else { throw StarlarkFailure("got \(y.typeName), want int") }
        if big.isNegative { throw StarlarkFailure("negative shift count: \(big.description)") }
        if op == .shiftLeft {
            guard let count = big.intValue, count < 512 else {
                throw StarlarkFailure("shift count too large: \(big.description)")
            }
            return try integer(a << count)
        }
        return .integer(a >> (big.intValue ?? Int.max))
    }

    @inline(never)
    func unary(_ op: Token, _ x: Value) throws -> Value {
        switch (op, x.payload) {
        case (.minus, .int(let value)): return value == .min ? .integer(-BigInt(value)) : .int(-value)
        case (.minus, .float(let value)): return .float(-value)
        case (.plus, .int), (.plus, .float): return x
        case (.tilde, .int(let value)): return .int(~value)
        default:
            if let value = x.bigInt {
                switch op {
                case .minus: return .integer(-value)
                case .plus: return x
                case .tilde: return .integer(-value - BigInt(1))
                default: break
                }
            }
            throw StarlarkFailure("unknown unary op: \(op.spelling) \(x.typeName)")
        }
    }

    // MARK: Changing operators

    @inline(never)
    func addInPlace(_ x: Value, _ y: Value) throws -> Value {
        guard case .list(let list) = x.payload, y.isIterable else { return try add(x, y) }
        try list.checkMutable("apply += to")
        try extend(list, y)
        return x
    }

    /// Appends the elements of an iterable value.
    func extend(_ list: ListObject, _ value: Value) throws {
        switch value.payload {
        case .list(let other):
            try charge(elements: other.count)
            list.append(contentsOf: UnsafeBufferPointer(start: other.elements, count: other.count))
        case .tuple(let other):
            try charge(elements: other.count)
            other.withElements { list.append(contentsOf: $0) }
        default:
            guard let iterator = try value.makeIterator(self) else {
                throw StarlarkFailure("got \(value.typeName), want iterable")
            }
            while let element = iterator.next() {
                try charge(steps: 1)
                try charge(bytes: 16)
                list.append(element)
            }
        }
    }

    @inline(never)
    func orInPlace(_ x: Value, _ y: Value) throws -> Value {
        guard case .dict(let dict) = x.payload, case .dict(let other) = y.payload else {
            return try binary(.pipe, x, y)
        }
        try dict.checkMutable("apply |= to")
        try charge(elements: 3 * other.count)
        for (key, value) in other.entries { try dict.set(key, value) }
        return x
    }

    // MARK: Membership

    func contains(_ container: Value, _ element: Value) throws -> Bool {
        switch container.payload {
        case .list(let list):
            try charge(steps: list.count >> 3)
            for index in 0..<list.count where index < list.count {
                if try list[index].isEqual(to: element) { return true }
            }
            return false
        case .tuple(let tuple):
            try charge(steps: tuple.count >> 3)
            for index in 0..<tuple.count where try tuple[index].isEqual(to: element) { return true }
            return false
        case .dict(let dict):
            return (try? dict.contains(element)) ?? false  // a value that cannot be a key is none
        case .string(let text):
            guard case .string(let part) = element.payload else {
                throw StarlarkFailure(
                    "'in <string>' requires string as left operand, not \(element.typeName)")
            }
            try charge(steps: text.count >> 4)
            return text.find(part, 0..<text.count) != nil
        case .object(let object):
            return try contains(object, container, element)
        default: _ = try unknown(.in, element, container)
        }
        return false
    }

    private func contains(_ object: Object, _ container: Value, _ element: Value) throws -> Bool {
        switch object {
        case let set as SetObject:
            return try set.table.contains(element)
        case let range as RangeObject:
            if let value = element.intValue { return range.contains(value) }
            if case .float(let number) = element.payload, number.isFinite {
                return Int(exactly: number.rounded(.towardZero)).map(range.contains) ?? false
            }
            if element.typeName == "int" { return false }
            throw StarlarkFailure("'in <range>' requires integer as left operand, not \(element.typeName)")
        case let bytes as BytesObject:
            if case .object(let part as BytesObject) = element.payload {
                return bytes.storage.find(part.storage, 0..<bytes.storage.count) != nil
            }
            guard element.typeName == "int" else {
                throw StarlarkFailure("'in bytes' requires bytes or int as left operand, not \(element.typeName)")
            }
            guard let value = element.intValue, let byte = UInt8(exactly: value) else {
                throw StarlarkFailure(
                    "int in bytes: \(element.repr) out of range (want value in unsigned 8-bit range)")
            }
            return bytes.storage.withBytes { $0.contains(byte) }
        case let host as HostObject:
            if let result = try host.value.contains(element, in: self) { return result }
        default: break
        }
        _ = try unknown(.in, element, container)
        return false
    }
}

extension Value {
    /// False for values that cannot be keys.
    var isHashable: Bool {
        switch payload {
        case .list, .dict: return false
        default: return true
        }
    }
}
