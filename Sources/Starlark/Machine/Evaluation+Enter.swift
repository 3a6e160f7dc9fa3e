/// Entering Starlark functions: frames and the binding of arguments to parameters.
extension Evaluation {
    /// Pushes a frame for a function called with positional arguments, which follow `slot`.
    @inline(__always)
    func enter(
        _ function: Unmanaged<FunctionObject>, _ slot: UnsafeMutablePointer<Value>, _ positional: Int
    ) throws -> UnsafeMutablePointer<FrameRecord> {
        try function._withUnsafeGuaranteedRef { function in
            try admit(function)
            let base = slot + 1
            guard positional == function.simpleCount, base + function.frameSize <= stack.limit else {
                return try enterSlowly(function, slot, positional, CallSite.positional)
            }
            var index = positional
            while index < function.localCount {
                (base + index).clear()
                index &+= 1
            }
            return push(function, base: base, returnTo: slot, clearFrom: base, chunk: stack.chunk)
        }
    }

    /// Pushes a frame for a function called as `site` says.
    @inline(__always)
    func enter(
        _ function: Unmanaged<FunctionObject>, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> UnsafeMutablePointer<FrameRecord> {
        try function._withUnsafeGuaranteedRef { function in
            try admit(function)
            if site.pointee.isExpanding { return try enterExpanding(function, slot, positional, site) }
            return try enterSlowly(function, slot, positional, site)
        }
    }

    /// Checks the limits of one more call.
    @inline(__always)
    private func admit(_ function: FunctionObject) throws {
        try charge(steps: function.entryCost)
        if stack.depth >= limits.callDepth { throw StarlarkFailure("Starlark stack overflow", kind: .limitExceeded) }
        if !function.allowsRecursion { try checkRecursion(function.code) }
    }

    @inline(never)
    private func checkRecursion(_ code: Code) throws {
        var isActive = false
        stack.forEachFrame { if $0.pointee.function.code === code { isActive = true } }
        if isActive { throw StarlarkFailure("function \(code.name) called recursively") }
    }

    @inline(__always)
    private func push(
        _ function: FunctionObject, base: UnsafeMutablePointer<Value>, returnTo: UnsafeMutablePointer<Value>,
        clearFrom: UnsafeMutablePointer<Value>, chunk: Int
    ) -> UnsafeMutablePointer<FrameRecord> {
        let frame = stack.pushFrame()
        frame.pointee.function = function
        frame.pointee.next = function.words
        frame.pointee.base = base
        frame.pointee.returnTo = returnTo
        frame.pointee.clearFrom = clearFrom
        frame.pointee.end = base + function.frameSize
        frame.pointee.native = nil
        frame.pointee.chunk = chunk
        stack.top = base + function.frameSize
        return frame
    }

    // MARK: Binding

    /// Binds the arguments where they lie, behind `slot`: positional ones, then the named ones of `site`.
    @inline(never)
    private func enterSlowly(
        _ function: FunctionObject, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> UnsafeMutablePointer<FrameRecord> {
        let named = site.pointee.nameCount
        let given = positional &+ named
        let size = max(function.frameSize, given) &+ named
        let chunk = stack.chunk
        var base = slot + 1
        if base + size > stack.limit {
            base = stack.enterNextChunk(size)
            for index in 0..<given {
                (base + index).clear()
                (base + index).take(slot + (1 + index))
            }
        }
        return try bind(
            function, base, positional, site.pointee.nameAddresses, named, returnTo: slot, clearFrom: base,
            chunk: chunk)
    }

    /// Spreads `*args` and `**kwargs` above the operands of the call and binds the arguments there.
    @inline(never)
    private func enterExpanding(
        _ function: FunctionObject, _ slot: UnsafeMutablePointer<Value>, _ positional: Int,
        _ site: UnsafePointer<CallSite>
    ) throws -> UnsafeMutablePointer<FrameRecord> {
        let operands = slot + 1
        var last = operands + (positional + site.pointee.nameCount)
        var rest: [Value] = []
        var tuple: TupleObject?
        if site.pointee.hasStar {
            if case .tuple(let object) = last.pointee.payload {
                tuple = object
                try charge(steps: object.count)
                try charge(bytes: 16 * object.count)
            } else {
                rest = try spread(last.pointee)
            }
            last += 1
        }
        var keywords: DictObject?
        if site.pointee.hasStarStar {
            keywords = try keywordArguments(last.pointee)
            last += 1
        }
        let spreadCount = tuple?.count ?? rest.count
        let total = positional + spreadCount
        let named = site.pointee.nameCount + (keywords?.count ?? 0)
        let size = max(function.frameSize, total + named) + named
        let chunk = stack.chunk
        var base = last
        var clearFrom = operands
        if base + size > stack.limit {
            base = stack.enterNextChunk(size)
            clearFrom = base
        }
        var index = 0
        while index < total + named {
            (base + index).clear()
            index &+= 1
        }
        for index in 0..<positional { (base + index).take(operands + index) }
        if let tuple {
            tuple.withElements { elements in
                for index in 0..<elements.count { base[positional + index] = elements[index] }
            }
        } else {
            for index in rest.indices { base[positional + index] = rest[index] }
        }
        for index in 0..<site.pointee.nameCount { (base + (total + index)).take(operands + (positional + index)) }
        return try withUnsafeTemporaryAllocation(of: UnsafeRawPointer.self, capacity: max(named, 1)) { names in
            var count = 0
            while count < site.pointee.nameCount {
                names[count] = site.pointee.nameAddresses.unsafelyUnwrapped[count]
                count &+= 1
            }
            keywords?.forEach { entry in
                guard case .string(let name) = entry.key.payload else { return }
                names[count] = UnsafeRawPointer(Unmanaged.passUnretained(name).toOpaque())
                base[total + count] = entry.value
                count &+= 1
            }
            // The dict lies among the operands until the function returns, and keeps the names alive.
            return try bind(
                function, base, total, names.baseAddress, named, returnTo: slot, clearFrom: clearFrom, chunk: chunk)
        }
    }

    /// The elements of a `*` argument.
    func spread(_ value: Value) throws -> [Value] {
        guard let iterator = try value.makeIterator(self) else {
            throw StarlarkFailure("argument after * must be iterable, not \(value.typeName)")
        }
        var elements: [Value] = []
        while let element = iterator.next() {
            try charge(steps: 1)
            try charge(bytes: 16)
            elements.append(element)
        }
        return elements
    }

    /// The dict of a `**` argument, whose keys are strings.
    func keywordArguments(_ value: Value) throws -> DictObject {
        guard case .dict(let dict) = value.payload else {
            throw StarlarkFailure("argument after ** must be a mapping, not \(value.typeName)")
        }
        try charge(bytes: dict.count * 32)
        try dict.forEach { entry throws(StarlarkFailure) in
            guard entry.key.payload.isString else {
                throw StarlarkFailure("keywords must be strings, not \(entry.key.typeName)")
            }
        }
        return dict
    }

    /// Binds the arguments at `base` to parameters, which then lie there, and pushes the frame.
    ///
    /// There is room for the frame and the arguments, and behind both for the named arguments once more.
    @inline(__always)
    private func bind(
        _ function: FunctionObject, _ base: UnsafeMutablePointer<Value>, _ positional: Int,
        _ names: UnsafePointer<UnsafeRawPointer>?, _ named: Int, returnTo: UnsafeMutablePointer<Value>,
        clearFrom: UnsafeMutablePointer<Value>, chunk: Int
    ) throws -> UnsafeMutablePointer<FrameRecord> {
        let spare = base + max(function.frameSize, positional &+ named)
        do {
            try arrange(function, base, positional, names, named, spare)
        } catch {
            var slot = base
            while slot < spare + named {
                slot.clear()
                slot += 1
            }
            stack.returnToChunk(chunk)
            throw error
        }
        return push(function, base: base, returnTo: returnTo, clearFrom: clearFrom, chunk: chunk)
    }

    /// Moves arguments to their parameters, after starlark-go's `setArgs`. Named arguments go by way of `spare`.
    @inline(__always)
    private func arrange(
        _ function: FunctionObject, _ base: UnsafeMutablePointer<Value>, _ positional: Int,
        _ names: UnsafePointer<UnsafeRawPointer>?, _ named: Int, _ spare: UnsafeMutablePointer<Value>
    ) throws {
        let shape = function.shape
        let maximum = shape.positionalCount
        if positional > maximum, !shape.hasRest { throw tooManyArguments(function.code, positional, named) }
        if named > 0, shape.parameterCount == 0 { throw tooManyArguments(function.code, positional, named) }
        var index = 0
        while index < named {
            (spare + index).clear()
            (spare + index).take(base + (positional &+ index))
            index &+= 1
        }
        var rest = TupleObject.empty
        if positional > maximum {
            rest = .make(count: positional &- maximum) { target in
                for index in 0..<(positional &- maximum) { (target + index).take(base + (maximum &+ index)) }
            }
        }
        index = min(positional, maximum)
        while index < function.localCount {
            (base + index).clear()
            index &+= 1
        }
        if shape.hasRest { base[shape.namedCount] = Value(.tuple(rest)) }
        var keywords: DictObject?
        if shape.hasKeywords {
            let dict = DictObject(capacity: 0)
            base[shape.parameterCount &- 1] = Value(.dict(dict))
            keywords = dict
        }
        var expected = positional
        index = 0
        while index < named {
            let parameter = shape.find(names.unsafelyUnwrapped[index], expected)
            if parameter >= 0 {
                guard (base + parameter).isUnbound else {
                    throw repeatedArgument(function.code, names.unsafelyUnwrapped[index])
                }
                (base + parameter).take(spare + index)
                expected = parameter &+ 1
            } else {
                try bindExtra(function.code, keywords, names.unsafelyUnwrapped[index], spare + index)
            }
            index &+= 1
        }
        index = min(positional, maximum)
        while index < shape.namedCount {
            if (base + index).isUnbound {
                let number = index &- shape.firstDefault
                if number >= 0 { (base + index).copy(function.defaultValues + number) }
                if (base + index).isUnbound { throw missingArguments(function, base, index) }
            }
            index &+= 1
        }
    }

    /// Adds an argument that no parameter names to `**kwargs`.
    @inline(never)
    private func bindExtra(
        _ code: Code, _ keywords: DictObject?, _ address: UnsafeRawPointer, _ value: UnsafeMutablePointer<Value>
    ) throws {
        let name = Unmanaged<StringObject>.fromOpaque(address).takeUnretainedValue()
        guard let keywords else {
            throw BindingFailure(
                code, "function \(code.name) got an unexpected keyword argument \"\(name.string)\"")
        }
        guard try keywords.insertIfAbsent(Value(.string(name)), value.move()) else {
            value.initialize(to: .unbound)
            throw repeatedArgument(code, address)
        }
        value.initialize(to: .unbound)
    }

    // MARK: Failures of binding

    @inline(never)
    private func tooManyArguments(_ code: Code, _ positional: Int, _ named: Int) -> BindingFailure {
        if code.parameters.isEmpty {
            return BindingFailure(
                code, "function \(code.name) accepts no arguments (\(positional + named) given)")
        }
        let maximum = code.positionalCount
        let most = code.defaultCount > code.keywordOnlyCount ? "at most " : ""
        let plural = maximum == 1 ? "" : "s"
        return BindingFailure(
            code,
            "function \(code.name) accepts \(most)\(maximum) positional argument\(plural) (\(positional) given)")
    }

    @inline(never)
    private func repeatedArgument(_ code: Code, _ address: UnsafeRawPointer) -> BindingFailure {
        let name = Unmanaged<StringObject>.fromOpaque(address).takeUnretainedValue().string
        return BindingFailure(code, "function \(code.name) got multiple values for parameter \"\(name)\"")
    }

    @inline(never)
    private func missingArguments(
        _ function: FunctionObject, _ base: UnsafeMutablePointer<Value>, _ first: Int
    ) -> BindingFailure {
        let code = function.code
        var missing: [String] = []
        for index in first..<code.namedCount where (base + index).isUnbound {
            let number = index - function.shape.firstDefault
            if number >= 0, !(function.defaultValues + number).isUnbound { continue }
            missing.append(code.parameters[index].string)
        }
        let plural = missing.count == 1 ? "" : "s"
        return BindingFailure(
            code,
            "function \(code.name) missing \(missing.count) argument\(plural) (\(missing.joined(separator: ", ")))")
    }
}
