/// A variable shared between a function and those defined inside it.
final class CellObject: Object {
    @exclusivity(unchecked) var value: Value
    init(_ value: Value) { self.value = value }
    override var typeName: String { "cell" }
    override var holdsValues: Bool { true }
    override func drain(into stack: inout [Value]) {
        if value.isContainer { stack.append(value) }
        value = .none
    }
    deinit {
        if value.isContainer {
            var stack = [value]
            value = .none
            drainAll(&stack)
        }
    }
}

/// A function defined by a program.
final class FunctionObject {
    let code: Code
    let module: ModuleState
    /// Default values of the last parameters; unbound for a required keyword-only parameter among them.
    let defaultValues: UnsafeMutablePointer<Value>
    @exclusivity(unchecked) private(set) var cells: [CellObject]
    private(set) var isFrozen = false

    // What a call needs, copied here so that the fast path follows no references.
    let words: UnsafeMutablePointer<Instruction>
    let constants: UnsafeMutablePointer<Value>
    let globals: UnsafeMutablePointer<Value>
    let callSites: UnsafePointer<CallSite>
    let attributeSites: UnsafePointer<AttributeSite>
    let frameSize: Int
    let localCount: Int
    /// The number of positional arguments that need no binding; -1 when all calls do.
    let simpleCount: Int
    let allowsRecursion: Bool
    let entryCost: Int
    let shape: ParameterShape

    /// Creates a function whose default values, `code.defaultCount` of them, are copied from `defaults`.
    init(code: Code, module: ModuleState, defaults: UnsafeMutablePointer<Value>?, cells: [CellObject]) {
        self.code = code
        self.module = module
        self.cells = cells
        defaultValues = .allocate(capacity: code.defaultCount)
        if let defaults { defaultValues.initialize(from: defaults, count: code.defaultCount) }
        words = code.words
        constants = code.program.constants
        globals = module.globals
        callSites = UnsafePointer(code.program.callSites.baseAddress!)
        attributeSites = UnsafePointer(code.program.attributeSites.baseAddress!)
        frameSize = code.frameSize
        localCount = code.localCount
        simpleCount = code.isSimple ? code.namedCount : -1
        allowsRecursion = code.program.dialect.allowsRecursion
        entryCost = 2 + code.wordCount >> 4
        shape = code.shape
    }

    deinit {
        var stack: [Value] = []
        drain(into: &stack)
        if !stack.isEmpty { drainAll(&stack) }
        defaultValues.deinitialize(count: shape.namedCount - shape.firstDefault)
        defaultValues.deallocate()
    }

    private var defaults: UnsafeMutableBufferPointer<Value> {
        UnsafeMutableBufferPointer(start: defaultValues, count: shape.namedCount - shape.firstDefault)
    }

    func drain(into stack: inout [Value]) {
        for index in defaults.indices where defaults[index].isContainer {
            stack.append(defaults[index])
            defaults[index] = .none
        }
        for cell in cells { stack.append(Value(.object(cell))) }
        cells = []
    }

    func freeze(_ pending: inout [Value]) {
        guard !isFrozen else { return }
        isFrozen = true
        pending.append(contentsOf: defaults)
        for cell in cells { pending.append(cell.value) }
    }
}

/// A function of the host or of the language, possibly bound to a receiver.
final class BuiltinObject: Object, @unchecked Sendable {
    // Sendable: all state is immutable; `receiver` obeys the rule of `Value`.
    let name: String
    let parameters: [Parameter]?
    let receiver: Value?
    let body: NativeFunction.Body
    /// True for `len`, which calls do themselves for the common types.
    let isLength: Bool
    let hasParameters: Bool

    init(
        name: String, parameters: [Parameter]?, receiver: Value?, body: @escaping NativeFunction.Body,
        isLength: Bool = false
    ) {
        self.isLength = isLength
        hasParameters = parameters != nil
        self.name = name
        self.parameters = parameters
        self.receiver = receiver
        self.body = body
    }

    func index(ofParameter name: String) -> Int? { parameters?.firstIndex { $0.name == name } }

    func bound(to receiver: Value) -> BuiltinObject {
        BuiltinObject(name: name, parameters: parameters, receiver: receiver, body: body)
    }

    override var typeName: String { "builtin_function_or_method" }
    override var isCallable: Bool { true }
    override var isFrozen: Bool { receiver?.isFrozen ?? true }
    override var holdsValues: Bool { receiver != nil }
    override func freeze(_ pending: inout [Value]) {
        if let receiver { pending.append(receiver) }
    }
    override func tableHash() throws -> UInt? { hashInteger(ObjectIdentifier(self).hashValue) }
    override func write(to writer: inout TextWriter) {
        if let receiver {
            writer.append("<built-in method \(name) of \(receiver.typeName) value>")
        } else {
            writer.append("<built-in function \(name)>")
        }
    }
}

/// The methods of one type.
final class MethodTable: Sendable {
    let methods: [String: BuiltinObject]
    let names: [String]

    init(_ list: [BuiltinObject]) {
        methods = Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0) })
        names = methods.keys.sorted()
    }
}
