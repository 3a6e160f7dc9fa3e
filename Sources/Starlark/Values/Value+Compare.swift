/// Equality, order and hashing. Cyclic and deep values are bounded by a number of levels, as in starlark-go.
extension Value {
    static let comparisonDepth = 10

    @inline(__always)
    func isEqual(to other: Value) throws -> Bool { try isEqual(to: other, depth: Value.comparisonDepth) }

    func isEqual(to other: Value, depth: Int) throws -> Bool {
        switch (payload, other.payload) {
        case (.none, .none): return true
        case (.bool(let x), .bool(let y)): return x == y
        case (.int(let x), .int(let y)): return x == y
        case (.string(let x), .string(let y)): return x.isEqual(to: y)
        case (.float(let x), .float(let y)): return x == y || (x.isNaN && y.isNaN)
        case (.int(let x), .float(let y)): return Double(x) == y && Int(exactly: y) == x
        case (.float(let x), .int(let y)): return Double(y) == x && Int(exactly: x) == y
        case (.float(let x), .object(let y)):
            return (y as? BigIntObject).map { $0.value.compare(to: x) == 0 } ?? false
        case (.object(let x), .float(let y)):
            return (x as? BigIntObject).map { $0.value.compare(to: y) == 0 } ?? false
        case (.list(let x), .list(let y)):
            try checkDepth(depth)
            guard x.count == y.count else { return false }
            for index in 0..<x.count {
                // Comparison may call the host, which may change a list.
                guard index < x.count, index < y.count else { return false }
                if try !x[index].isEqual(to: y[index], depth: depth - 1) { return false }
            }
            return true
        case (.tuple(let x), .tuple(let y)):
            try checkDepth(depth)
            guard x.count == y.count else { return false }
            for index in 0..<x.count where try !x[index].isEqual(to: y[index], depth: depth - 1) { return false }
            return true
        case (.dict(let x), .dict(let y)):
            try checkDepth(depth)
            guard x.count == y.count else { return false }
            for (key, value) in x.entries {
                guard let found = try y.get(key), try value.isEqual(to: found, depth: depth - 1) else {
                    return false
                }
            }
            return true
        case (.function(let x), .function(let y)): return x === y
        case (.object(let x), .object(let y)):
            if x === y { return true }
            guard type(of: x) == type(of: y) else { return false }
            try checkDepth(depth)
            return try x.isEqual(to: y, depth: depth)
        default: return false
        }
    }

    private func checkDepth(_ depth: Int) throws {
        if depth < 1 { throw StarlarkFailure("comparison exceeded maximum recursion depth") }
    }

    /// The order of two values: negative, zero or positive. `op` is for the message when they have none.
    func order(_ other: Value, _ op: Comparison, depth: Int = Value.comparisonDepth) throws -> Int {
        switch (payload, other.payload) {
        case (.int(let x), .int(let y)): return x < y ? -1 : x == y ? 0 : 1
        case (.string(let x), .string(let y)): return x.compare(to: y)
        case (.float(let x), .float(let y)): return Value.order(x, y)
        case (.int(let x), .float(let y)): return -Value.order(y, x)
        case (.float(let x), .int(let y)): return Value.order(x, y)
        case (.bool(let x), .bool(let y)): return x == y ? 0 : x ? 1 : -1
        case (.list(let x), .list(let y)):
            try checkDepth(depth)
            for index in 0..<min(x.count, y.count) {
                guard index < x.count, index < y.count else { break }
                if try !x[index].isEqual(to: y[index], depth: depth - 1) {
                    return try x[index].order(y[index], op, depth: depth - 1)
                }
            }
            return x.count < y.count ? -1 : x.count == y.count ? 0 : 1
        case (.tuple(let x), .tuple(let y)):
            try checkDepth(depth)
            for index in 0..<min(x.count, y.count) {
                if case .int(let a) = x[index].payload, case .int(let b) = y[index].payload {
                    if a != b { return a < b ? -1 : 1 }
                } else if try !x[index].isEqual(to: y[index], depth: depth - 1) {
                    return try x[index].order(y[index], op, depth: depth - 1)
                }
            }
            return x.count < y.count ? -1 : x.count == y.count ? 0 : 1
        case (.object(let x), _):
            if let x = x as? BigIntObject {
                switch other.payload {
                case .int: return x.value.isNegative ? -1 : 1
                case .float(let y): return x.value.compare(to: y)
                case .object(let y as BigIntObject): return x.value.compare(to: y.value)
                default: break
                }
            }
            if let x = x as? BytesObject, case .object(let y as BytesObject) = other.payload {
                return x.storage.compare(to: y.storage)
            }
            if let x = x as? TimeObject, case .object(let y as TimeObject) = other.payload { return x.order(y) }
            if let x = x as? DurationObject, case .object(let y as DurationObject) = other.payload {
                return x.nanoseconds < y.nanoseconds ? -1 : x.nanoseconds == y.nanoseconds ? 0 : 1
            }
        case (_, .object(let y as BigIntObject)):
            switch payload {
            case .int: return y.value.isNegative ? 1 : -1
            case .float(let x): return -y.value.compare(to: x)
            default: break
            }
        default: break
        }
        throw StarlarkFailure("\(typeName) \(op.text) \(other.typeName) not implemented")
    }

    /// NaN is equal to itself and above everything.
    static func order(_ x: Double, _ y: Double) -> Int {
        if x < y { return -1 }
        if x > y { return 1 }
        if x == y { return 0 }
        return x.isNaN ? (y.isNaN ? 0 : 1) : -1
    }

    /// Without rounding the integer.
    static func order(_ x: Double, _ y: Int) -> Int {
        if x.isNaN || x >= 0x1p63 { return 1 }
        if x < -0x1p63 { return -1 }
        let whole = Int(x.rounded(.towardZero))
        if whole != y { return whole < y ? -1 : 1 }
        let fraction = x - x.rounded(.towardZero)
        return fraction < 0 ? -1 : fraction > 0 ? 1 : 0
    }

    /// The private hash for tables. Throws for values that cannot be keys.
    @inline(__always)
    func tableHash() throws -> UInt {
        switch payload {
        case .string(let text): return text.tableHash
        case .int(let value): return hashInteger(value)
        default: return try otherTableHash(depth: 0)
        }
    }

    @inline(never)
    private func otherTableHash(depth: Int) throws -> UInt {
        switch payload {
        case .none: return 0x5afe
        case .bool(let value): return value ? 0xb001 : 0xb000
        case .int(let value): return hashInteger(value)
        case .string(let text): return text.tableHash
        case .float(let value):
            if let whole = Int(exactly: value) { return hashInteger(whole) }
            if let large = BigInt(exactly: value) { return large.tableHash }
            return value.isNaN ? 0x7ff8 : hashInteger(Int(truncatingIfNeeded: value.bitPattern))
        case .tuple(let tuple):
            if depth > 64 { throw StarlarkFailure("hash exceeded maximum recursion depth") }
            var state: UInt64 = 0x345_678
            for index in 0..<tuple.count {
                state = mix(
                    state ^ UInt64(try tuple[index].otherTableHash(depth: depth + 1)), 0xa076_1d64_78bd_642f)
            }
            return UInt(truncatingIfNeeded: state)
        case .function(let function): return hashInteger(ObjectIdentifier(function).hashValue)
        case .object(let object):
            if let record = object as? StructObject {
                if depth > 64 { throw StarlarkFailure("hash exceeded maximum recursion depth") }
                var state: UInt64 = 0x51_7cc1
                for (name, value) in zip(record.names, record.values) {
                    state = mix(state ^ UInt64(name.tableHash), 0xa076_1d64_78bd_642f)
                    state = mix(
                        state ^ UInt64(try value.otherTableHash(depth: depth + 1)), 0xe703_7ed1_a0b4_28db)
                }
                return UInt(truncatingIfNeeded: state)
            }
            guard let hash = try object.tableHash() else {
                if object is SetObject { throw StarlarkFailure("unhashable type: set") }
                throw StarlarkFailure("unhashable: \(object.typeName)")
            }
            return hash
        case .list, .dict: throw StarlarkFailure("unhashable type: \(typeName)")
        case .unbound: return 0
        }
    }
}
