/// Where a name lives.
enum NameScope: UInt8 {
    /// A register of the function, or a cell when an inner function shares it.
    case local
    /// A cell of an enclosing function.
    case free
    case global
    /// Supplied by the host at each run.
    case predeclared
    /// A constant of the language.
    case universal
    case undefined
}

/// The variables of a function, or of the file outside functions.
struct FunctionScope {
    struct Local {
        let symbol: UInt32
        /// The name node of the first binding.
        let first: UInt32
        /// Shared with inner functions.
        var isCell = false
    }
    struct Free {
        /// True when the enclosing function has it from its own enclosing function.
        let isFree: Bool
        /// The index among the enclosing function's locals or free variables.
        let index: Int
        let symbol: UInt32
    }
    /// Parameters first: positional, keyword-only, `*args`, `**kwargs`; then other variables.
    var locals: [Local] = []
    var free: [Free] = []
    var parameterCount = 0
    var keywordOnlyCount = 0
    var hasRest = false
    var hasKeywords = false
}

/// A small map from symbols to numbers.
struct SymbolMap {
    private var symbols: [UInt32] = []
    private var numbers: [Int] = []
    private var large: [UInt32: Int]?

    subscript(symbol: UInt32) -> Int? {
        if let large { return large[symbol] }
        for index in symbols.indices where symbols[index] == symbol { return numbers[index] }
        return nil
    }

    mutating func insert(_ symbol: UInt32, _ number: Int) {
        symbols.append(symbol)
        numbers.append(number)
        if large != nil {
            large![symbol] = number
        } else if symbols.count > 16 {
            large = Dictionary(zip(symbols, numbers), uniquingKeysWith: { _, last in last })
        }
    }

    var keys: [UInt32] { symbols }
}
