/// Access by position, for the functions of the language; messages as starlark-go's.
extension Arguments {
    /// Checks that there are no named arguments and the right number of positional ones.
    @inline(__always)
    func expect(_ count: Int) throws {
        if positionalCount != count || hasNames { throw wrongCount(count, count) }
    }

    @inline(__always)
    func expect(_ least: Int, _ most: Int) throws {
        if positionalCount < least || positionalCount > most || hasNames { throw wrongCount(least, most) }
    }

    @inline(never)
    private func wrongCount(_ least: Int, _ most: Int) -> StarlarkFailure {
        if hasNames { return failure("unexpected keyword arguments") }
        let bound = least == most ? "" : positionalCount < least ? "at least " : "at most "
        return failure("got \(positionalCount) arguments, want \(bound)\(positionalCount < least ? least : most)")
    }

    /// A positional argument that must be there.
    @inline(__always) func at(_ index: Int) -> Value { base[index] }

    /// A positional argument, nil when not given.
    @inline(__always) func optional(at index: Int) -> Value? { index < positionalCount ? base[index] : nil }

    func mismatch(_ parameter: String, _ value: Value, _ want: String) -> StarlarkFailure {
        failure("for parameter \(parameter): got \(value.typeName), want \(want)")
    }

    @inline(__always)
    func text(_ index: Int) throws -> StringObject {
        if case .string(let text) = base[index].payload { return text }
        throw mismatch("\(index + 1)", base[index], "string")
    }

    func integer(_ index: Int) throws -> Int {
        if case .int(let value) = base[index].payload { return value }
        guard base[index].typeName == "int" else { throw mismatch("\(index + 1)", base[index], "int") }
        throw failure(
            "for parameter \(index + 1): \(base[index].repr) out of range (want value in signed 64-bit range)")
    }

    func truth(_ index: Int) throws -> Bool {
        guard let value = base[index].boolValue else { throw mismatch("\(index + 1)", base[index], "bool") }
        return value
    }

    func iterator(_ value: Value, _ parameter: String) throws -> ValueIterator {
        guard let iterator = try value.makeIterator(evaluation) else { throw mismatch(parameter, value, "iterable") }
        return iterator
    }

    /// The elements of an iterable argument.
    func elements(_ value: Value, _ parameter: String) throws -> [Value] {
        switch value.payload {
        case .list(let list):
            try evaluation.charge(elements: list.count)
            return list.array
        case .tuple(let tuple):
            try evaluation.charge(elements: tuple.count)
            return tuple.array
        default:
            let iterator = try iterator(value, parameter)
            var result: [Value] = []
            if let count = iterator.count {
                try evaluation.charge(elements: count)
                result.reserveCapacity(count)
            }
            while let element = iterator.next() {
                try evaluation.charge(steps: 1)
                try evaluation.charge(bytes: 16)
                result.append(element)
            }
            return result
        }
    }

    /// The value of a named argument, nil when not given.
    func named(_ name: StaticString) -> Value? {
        for index in names.indices where names[index].isEqual(to: name) { return base[positionalCount + index] }
        return nil
    }

    /// Refuses names other than these.
    func allowNames(_ allowed: StaticString...) throws {
        for name in names where !allowed.contains(where: { name.isEqual(to: $0) }) {
            let text = name.string
            throw failure(
                "unexpected keyword argument \"\(text)\"\(Spelling.hint(text, allowed.map { "\($0)" }))")
        }
    }

    /// Binds arguments to names as declared parameters are: nil for those not given.
    /// - Parameter mismatch: what a parameter wants instead of a value; nil when it takes it.
    func bound(
        _ parameters: [StaticString], required: Int, mismatch wanted: (Int, Value) -> String? = { _, _ in nil }
    ) throws -> [Value?] {
        if positionalCount > parameters.count {
            throw failure("got \(positionalCount) arguments, want at most \(parameters.count)")
        }
        var values = [Value?](repeating: nil, count: parameters.count)
        for index in 0..<positionalCount {
            values[index] = base[index]
            if let want = wanted(index, base[index]) { throw mismatch("\(parameters[index])", base[index], want) }
        }
        for (number, name) in names.enumerated() {
            guard let index = parameters.firstIndex(where: { name.isEqual(to: $0) }) else {
                let text = name.string
                throw failure(
                    "unexpected keyword argument \"\(text)\"\(Spelling.hint(text, parameters.map { "\($0)" }))")
            }
            if values[index] != nil {
                throw failure("got multiple values for keyword argument \"\(name.string)\"")
            }
            let value = base[positionalCount + number]
            values[index] = value
            if let want = wanted(index, value) { throw mismatch("\"\(parameters[index])\"", value, want) }
        }
        for index in 0..<required where values[index] == nil {
            throw failure("missing argument for \(parameters[index])")
        }
        return values
    }

    /// Binds arguments to the function's declared parameters.
    mutating func bind() throws {
        let parameters = function.parameters ?? []
        let positionalMaximum = parameters.prefix { !$0.keywordOnly }.count
        if positionalCount > positionalMaximum {
            throw failure("got \(positionalCount) arguments, want at most \(positionalMaximum)")
        }
        let binding = ArgumentBinding()
        binding.values = parameters.map { $0.defaultValue ?? .none }
        binding.given = Array(repeating: false, count: parameters.count)
        for index in 0..<positionalCount {
            binding.values[index] = base[index]
            binding.given[index] = true
        }
        for (number, name) in names.enumerated() {
            let text = name.string
            guard let index = parameters.firstIndex(where: { $0.name == text }) else {
                throw failure(
                    "unexpected keyword argument \"\(text)\"\(Spelling.hint(text, parameters.map(\.name)))")
            }
            if binding.given[index] { throw failure("got multiple values for keyword argument \"\(text)\"") }
            binding.values[index] = base[positionalCount + number]
            binding.given[index] = true
        }
        for (index, parameter) in parameters.enumerated() {
            if !binding.given[index] {
                if parameter.defaultValue == nil { throw failure("missing argument for \(parameter.name)") }
                continue
            }
            let value = binding.values[index]
            if value.isNone && parameter.acceptsNone { continue }
            if !parameter.type.accepts(value) { throw mismatch(parameter.name, value, parameter.type.name) }
        }
        self.binding = binding
    }
}

/// A function of the language.
func builtin(_ name: String, _ body: @escaping NativeFunction.Body) -> BuiltinObject {
    BuiltinObject(name: name, parameters: nil, receiver: nil, body: body)
}
