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
                try enter(function, slot, positional, site.pointee.names.isEmpty ? nil : site)
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
        if positional == 1, site == CallSite.positional, type(of: object) == BuiltinObject.self,
            unsafeDowncast(object, to: BuiltinObject.self).isLength
        {
            switch slot[1].payload {
            case .list(let list): return .int(list.count)
            case .dict(let dict): return .int(dict.count)
            case .tuple(let tuple): return .int(tuple.count)
            case .string(let text): return .int(text.count)
            default: break
            }
        }
        if site.pointee.hasStar || site.pointee.hasStarStar {
            return try callNativeExpanded(slot, positional, site.pointee)
        }
        return try callNative(object, .unbound, slot + 1, positional, site)
    }

    @inline(__always)
    func callNative(
        _ object: Object, _ receiver: Value, _ base: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        guard type(of: object) == BuiltinObject.self else {
            return try callHost(object, base, positional, site)
        }
        return try callBuiltin(unsafeDowncast(object, to: BuiltinObject.self), receiver, base, positional, site)
    }

    @inline(__always)
    func callBuiltin(
        _ builtin: BuiltinObject, _ receiver: Value, _ base: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> Value {
        let depth = stack.depth
        if depth > 0 { stack.frames[depth - 1].native = Unmanaged.passUnretained(builtin) }
        var arguments = Arguments(
            evaluation: self, function: builtin, receiver: builtin.receiver ?? receiver, base: base,
            positionalCount: positional, site: site)
        if builtin.parameters != nil { try arguments.bind() }
        let result = try builtin.body(&arguments)
        if depth > 0 { stack.frames[depth - 1].native = nil }
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
        let depth = stack.depth
        if depth > 0 { stack.frames[depth - 1].native = Unmanaged.passUnretained(name) }
        var arguments = Arguments(
            evaluation: self, function: name, receiver: .unbound, base: base, positionalCount: positional,
            site: site)
        defer {
            // The name lives no longer than this call; the backtrace of a failure is taken inside it.
            if depth > 0 { stack.frames[depth - 1].native = nil }
            withExtendedLifetime(name) {}
        }
        do {
            return try host.call(&arguments)
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
                    try callNative(object, .unbound, buffer.baseAddress ?? empty, values.count - names.count, $0)
                }
            }
        }
    }

    /// All arguments of a call in order, positional before named.
    private func expand(
        _ base: UnsafeMutablePointer<Value>, _ positional: Int, _ site: CallSite
    ) throws -> (values: [Value], names: [StringObject]) {
        var values: [Value] = []
        values.reserveCapacity(positional + site.names.count + 8)
        values.append(contentsOf: UnsafeBufferPointer(start: base, count: positional))
        var next = positional + site.names.count
        if site.hasStar, case .tuple(let tuple) = base[next].payload {
            try charge(steps: tuple.count)
            try charge(bytes: 16 * tuple.count)
            tuple.withElements { values.append(contentsOf: $0) }
            next += 1
        } else if site.hasStar {
            guard let iterator = try base[next].makeIterator(self) else {
                throw StarlarkFailure("argument after * must be iterable, not \(base[next].typeName)")
            }
            while let value = iterator.next() {
                try charge(steps: 1)
                try charge(bytes: 16)
                values.append(value)
            }
            next += 1
        }
        values.append(contentsOf: UnsafeBufferPointer(start: base + positional, count: site.names.count))
        var names = site.names
        if site.hasStarStar {
            guard case .dict(let dict) = base[next].payload else {
                throw StarlarkFailure("argument after ** must be a mapping, not \(base[next].typeName)")
            }
            try charge(bytes: dict.count * 32)
            names.reserveCapacity(names.count + dict.count)
            try dict.forEach { entry throws(StarlarkFailure) in
                guard case .string(let name) = entry.key.payload else {
                    throw StarlarkFailure("keywords must be strings, not \(entry.key.typeName)")
                }
                names.append(name)
                values.append(entry.value)
            }
        }
        return (values, names)
    }

    // MARK: Entering Starlark functions

    /// Pushes a frame for a function whose arguments follow `slot`.
    @inline(__always)
    func enter(
        _ function: FunctionObject, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>?
    ) throws {
        try charge(steps: function.entryCost)
        if stack.depth >= limits.callDepth { throw StarlarkFailure("Starlark stack overflow", kind: .limitExceeded) }
        if !function.allowsRecursion { try checkRecursion(function.code) }
        if site == nil, positional == function.simpleCount, slot + (1 + function.frameSize) <= stack.limit {
            let base = slot + 1
            var index = positional
            while index < function.localCount {
                (base + index).clear()
                index &+= 1
            }
            stack.pushFrame(
                FrameRecord(function, base: base, returnTo: slot, clearFrom: base, chunk: stack.chunk))
            stack.top = base + function.frameSize
            return
        }
        try enterSlowly(function, slot, positional, site)
    }

    @inline(never)
    private func checkRecursion(_ code: Code) throws {
        for index in 0..<stack.depth where stack.frames[index].function.code === code {
            throw StarlarkFailure("function \(code.name) called recursively")
        }
    }

    @inline(never)
    private func enterSlowly(
        _ function: FunctionObject, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>?
    ) throws {
        let code = function.code
        var arguments = slot + 1
        var positional = positional
        var names = site?.pointee.names ?? []
        var spread: [Value] = []
        let chunk = stack.chunk
        // Parameters are laid out above the operands of the call; both are released on return.
        var operands = positional + names.count
        if let site = site?.pointee, site.hasStar || site.hasStarStar {
            operands += (site.hasStar ? 1 : 0) + (site.hasStarStar ? 1 : 0)
            (spread, names) = try expand(arguments, positional, site)
            positional = spread.count - names.count
        }
        var base = arguments + operands
        var clearFrom = slot + 1
        if base + code.frameSize > stack.limit {
            base = stack.enterNextChunk(code.frameSize)
            clearFrom = base
        }
        var index = 0
        while index < code.localCount {
            (base + index).clear()
            index &+= 1
        }
        do {
            if spread.isEmpty {
                try bind(function, base, arguments, positional, names)
            } else {
                try spread.withUnsafeMutableBufferPointer { buffer in
                    arguments = buffer.baseAddress!
                    try bind(function, base, arguments, positional, names)
                }
            }
        } catch {
            for index in 0..<code.localCount { base[index] = .unbound }
            stack.returnToChunk(chunk)
            throw error
        }
        stack.pushFrame(
            FrameRecord(
                function, base: base, returnTo: slot, clearFrom: clearFrom, chunk: chunk))
        stack.top = base + code.frameSize
    }

    /// Binds arguments to parameters, after starlark-go's `setArgs`.
    private func bind(
        _ function: FunctionObject, _ base: UnsafeMutablePointer<Value>, _ arguments: UnsafeMutablePointer<Value>,
        _ positional: Int, _ names: [StringObject]
    ) throws {
        let code = function.code
        if code.parameters.isEmpty {
            if positional + names.count > 0 {
                throw BindingFailure(
                    code, "function \(code.name) accepts no arguments (\(positional + names.count) given)")
            }
            return
        }
        let named = code.namedCount
        let positionalMaximum = code.positionalCount
        let taken = min(positional, positionalMaximum)
        if positional > positionalMaximum, !code.hasRest {
            let most = code.defaultCount > code.keywordOnlyCount ? "at most " : ""
            throw BindingFailure(
                code,
                "function \(code.name) accepts \(most)\(positionalMaximum) positional argument\(positionalMaximum == 1 ? "" : "s") (\(positional) given)"
            )
        }
        var index = 0
        while index < taken {
            swap(&base[index], &arguments[index])
            index += 1
        }
        if code.hasRest {
            let extra = positional - taken
            base[named] = Value(
                .tuple(
                    extra == 0
                        ? .empty
                        : .make(UnsafeBufferPointer(start: arguments + taken, count: extra))))
        }
        let keywords = code.hasKeywords ? DictObject(capacity: 0) : nil
        if let keywords { base[code.parameters.count - 1] = Value(.dict(keywords)) }
        for number in names.indices {
            let parameter = findParameter(code, names, number)
            if parameter >= 0 {
                if case .unbound = base[parameter].payload {
                    swap(&base[parameter], &arguments[positional + number])
                    continue
                }
                throw BindingFailure(
                    code, "function \(code.name) got multiple values for parameter \"\(names[number].string)\"")
            }
            let name = names[number]
            guard let keywords else {
                throw BindingFailure(
                    code, "function \(code.name) got an unexpected keyword argument \"\(name.string)\"")
            }
            guard try keywords.insertIfAbsent(Value(.string(name)), arguments[positional + number]) else {
                throw BindingFailure(
                    code, "function \(code.name) got multiple values for parameter \"\(name.string)\"")
            }
        }
        guard taken < named || code.keywordOnlyCount > 0 else { return }
        let firstDefault = named - code.defaultCount
        var missing: [String]?
        index = taken
        while index < named {
            if case .unbound = base[index].payload {
                if index >= firstDefault { base[index] = function.defaults[index - firstDefault] }
                if case .unbound = base[index].payload { missing = (missing ?? []) + [code.parameters[index].string] }
            }
            index += 1
        }
        if let missing {
            throw BindingFailure(
                code,
                "function \(code.name) missing \(missing.count) argument\(missing.count == 1 ? "" : "s") (\(missing.joined(separator: ", ")))"
            )
        }
    }

    @inline(__always)
    private func findParameter(_ code: Code, _ names: [StringObject], _ number: Int) -> Int {
        var index = 0
        // The names of one program are interned: their addresses are compared, without counting references.
        let address = names.withUnsafeBytes {
            $0.load(fromByteOffset: number &* MemoryLayout<UnsafeRawPointer>.stride, as: UnsafeRawPointer.self)
        }
        while index < code.namedCount {
            if code.parameterAddresses[index] == address { return index }
            index &+= 1
        }
        let name = names[number]
        index = 0
        while index < code.namedCount {
            if code.parameters[index].isEqual(to: name) { return index }
            index &+= 1
        }
        return -1
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
        for index in 0..<stack.depth {
            let frame = stack.frames[index]
            let code = frame.function.code
            let word = max(frame.pc - 1, 0)
            let offset = word < code.offsets.count ? code.offsets[word] : code.position
            result.append(Frame(functionName: code.name, position: position(code, offset)))
            if let native = frame.native?.takeUnretainedValue() {
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
