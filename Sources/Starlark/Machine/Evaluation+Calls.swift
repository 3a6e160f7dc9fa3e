extension Evaluation {
    /// Calls any callable value from native code.
    func invoke(_ callee: Value, _ arguments: [Value], _ named: [(StringObject, Value)]) throws -> Value {
        if nativeDepth == 0 { nativeStack = NativeStack() }
        guard nativeDepth < limits.nativeDepth, !nativeStack.isExhausted else {
            throw StarlarkFailure("Starlark stack overflow", kind: .limitExceeded)
        }
        nativeDepth += 1
        defer { nativeDepth -= 1 }
        // Lay out callee and arguments above everything in use, as a call instruction would.
        let count = 1 + arguments.count + named.count
        let savedChunk = stack.chunk
        let savedTop = stack.top
        var slot = stack.top
        if slot + count > stack.limit { slot = stack.enterNextChunk(count) }
        slot[0] = callee
        for (index, value) in arguments.enumerated() { slot[1 + index] = value }
        for (index, pair) in named.enumerated() { slot[1 + arguments.count + index] = pair.1 }
        stack.top = slot + count
        defer {
            for index in 0..<count { slot[index] = .unbound }
            stack.returnToChunk(savedChunk)
            stack.top = savedTop
        }
        let entry = stack.depth
        let result =
            named.isEmpty
            ? try start(slot, arguments.count, CallSite.positional)
            : try withUnsafePointer(to: CallSite(names: named.map(\.0))) { try start(slot, arguments.count, $0) }
        if let result { return result }
        return try execute(entry: entry)
    }

    /// Begins the call of `slot[0]`. Pushes a frame and returns nil for a Starlark function; else returns the result.
    private func start(
        _ slot: UnsafeMutablePointer<Value>, _ positional: Int, _ site: UnsafePointer<CallSite>
    ) throws -> Value? {
        if case .function(let function) = slot[0].payload {
            do {
                _ = try enter(Unmanaged.passUnretained(function), slot, positional, site)
            } catch {
                throw failure(error, frames: frames(failing: error))
            }
            return nil
        }
        return try callNative(slot, positional, site)
    }

    /// Calls a value that is no Starlark function; arguments follow it in the registers.
    @inline(never)
    func callNative(_ slot: UnsafeMutablePointer<Value>, _ positional: Int, _ site: UnsafePointer<CallSite>) throws
        -> Value
    {
        guard case .object(let object) = slot[0].payload, type(of: object) == BuiltinObject.self || object.isCallable
        else {
            throw StarlarkFailure("invalid call of non-function (\(slot[0].typeName))")
        }
        if site.pointee.isExpanding { return try callNativeExpanded(slot, positional, site.pointee) }
        return try callNative(object, slot + 1, positional, site)
    }

    @inline(__always)
    func callNative(
        _ object: Object, _ base: UnsafeMutablePointer<Value>, _ positional: Int, _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        guard type(of: object) == BuiltinObject.self else {
            return try callHost(object, base, positional, site)
        }
        let builtin = unsafeDowncast(object, to: BuiltinObject.self)
        return try withUnsafePointer(to: builtin.receiver ?? .unbound) {
            try callBuiltin(builtin, $0, base, positional, site)
        }
    }

    @inline(__always)
    func callBuiltin(
        _ builtin: BuiltinObject, _ receiver: UnsafePointer<Value>, _ base: UnsafeMutablePointer<Value>,
        _ positional: Int, _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        let frame = stack.frame
        frame.pointee.native = Unmanaged.passUnretained(builtin)
        var arguments = Arguments(
            evaluation: self, function: builtin, receiver: receiver, base: base, positionalCount: positional,
            site: site)
        if builtin.hasParameters { try arguments.bind() }
        let result = try builtin.body(&arguments)
        frame.pointee.native = nil
        return result
    }

    @inline(never)
    private func callHost(
        _ object: Object, _ base: UnsafeMutablePointer<Value>, _ positional: Int, _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        guard let host = (object as? HostObject)?.value else {
            throw StarlarkFailure("invalid call of non-function (\(object.typeName))")
        }
        let name = BuiltinObject(name: host.typeName, parameters: nil, receiver: nil) { _ in .none }
        let frame = stack.frame
        frame.pointee.native = Unmanaged.passUnretained(name)
        defer {
            // The name lives no longer than this call; the backtrace of a failure is taken inside it.
            frame.pointee.native = nil
            withExtendedLifetime(name) {}
        }
        do {
            return try withUnsafePointer(to: Value.unbound) { receiver in
                var arguments = Arguments(
                    evaluation: self, function: name, receiver: receiver, base: base, positionalCount: positional,
                    site: site)
                return try host.call(&arguments)
            }
        } catch {
            throw failure(error, frames: frames())
        }
    }

    /// Calls with `*args` or `**kwargs`: spreads them out first.
    @inline(never)
    func callNativeExpanded(
        _ slot: UnsafeMutablePointer<Value>, _ positional: Int, _ site: CallSite
    ) throws -> Value {
        guard case .object(let object) = slot[0].payload else { return .none }
        let (values, names) = try expand(slot + 1, positional, site)
        var copy = values
        return try copy.withUnsafeMutableBufferPointer { buffer in
            var none = Value.none
            return try withUnsafeMutablePointer(to: &none) { empty in
                try withUnsafePointer(to: CallSite(names: names)) {
                    try callNative(object, buffer.baseAddress ?? empty, values.count - names.count, $0)
                }
            }
        }
    }

    /// All arguments of a call in order, positional before named.
    private func expand(
        _ base: UnsafeMutablePointer<Value>, _ positional: Int, _ site: CallSite
    ) throws -> (values: [Value], names: [StringObject]) {
        var values: [Value] = []
        values.reserveCapacity(positional + site.nameCount + 8)
        values.append(contentsOf: UnsafeBufferPointer(start: base, count: positional))
        var next = positional + site.nameCount
        if site.hasStar, case .tuple(let tuple) = base[next].payload {
            try charge(steps: tuple.count)
            try charge(bytes: 16 * tuple.count)
            tuple.withElements { values.append(contentsOf: $0) }
            next += 1
        } else if site.hasStar {
            values.append(contentsOf: try spread(base[next]))
            next += 1
        }
        values.append(contentsOf: UnsafeBufferPointer(start: base + positional, count: site.nameCount))
        var names = site.names
        if site.hasStarStar {
            let dict = try keywordArguments(base[next])
            names.reserveCapacity(names.count + dict.count)
            dict.forEach { entry in
                guard case .string(let name) = entry.key.payload else { return }
                names.append(name)
                values.append(entry.value)
            }
        }
        return (values, names)
    }

    // MARK: Backtraces

    /// The active calls, outermost first; for a failed binding, with the callee that was not entered.
    func frames(failing error: (any Error)? = nil) -> [Frame] {
        var result: [Frame] = []
        var tables: [ObjectIdentifier: LineTable] = [:]
        func position(_ code: Code, _ offset: UInt32) -> Position {
            let source = code.program.source
            let table = tables[ObjectIdentifier(source)] ?? LineTable(source)
            tables[ObjectIdentifier(source)] = table
            return table.position(at: Int(offset))
        }
        var active: [UnsafeMutablePointer<FrameRecord>] = []
        stack.forEachFrame { active.append($0) }
        for frame in active.reversed() {
            let code = frame.pointee.function.code
            let word = max(frame.pointee.next - code.words - 1, 0)
            let offset = word < code.offsets.count ? code.offsets[word] : code.position
            result.append(Frame(functionName: code.name, position: position(code, offset)))
            if let native = frame.pointee.native?.takeUnretainedValue() {
                result.append(Frame(functionName: native.name, position: nil))
            }
        }
        if let binding = error as? BindingFailure {
            result.append(
                Frame(functionName: binding.code.name, position: position(binding.code, binding.code.position)))
        }
        return result
    }
}

/// Arguments that do not fit a function's parameters; reported at the function's definition.
struct BindingFailure: Error, CustomStringConvertible {
    let code: Code
    let description: String
    init(_ code: Code, _ message: String) {
        self.code = code
        description = message
    }
}
