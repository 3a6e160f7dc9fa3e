/// The operations of the register machine. Comments name the operands; R is the frame's registers.
enum Opcode: UInt8 {
    /// R[a] = R[b]
    case move
    /// R[a] = constants[bc]
    case constant
    /// R[a] = signed 32-bit bc
    case integer
    /// R[a] = globals[bc]; fails when unbound
    case loadGlobal
    /// globals[bc] = R[a]
    case storeGlobal
    /// R[a] = predeclared[bc]
    case loadPredeclared
    /// Fails when R[a] is unbound.
    case checkLocal
    /// R[a] = a new cell holding R[a]
    case makeCell
    /// R[a] = content of the cell R[b]; fails when unbound
    case loadCell
    /// content of the cell R[a] = R[b]
    case storeCell
    /// R[a] = content of the function's cell b; fails when unbound
    case loadFree

    /// R[a] = R[b] op R[c]
    case add, subtract, multiply, modulo
    /// R[a] = R[b] op signed 16-bit c
    case addInteger, subtractInteger, multiplyInteger, moduloInteger
    /// R[a] = R[b] op R[c], op in `flag` (a token)
    case binary
    /// R[a] = R[b] + R[c], in place for lists; likewise for `|` and dicts
    case addInPlace, orInPlace
    /// R[a] = op R[b], op in `flag` (a token)
    case unary
    /// R[a] = not R[b]
    case not
    /// R[a] = R[b] op R[c]; comparison in `flag`
    case compare

    /// Goes to bc.
    case jump
    /// Goes back to bc; charges a × 16 steps.
    case loop
    /// Goes to bc when R[a] is true / false.
    case jumpIfTrue, jumpIfFalse
    /// Skips the next word, a jump, when the comparison in `flag` of R[a] and R[b] is c != 0; else the jump is taken.
    case compareJump
    /// As above with signed 16-bit b.
    case compareIntegerJump

    /// R[a] = R[b].name, c: attribute site
    case attribute
    /// R[a].name = R[b], c: attribute site
    case setAttribute
    /// R[a] = R[b][R[c]]
    case index
    /// R[a][R[b]] = R[c]
    case setIndex
    /// R[a] = R[b][R[c]:R[c+1]:R[c+2]]
    case slice

    /// R[a] = a list of R[b]..., c elements
    case list
    /// R[a] = a tuple of R[b]..., c elements
    case tuple
    /// R[a] = a list copied from the tuple constants[bc]
    case constantList
    /// R[a] = an empty list with room for bc
    case emptyList
    /// R[a] = an empty dict with room for bc
    case emptyDict
    /// R[a].append(R[b])
    case append
    /// R[a][R[b]] = R[c] in a dict display: the key must be new
    case insertNew
    /// R[a][constants[b]] = R[c] in a dict display
    case insertNewConstant
    /// R[a][R[b]] = R[c] in a dict comprehension
    case insert
    /// R[a] = a function of code bc; defaults lie in R[a]...
    case makeFunction

    /// Calls R[a] with R[a+1]..., b positional; the result goes to R[a].
    case call
    /// As `call`, c: call site with names and stars.
    case callNamed
    /// Calls the method of R[a], c: attribute site. The next word's a and b are the call's, its c the call site or 0.
    case callMethod
    /// The second word of `callMethod`.
    case methodArguments
    /// Returns R[a].
    case `return`
    /// Returns None.
    case returnNone

    /// R[a] = an iterator over R[b]
    case iterate
    /// R[a] = next of the iterator R[b]; when there is none the next word, a jump, is taken, else skipped
    case next
    /// Ends the iterator R[a].
    case endIteration
    /// R[b]... = the c elements of R[a]
    case unpack
    /// R[a]... = the names of load site bc
    case load
}

/// One word of code: from the lowest bits an opcode, a flag of 8 bits, and three operands of 16.
struct Instruction {
    private var bits: UInt64

    @inline(__always) var op: Opcode { unsafeBitCast(UInt8(truncatingIfNeeded: bits), to: Opcode.self) }
    @inline(__always) var flag: UInt8 { UInt8(truncatingIfNeeded: bits >> 8) }
    @inline(__always) var a: Int { Int(truncatingIfNeeded: bits >> 16 & 0xFFFF) }
    @inline(__always) var b: Int { Int(truncatingIfNeeded: bits >> 32 & 0xFFFF) }
    @inline(__always) var c: Int { Int(truncatingIfNeeded: bits >> 48) }
    /// `b` as a signed number.
    @inline(__always) var signedB: Int { Int(Int16(truncatingIfNeeded: bits >> 32)) }
    /// `c` as a signed number.
    @inline(__always) var signedC: Int { Int(Int16(truncatingIfNeeded: bits >> 48)) }
    /// `b` and `c` as one signed number.
    @inline(__always) var signedWide: Int { Int(Int32(truncatingIfNeeded: bits >> 32)) }

    /// `b` and `c` as one number.
    @inline(__always) var wide: Int {
        get { Int(truncatingIfNeeded: bits >> 32) }
        set { bits = bits & 0xFFFF_FFFF | UInt64(truncatingIfNeeded: newValue) << 32 }
    }

    init(_ op: Opcode, a: Int = 0, b: Int = 0, c: Int = 0, flag: UInt8 = 0) {
        bits =
            UInt64(op.rawValue) | UInt64(flag) << 8 | UInt64(UInt16(truncatingIfNeeded: a)) << 16
            | UInt64(UInt16(truncatingIfNeeded: b)) << 32 | UInt64(UInt16(truncatingIfNeeded: c)) << 48
    }

    init(_ op: Opcode, a: Int = 0, wide: Int) {
        self.init(op, a: a)
        self.wide = wide
    }
}

/// The comparisons, as in `flag` of compare instructions: bit 0 is set when "less" satisfies it, bit 1 when "equal",
/// bit 2 when "greater".
enum Comparison: UInt8 {
    case less = 1
    case equal = 2
    case lessEqual = 3
    case greater = 4
    case notEqual = 5
    case greaterEqual = 6

    var text: String {
        switch self {
        case .equal: return "=="
        case .notEqual: return "!="
        case .less: return "<"
        case .lessEqual: return "<="
        case .greater: return ">"
        case .greaterEqual: return ">="
        }
    }
}

/// The code of one function.
final class Code: @unchecked Sendable {
    // Sendable: immutable once the compiler has finished.
    let name: String
    /// Parameters: positional, keyword-only, then `*args` and `**kwargs` if any.
    let parameters: [StringObject]
    let keywordOnlyCount: Int
    let hasRest: Bool
    let hasKeywords: Bool
    /// Parameters that can be given, without `*args` and `**kwargs`.
    let namedCount: Int
    let documentation: String?
    /// Where the function is defined; argument errors are reported there.
    let position: UInt32

    // Filled in by the compiler.
    fileprivate(set) var words: UnsafeMutablePointer<Instruction>
    fileprivate(set) var wordCount = 0
    /// The source offset of each word.
    fileprivate(set) var offsets: [UInt32] = []
    fileprivate(set) var frameSize = 0
    /// Registers of variables, which come first; they start unbound.
    fileprivate(set) var localCount = 0
    fileprivate(set) var localNames: [StringObject] = []
    fileprivate(set) var freeNames: [StringObject] = []
    /// For each cell of the function: the register of the enclosing function that has it, or its own cell.
    fileprivate(set) var captures: [(isFree: Bool, index: Int)] = []
    /// How many of the last named parameters have a default (keyword-only ones count, given or not).
    fileprivate(set) var defaultCount = 0
    unowned(unsafe) fileprivate(set) var program: ProgramCode!

    init(
        name: String, parameters: [StringObject], keywordOnlyCount: Int, hasRest: Bool, hasKeywords: Bool,
        documentation: String?, position: UInt32
    ) {
        self.name = name
        self.parameters = parameters
        self.keywordOnlyCount = keywordOnlyCount
        self.hasRest = hasRest
        self.hasKeywords = hasKeywords
        namedCount = parameters.count - (hasRest ? 1 : 0) - (hasKeywords ? 1 : 0)
        self.documentation = documentation
        self.position = position
        words = UnsafeMutablePointer.allocate(capacity: 1)
        parameterAddresses = .allocate(capacity: max(namedCount, 1))
        for index in 0..<namedCount {
            (parameterAddresses + index).initialize(
                to: UnsafeRawPointer(Unmanaged.passUnretained(parameters[index]).toOpaque()))
        }
    }

    /// The addresses of the named parameters' names, to compare names without counting references.
    private let parameterAddresses: UnsafeMutablePointer<UnsafeRawPointer>

    deinit {
        words.deallocate()
        parameterAddresses.deallocate()
    }

    /// What binding needs to know about the parameters. Valid as long as the code.
    var shape: ParameterShape {
        ParameterShape(
            namedCount: namedCount, positionalCount: positionalCount, parameterCount: parameters.count,
            firstDefault: namedCount - defaultCount, hasRest: hasRest, hasKeywords: hasKeywords,
            names: parameterAddresses)
    }

    /// True when a call with exactly `namedCount` positional arguments needs no binding.
    @inline(__always) var isSimple: Bool { simple }
    private(set) var simple = false

    func finish(
        words: [Instruction], offsets: [UInt32], frameSize: Int, localCount: Int, localNames: [StringObject],
        freeNames: [StringObject], captures: [(isFree: Bool, index: Int)], defaultCount: Int
    ) {
        self.words.deallocate()
        self.words = UnsafeMutablePointer.allocate(capacity: max(words.count, 1))
        self.words.initialize(from: words, count: words.count)
        wordCount = words.count
        self.offsets = offsets
        self.frameSize = frameSize
        self.localCount = localCount
        self.localNames = localNames
        self.freeNames = freeNames
        self.captures = captures
        self.defaultCount = defaultCount
        simple = keywordOnlyCount == 0 && !hasRest && !hasKeywords
    }

    fileprivate func attach(to program: ProgramCode) { self.program = program }

    var positionalCount: Int { namedCount - keywordOnlyCount }

    var parameterNames: [String] {
        var names = parameters.map(\.string)
        if hasKeywords { names[names.count - 1] = "**" + names[names.count - 1] }
        if hasRest { names[namedCount] = "*" + names[namedCount] }
        return names
    }
}

/// The parameters of a function, as the binding of arguments sees them.
struct ParameterShape {
    /// Parameters that can be given, without `*args` and `**kwargs`.
    let namedCount: Int
    let positionalCount: Int
    /// All of them.
    let parameterCount: Int
    /// The parameter that the first of the function's default values belongs to.
    let firstDefault: Int
    let hasRest: Bool
    let hasKeywords: Bool
    fileprivate let names: UnsafeMutablePointer<UnsafeRawPointer>

    /// The parameter that has the name at an address, -1 when none. `expected` is looked at first.
    @inline(__always)
    func find(_ name: UnsafeRawPointer, _ expected: Int) -> Int {
        // The names of one program are interned: mostly their addresses tell.
        if expected < namedCount, names[expected] == name { return expected }
        var index = 0
        while index < namedCount {
            if names[index] == name { return index }
            index &+= 1
        }
        return findText(name)
    }

    @inline(never)
    private func findText(_ name: UnsafeRawPointer) -> Int {
        let wanted = Unmanaged<StringObject>.fromOpaque(name).takeUnretainedValue()
        for index in 0..<namedCount {
            let parameter = Unmanaged<StringObject>.fromOpaque(names[index])
            if parameter._withUnsafeGuaranteedRef({ $0.isEqual(to: wanted) }) { return index }
        }
        return -1
    }
}

/// A name after a dot, with what it means on the built-in types.
struct AttributeSite: @unchecked Sendable {
    // Sendable: immutable objects.
    let name: StringObject
    let stringMethod: BuiltinObject?
    let listMethod: BuiltinObject?
    let dictMethod: BuiltinObject?

    init(_ name: StringObject) {
        self.name = name
        let text = name.string
        stringMethod = MethodTable.string.methods[text]
        listMethod = MethodTable.list.methods[text]
        dictMethod = MethodTable.dict.methods[text]
    }
}

/// The shape of a call with more than positional arguments.
struct CallSite: @unchecked Sendable {
    // Sendable: immutable objects.
    /// The site of calls with positional arguments only; never freed.
    nonisolated(unsafe) static let positional: UnsafePointer<CallSite> = {
        let site = UnsafeMutablePointer<CallSite>.allocate(capacity: 1)
        site.initialize(to: CallSite())
        return UnsafePointer(site)
    }()

    /// The names together with their addresses.
    private final class NameList {
        let names: [StringObject]
        let addresses: UnsafeMutablePointer<UnsafeRawPointer>

        init(_ names: [StringObject]) {
            self.names = names
            addresses = .allocate(capacity: names.count)
            for (index, name) in names.enumerated() {
                (addresses + index).initialize(to: UnsafeRawPointer(Unmanaged.passUnretained(name).toOpaque()))
            }
        }

        deinit { addresses.deallocate() }
    }

    private let list: NameList?
    let nameCount: Int
    /// The addresses of the names, to compare names without counting references; nil when there are none.
    let nameAddresses: UnsafeMutablePointer<UnsafeRawPointer>?
    let hasStar: Bool
    let hasStarStar: Bool

    init(names: [StringObject] = [], hasStar: Bool = false, hasStarStar: Bool = false) {
        list = names.isEmpty ? nil : NameList(names)
        nameCount = names.count
        nameAddresses = list?.addresses
        self.hasStar = hasStar
        self.hasStarStar = hasStarStar
    }

    var names: [StringObject] { list?.names ?? [] }
    @inline(__always) var isExpanding: Bool { hasStar || hasStarStar }
}

/// A `load` statement.
struct LoadSite: @unchecked Sendable {
    // Sendable: immutable objects.
    let module: String
    let names: [StringObject]
    let offset: UInt32
    let moduleOffset: UInt32
}

/// The code of a whole program.
final class ProgramCode: @unchecked Sendable {
    // Sendable: immutable; the constants are immutable values.
    let source: SourceFile
    let dialect: Dialect
    let constants: UnsafeMutablePointer<Value>
    private let constantCount: Int
    let toplevel: Code
    let functions: [Code]
    /// Tables that never move, so that a site is passed by its address.
    let attributeSites: UnsafeMutableBufferPointer<AttributeSite>
    let callSites: UnsafeMutableBufferPointer<CallSite>
    let loadSites: [LoadSite]
    let globalNames: [StringObject]
    let predeclaredNames: [String]

    init(
        source: SourceFile, dialect: Dialect, constants: [Value], toplevel: Code, functions: [Code],
        attributeSites: [AttributeSite], callSites: [CallSite], loadSites: [LoadSite], globalNames: [StringObject],
        predeclaredNames: [String]
    ) {
        self.source = source
        self.dialect = dialect
        self.constants = UnsafeMutablePointer.allocate(capacity: max(constants.count, 1))
        self.constants.initialize(from: constants, count: constants.count)
        constantCount = constants.count
        self.toplevel = toplevel
        self.functions = functions
        self.attributeSites = .allocate(capacity: attributeSites.count)
        _ = self.attributeSites.initialize(from: attributeSites)
        self.callSites = .allocate(capacity: callSites.count)
        _ = self.callSites.initialize(from: callSites)
        self.loadSites = loadSites
        self.globalNames = globalNames
        self.predeclaredNames = predeclaredNames
        toplevel.attach(to: self)
        for function in functions { function.attach(to: self) }
    }

    deinit {
        constants.deinitialize(count: constantCount)
        constants.deallocate()
        attributeSites.deinitialize()
        attributeSites.deallocate()
        callSites.deinitialize()
        callSites.deallocate()
    }
}

/// The variables of one run of a program. Frozen when the run ends.
final class ModuleState: @unchecked Sendable {
    // Sendable: written only by the evaluation that runs the program, which publishes it when frozen.
    let program: ProgramCode
    let globals: UnsafeMutablePointer<Value>
    let predeclared: UnsafeMutablePointer<Value>

    init(program: ProgramCode, predeclared values: [Value]) {
        self.program = program
        globals = UnsafeMutablePointer.allocate(capacity: max(program.globalNames.count, 1))
        globals.initialize(repeating: .unbound, count: program.globalNames.count)
        predeclared = UnsafeMutablePointer.allocate(capacity: max(values.count, 1))
        predeclared.initialize(from: values, count: values.count)
    }

    deinit {
        releaseDeep(globals, program.globalNames.count)
        globals.deallocate()
        predeclared.deinitialize(count: program.predeclaredNames.count)
        predeclared.deallocate()
    }

    /// Empties the globals, and so ends the cycle between them and the functions that use them.
    func dispose() {
        for index in 0..<program.globalNames.count { globals[index] = .unbound }
    }
}
