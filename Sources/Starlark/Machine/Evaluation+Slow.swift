/// Steps of the interpreter loop that are too rare or too long to stand in it.
extension Evaluation {
    @inline(never) func unboundGlobal(_ function: FunctionObject, _ index: Int) -> StarlarkFailure {
        let name = function.module.program.globalNames[index].string
        return StarlarkFailure("global variable \(name) referenced before assignment")
    }

    @inline(never) func unboundLocal(_ name: StringObject) -> StarlarkFailure {
        StarlarkFailure("local variable \(name.string) referenced before assignment")
    }

    @inline(never)
    func makeFunction(
        _ code: Code, _ outer: FunctionObject, _ regs: UnsafeMutablePointer<Value>, _ first: Int
    ) throws -> Value {
        try charge(bytes: 96)
        var cells: [CellObject] = []
        cells.reserveCapacity(code.captures.count)
        for capture in code.captures {
            if capture.isFree {
                cells.append(outer.cells[capture.index])
            } else if case .object(let object) = regs[capture.index].payload {
                cells.append(unsafeDowncast(object, to: CellObject.self))
            }
        }
        return Value(
            .function(FunctionObject(code: code, module: outer.module, defaults: regs + first, cells: cells)))
    }

    @inline(never)
    func insertNew(_ target: Value, _ key: Value, _ value: Value) throws {
        guard case .dict(let dict) = target.payload else { return }
        if try !dict.insertIfAbsent(key, value) { throw StarlarkFailure("duplicate key: \(key.repr)") }
    }

    /// The built-in method a call names. Nil when the attribute is something else, which then replaces the receiver.
    @inline(__always)
    func method(_ slot: UnsafeMutablePointer<Value>, _ site: UnsafePointer<AttributeSite>) throws -> BuiltinObject? {
        switch slot.pointee.payload {
        case .string: if let method = site.pointee.stringMethod { return method }
        case .list: if let method = site.pointee.listMethod { return method }
        case .dict: if let method = site.pointee.dictMethod { return method }
        default: break
        }
        slot.pointee = try attribute(slot.pointee, site)
        return nil
    }

    @inline(__always)
    func callMethod(
        _ method: BuiltinObject, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        if site.pointee.isExpanding {
            slot.pointee = Value(.object(method.bound(to: slot.pointee)))
            return try callNative(slot, positional, site)
        }
        return try callBuiltin(method, UnsafePointer(slot), slot + 1, positional, site)
    }

    @inline(never)
    func unpack(_ value: Value, _ target: UnsafeMutablePointer<Value>, _ count: Int) throws {
        if case .tuple(let tuple) = value.payload, tuple.count == count {
            for index in 0..<count { target[index] = tuple[index] }
            return
        }
        if case .list(let list) = value.payload, list.count == count {
            for index in 0..<count { target[index] = list[index] }
            return
        }
        guard let iterator = try value.makeIterator(self) else {
            throw StarlarkFailure("got \(value.typeName) in sequence assignment")
        }
        var index = 0
        while index < count {
            guard let element = iterator.next() else {
                throw StarlarkFailure("too few values to unpack (got \(index), want \(count))")
            }
            target[index] = element
            index += 1
        }
        if iterator.next() != nil {
            throw StarlarkFailure("too many values to unpack (got \(value.length ?? -1), want \(count))")
        }
    }

    // MARK: Load and freeze

    @inline(never)
    func load(_ function: FunctionObject, _ index: Int, _ target: UnsafeMutablePointer<Value>) throws {
        let program = function.code.program!
        let site = program.loadSites[index]
        guard let loader else {
            throw StarlarkFailure("load not implemented by this application")
        }
        guard nativeDepth < limits.nativeDepth, !nativeStack.isExhausted else {
            throw StarlarkFailure("Starlark stack overflow", kind: .limitExceeded)
        }
        nativeDepth += 1
        defer { nativeDepth -= 1 }
        let members: [(String, Value)]
        do {
            members = try loader.load(site.module, from: program.source.name, in: self)
        } catch {
            let detail = (error as? EvaluationError)?.message
            throw EvaluationError(
                message: "cannot load \(site.module): \(detail ?? "\(error)")", backtrace: frames(), cause: error,
                origin: ObjectIdentifier(self))
        }
        for (number, name) in site.names.enumerated() {
            let text = name.string
            guard let member = members.last(where: { $0.0 == text }) else {
                let hint = Spelling.hint(text, members.map(\.0))
                throw StarlarkFailure("load: name \(text) not found in module \(site.module)\(hint)")
            }
            target[number] = member.1
        }
    }

    /// Freezes the globals of a module and all they reach, without recursion.
    func freeze(_ state: ModuleState) {
        var pending = (0..<state.program.globalNames.count).map { state.globals[$0] }
        Freezer.freeze(&pending)
    }
}

/// Makes values immutable for good.
enum Freezer {
    static func freeze(_ pending: inout [Value]) {
        // Objects without a flag of their own (tuples, structs) may be shared; visit each once.
        var seen: Set<ObjectIdentifier> = []
        while let value = pending.popLast() {
            switch value.payload {
            case .list(let list):
                guard !list.isFrozen else { continue }
                list.freezeShallow()
                for index in 0..<list.count where list[index].canHoldMutable { pending.append(list[index]) }
            case .dict(let dict):
                guard !dict.isFrozen else { continue }
                dict.freezeShallow()
                dict.forEach { entry in
                    if entry.value.canHoldMutable { pending.append(entry.value) }
                    if entry.key.canHoldMutable { pending.append(entry.key) }
                }
            case .tuple(let tuple):
                guard seen.insert(ObjectIdentifier(tuple)).inserted else { continue }
                tuple.withElements { elements in
                    for element in elements where element.canHoldMutable { pending.append(element) }
                }
            case .function(let function): function.freeze(&pending)
            case .object(let object):
                guard seen.insert(ObjectIdentifier(object)).inserted else { continue }
                object.freeze(&pending)
            default: break
            }
        }
    }
}

extension Value {
    /// False for values that hold nothing.
    fileprivate var canHoldMutable: Bool {
        switch payload {
        case .list, .dict, .tuple, .function, .object: return true
        default: return false
        }
    }

    /// What `len(x)` gives, nil when there is no length.
    var length: Int? {
        switch payload {
        case .string(let text): return text.count
        case .list(let list): return list.count
        case .tuple(let tuple): return tuple.count
        case .dict(let dict): return dict.count
        case .object(let object): return object.length
        default: return nil
        }
    }
}

extension Value.Payload {
    var isString: Bool {
        if case .string = self { return true }
        return false
    }
    var asList: ListObject? {
        if case .list(let list) = self { return list }
        return nil
    }
    var asDict: DictObject? {
        if case .dict(let dict) = self { return dict }
        return nil
    }
    var asTuple: TupleObject? {
        if case .tuple(let tuple) = self { return tuple }
        return nil
    }
    var asFunction: FunctionObject? {
        if case .function(let function) = self { return function }
        return nil
    }
    var asObject: Object? {
        if case .object(let object) = self { return object }
        return nil
    }
    var asSet: SetObject? {
        if case .object(let object) = self { return object as? SetObject }
        return nil
    }
}
