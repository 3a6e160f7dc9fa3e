/// Attributes, indexing and slicing.
extension Evaluation {
    @inline(never)
    func attribute(_ value: Value, _ site: UnsafePointer<AttributeSite>) throws -> Value {
        switch value.payload {
        case .object(let object as RecordObject):
            if let field = object.field(site.pointee.name) { return field }
        case .string: if let method = site.pointee.stringMethod { return Value(.object(method.bound(to: value))) }
        case .list: if let method = site.pointee.listMethod { return Value(.object(method.bound(to: value))) }
        case .dict: if let method = site.pointee.dictMethod { return Value(.object(method.bound(to: value))) }
        default: break
        }
        return try attribute(value, site.pointee.name)
    }

    func attribute(_ value: Value, _ name: StringObject) throws -> Value {
        if let result = try findAttribute(value, name) { return result }
        throw noAttribute(value, name.string)
    }

    /// The attribute of any value, nil when absent.
    func findAttribute(_ value: Value, _ name: StringObject) throws -> Value? {
        if case .object(let object) = value.payload, let result = try object.attribute(name, self) { return result }
        guard let method = value.methodTable?.methods[name.string] else { return nil }
        return Value(.object(method.bound(to: value)))
    }

    func noAttribute(_ value: Value, _ name: String, hints: Bool = true) -> StarlarkFailure {
        if case .object(let object) = value.payload, object is DurationObject {
            return StarlarkFailure("unrecognized time.duration attribute \(Value.string(name).repr)")
        }
        let hint = hints ? Spelling.hint(name, attributeNames(value), prefix: ".") : ""
        if case .object(let object as StructObject) = value.payload {
            let brand = object.constructor.stringValue == nil ? "\(object.constructor) " : ""
            return StarlarkFailure("\(brand)struct has no .\(name) attribute\(hint)")
        }
        return StarlarkFailure("\(value.typeName) has no .\(name) field or method\(hint)")
    }

    /// The names for `dir(x)`.
    func attributeNames(_ value: Value) -> [String] {
        var names = value.methodTable?.names ?? []
        if case .object(let object) = value.payload { names += object.attributeNames }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    @inline(never)
    func setAttribute(_ object: Value, _ name: StringObject, _ value: Value) throws {
        if let host = object.hostValue, try host.setAttribute(name.string, to: value, in: self) { return }
        if let host = object.hostValue, host.attributeNames.contains(name.string) == false {
            throw noAttribute(object, name.string)
        }
        throw StarlarkFailure("can't assign to .\(name.string) field of \(object.typeName)")
    }

    // MARK: Indexing

    @inline(never)
    func index(_ object: Value, _ key: Value) throws -> Value {
        switch object.payload {
        case .dict(let dict):
            if let value = try dict.get(key) { return value }
            throw StarlarkFailure("key \(key.repr) not in dict")
        case .list(let list): return list[try position(key, "list", list.count)]
        case .tuple(let tuple): return tuple[try position(key, "tuple", tuple.count)]
        case .string(let text):
            let index = try position(key, "string", text.count)
            return Value(.string(text.slice(index..<index + 1)))
        case .object(let inner):
            switch inner {
            case let range as RangeObject: return .int(range[try position(key, "range", range.count)])
            case let bytes as BytesObject:
                let index = try position(key, "bytes", bytes.storage.count)
                return Value(.object(BytesObject(bytes.storage.slice(index..<index + 1))))
            case let view as ViewObject where view.length != nil && view.kind != .byteNumbers:
                return view.element(try position(key, view.typeName, view.storage.count))
            case let host as HostObject:
                if let value = try host.value.element(at: key, in: self) { return value }
            default: break
            }
        default: break
        }
        throw StarlarkFailure("unhandled index operation \(object.typeName)[\(key.typeName)]")
    }

    /// A checked index; negative ones count from the end.
    func position(_ key: Value, _ type: String, _ count: Int) throws -> Int {
        let value = try smallInteger(key, "\(type) index: ")
        let place = value < 0 ? value + count : value
        guard place >= 0, place < count else { throw outOfRange(key.repr, type, count) }
        return place
    }

    /// An int of 32 bits, as positions must be.
    func smallInteger(_ value: Value, _ prefix: @autoclosure () -> String) throws -> Int {
        if case .int(let number) = value.payload, Int32(exactly: number) != nil { return number }
        throw StarlarkFailure(
            prefix() + (value.typeName == "int" ? "\(value.repr) out of range" : "got \(value.typeName), want int"))
    }

    func outOfRange(_ index: String, _ type: String, _ count: Int) -> StarlarkFailure {
        if count == 0 { return StarlarkFailure("index \(index) out of range: empty \(type)") }
        return StarlarkFailure("\(type) index \(index) out of range [\(-count):\(count - 1)]")
    }

    @inline(never)
    func setIndex(_ object: Value, _ key: Value, _ value: Value) throws {
        switch object.payload {
        case .dict(let dict):
            if !dict.isMutable { try dict.checkMutable("insert into") }
            try charge(bytes: 64)
            try dict.set(key, value)
        case .list(let list):
            _ = try smallInteger(key, "")
            let place = try position(key, "list", list.count)
            try list.checkMutable("assign to element of")
            list[place] = value
        default: throw StarlarkFailure("\(object.typeName) value does not support item assignment")
        }
    }

    // MARK: Slicing

    @inline(never)
    func slice(_ object: Value, _ start: Value, _ stop: Value, _ step: Value) throws -> Value {
        let count: Int
        switch object.payload {
        case .string(let text): count = text.count
        case .list(let list): count = list.count
        case .tuple(let tuple): count = tuple.count
        case .object(let range as RangeObject): count = range.count
        case .object(let bytes as BytesObject): count = bytes.storage.count
        default: throw StarlarkFailure("invalid slice operand \(object.typeName)")
        }
        let bounds = try sliceBounds(start, stop, step, count)
        try charge(elements: bounds.count)
        switch object.payload {
        case .string(let text): return Value(.string(text.pick(bounds)))
        case .list(let list):
            let result = ListObject(capacity: bounds.count)
            var index = bounds.start
            for _ in 0..<bounds.count {
                result.append(list[index])
                index += bounds.step
            }
            return Value(.list(result))
        case .tuple(let tuple):
            return .tuple((0..<bounds.count).map { tuple[bounds.start + $0 * bounds.step] })
        case .object(let range as RangeObject):
            if let exact = range.slice(bounds) { return Value(.object(exact)) }
            // Bounds beyond the ends are for counting only; wrapping cannot reach an element.
            let first = range.start &+ bounds.start &* range.step
            let (step, overflow) = range.step.multipliedReportingOverflow(by: bounds.step)
            if bounds.count == 0 {
                return Value(.object(RangeObject(start: first, stop: first, step: overflow ? 1 : step)))
            }
            let last = range[bounds.start + (bounds.count - 1) * bounds.step]
            let end = last.addingReportingOverflow(step > 0 ? 1 : -1)
            let exact = range.start &+ bounds.stop &* range.step
            let stop = bounds.count == 1 || overflow || !inRange(exact, last, step) ? end.partialValue : exact
            return Value(.object(RangeObject(start: first, stop: stop, step: overflow ? 1 : step)))
        case .object(let bytes as BytesObject): return Value(.object(BytesObject(bytes.storage.pick(bounds))))
        default: return .none
        }
    }

    /// True when a range from an earlier element up to `stop` ends with `last`.
    private func inRange(_ stop: Int, _ last: Int, _ step: Int) -> Bool {
        step > 0 ? stop > last && stop - last <= step : stop < last && last - stop <= -step
    }

    struct SliceBounds {
        let start: Int
        let stop: Int
        let step: Int
        let count: Int
    }

    private func sliceBounds(_ start: Value, _ stop: Value, _ step: Value, _ count: Int) throws -> SliceBounds {
        func index(_ value: Value, _ name: String) throws -> Int? {
            if value.isNone { return nil }
            return try smallInteger(value, "invalid \(name) index: ")
        }
        var stride = 1
        if !step.isNone { stride = try smallInteger(step, "invalid slice step: ") }
        if stride == 0 { throw StarlarkFailure("zero is not a valid slice step") }
        func clamp(_ value: Int?, _ low: Int, _ high: Int, _ otherwise: Int) -> Int {
            guard var value else { return otherwise }
            if value < 0 { value += count }
            return min(max(value, low), high)
        }
        if stride > 0 {
            let from = clamp(try index(start, "start"), 0, count, 0)
            let to = max(clamp(try index(stop, "end"), 0, count, count), from)
            return SliceBounds(
                start: from, stop: to, step: stride, count: to > from ? (to - from - 1) / stride + 1 : 0)
        }
        // An end behind the last element shows in the bounds of an empty range.
        let to = clamp(try index(stop, "end"), -1, .max, -1)
        let from = max(clamp(try index(start, "start"), -1, count - 1, count - 1), to)
        return SliceBounds(
            start: from, stop: to, step: stride, count: from > to ? (from - to - 1) / -stride + 1 : 0)
    }
}

extension RangeObject {
    /// The part of a range between bounds; nil when its bounds are too large.
    fileprivate func slice(_ bounds: Evaluation.SliceBounds) -> RangeObject? {
        func position(_ index: Int) -> Int? {
            let (offset, overflow1) = index.multipliedReportingOverflow(by: self.step)
            let (result, overflow2) = start.addingReportingOverflow(offset)
            return overflow1 || overflow2 ? nil : result
        }
        let (step, overflow) = self.step.multipliedReportingOverflow(by: bounds.step)
        guard !overflow, let first = position(bounds.start), let stop = position(bounds.stop) else { return nil }
        return RangeObject(start: first, stop: stop, step: step)
    }
}

extension StringObject {
    /// The bytes at the positions of a slice.
    func pick(_ bounds: Evaluation.SliceBounds) -> StringObject {
        if bounds.count == 0 { return .empty }
        if bounds.step == 1 { return slice(bounds.start..<bounds.start + bounds.count) }
        return withBytes { bytes in
            StringObject.make(count: bounds.count) { target in
                for index in 0..<bounds.count { target[index] = bytes[bounds.start + index * bounds.step] }
            }
        }
    }

    /// The offset of the first occurrence within a range.
    func find(_ part: StringObject, _ range: Range<Int>) -> Int? {
        withBytes { bytes in
            part.withBytes { wanted in
                findBytes(wanted, UnsafeBufferPointer(rebasing: bytes[range])).map { $0 + range.lowerBound }
            }
        }
    }

    /// The offset of the last occurrence within a range.
    func findLast(_ part: StringObject, _ range: Range<Int>) -> Int? {
        withBytes { bytes in
            part.withBytes { wanted in
                guard wanted.count <= range.count else { return nil }
                var index = range.upperBound - wanted.count
                while index >= range.lowerBound {
                    if bytesEqual(bytes.baseAddress! + index, wanted.baseAddress!, wanted.count) { return index }
                    index -= 1
                }
                return nil
            }
        }
    }
}

/// The offset of the first occurrence of `wanted`.
func findBytes(_ wanted: UnsafeBufferPointer<UInt8>, _ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    guard wanted.count <= bytes.count else { return nil }
    guard wanted.count > 0 else { return 0 }
    let first = wanted[0]
    let base = bytes.baseAddress!
    let end = bytes.count - wanted.count
    var index = 0
    while index <= end {
        if base[index] == first, bytesEqual(base + index, wanted.baseAddress!, wanted.count) { return index }
        index &+= 1
    }
    return nil
}

extension Value {
    /// The methods of the value's type.
    var methodTable: MethodTable? {
        switch payload {
        case .string: return .string
        case .list: return .list
        case .dict: return .dict
        case .object(let object): return object.methods
        default: return nil
        }
    }
}
