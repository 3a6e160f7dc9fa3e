/// Turns bytes into statements that mostly are valid and mostly do something.
///
/// Each byte decides one choice; when they run out every choice is the first, which ends all recursion.
struct ProgramGenerator {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0
    /// Names for variables. They exist from the first statement on, so that most references are good.
    private static let names = ["a", "b", "c", "d", "e", "f", "g"]

    init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes.prefix(2000)) }

    mutating func statements() -> [String] {
        var result = [
            "a = [3, 1, 2]", "b = {'k': 1, 2: 'v'}", "c = 'text é'", "d = 7", "e = (1, 'x', None)",
            "f = lambda *p, **q: (p, q)", "g = 1 << 70",
        ]
        while position < bytes.count, result.count < 60 { result.append(statement(level: 0)) }
        return result
    }

    private mutating func choose(_ count: Int) -> Int {
        guard position < bytes.count else { return 0 }
        position += 1
        return Int(bytes[position - 1]) % count
    }

    private mutating func pick(_ words: [String]) -> String { words[choose(words.count)] }
    private mutating func name() -> String { pick(Self.names) }

    // MARK: Statements

    private mutating func statement(level: Int) -> String {
        let indent = String(repeating: " ", count: level * 2)
        guard level < 4 else { return indent + simple() }
        switch choose(10) {
        case 0...4: return indent + simple()
        case 5: return "\(indent)if \(expression()):\n\(block(level))\(indent)else:\n\(block(level))"
        case 6: return "\(indent)for \(target()) in \(expression()):\n\(block(level))"
        case 7:
            let end = pick(["break", "if d: break", "d -= 1"])
            return "\(indent)while \(expression()):\n\(block(level))\(indent)  \(end)\n"
        default: return "\(indent)def \(name())(\(parameters())):\n\(block(level))\(indent)  return \(expression())\n"
        }
    }

    private mutating func block(_ level: Int) -> String {
        var text = ""
        for _ in 0...choose(3) { text += statement(level: level + 1) + "\n" }
        return text
    }

    private mutating func simple() -> String {
        switch choose(8) {
        case 0...2: return "\(target()) = \(expression())"
        case 3:
            let op = pick(["+=", "-=", "*=", "/=", "//=", "%=", "|=", "&=", "^=", "<<=", ">>="])
            return "\(pick([name(), "\(name())[\(expression())]"])) \(op) \(expression())"
        case 4: return "\(name())[\(expression())] = \(expression())"
        case 5: return "print(\(expression()))"
        default: return expression()
        }
    }

    private mutating func target() -> String {
        switch choose(6) {
        case 4: return "\(name()), \(name())"
        case 5: return "[\(name()), (\(name()), \(name()))]"
        default: return name()
        }
    }

    private mutating func parameters() -> String {
        switch choose(6) {
        case 0: return ""
        case 1: return "x"
        case 2: return "x, y = \(expression())"
        case 3: return "*x"
        case 4: return "x = 1, *y, z = \(expression()), **w"
        default: return "x, *, y = 2"
        }
    }

    // MARK: Expressions

    private mutating func expression() -> String {
        depth += 1
        defer { depth -= 1 }
        guard depth < 6 else { return atom() }
        switch choose(16) {
        case 0...3: return atom()
        case 4, 5:
            let op = pick([
                "+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "in",
                "not in",
                "and", "or",
            ])
            return "(\(expression()) \(op) \(expression()))"
        case 6: return "(\(pick(["-", "+", "~", "not "]))\(expression()))"
        case 7: return "\(atom())[\(expression())]"
        case 8:
            return "\(atom())[\(pick(["", expression()])):\(pick(["", expression()]))\(pick(["", ":\(expression())"]))]"
        case 9, 10: return "\(function())(\(arguments()))"
        case 11, 12: return "\(atom()).\(method())(\(arguments()))"
        case 13: return "[\(expression()) for \(target()) in \(expression())\(pick(["", " if \(expression())"]))]"
        case 14: return "{\(expression()): \(expression()) for \(target()) in \(expression())}"
        default: return "(\(expression()) if \(expression()) else \(expression()))"
        }
    }

    private mutating func arguments() -> String {
        switch choose(8) {
        case 0: return ""
        case 1...3: return expression()
        case 4: return "\(expression()), \(expression())"
        case 5: return "\(expression()), \(expression()), \(expression())"
        case 6:
            let word = pick([
                "key", "reverse", "default", "sep", "base", "start", "indent", "prefix", "x", "hours", "year",
            ])
            return "\(expression()), \(word) = \(expression())"
        default: return "*\(expression()), **\(name())"
        }
    }

    private mutating func atom() -> String {
        pick([
            "d", "a", "b", "c", "e", "f", "g", "0", "1", "-1", "2", "63", "9223372036854775807", "(-1 << 63)", "1e300",
            "0.5", "float('nan')", "float('-inf')", "''", "'ab'", "'%s %d %r'", "'{} {0} {x!r}'", "b'\\xff\\x00'",
            "'\\U0001F600é'", "()", "[]", "{}", "None", "True", "range(5)", "range(10, -3, -4)", "set([1, 'a'])", "len",
            "sorted", "(lambda x: x)", "(lambda *x: f(*x))", "'a,b,,c'", "'{\"k\": [1, 2.5, null]}'", "' \\t\\n'",
            "'2020-01-02T03:04:05Z'", "'1h2m3.5s'", "struct(a = 1, b = [2])", "time.second", "json", "math",
            "'ǅß'", "c.elems()", "b.items()", "1 << 500", "a[:]",
        ])
    }

    private mutating func function() -> String {
        pick([
            "f", "str", "repr", "len", "list", "tuple", "dict", "set", "sorted", "reversed", "enumerate", "zip", "any",
            "all",
            "min", "max", "abs", "int", "float", "bool", "bytes", "chr", "ord", "hash", "type", "range", "dir",
            "getattr",
            "hasattr", "fail", "print", "json.encode", "json.decode", "json.indent", "json.encode_indent", "math.floor",
            "math.ceil", "math.pow", "math.log", "math.mod", "math.remainder", "math.round", "math.sqrt", "time.time",
            "time.parse_time", "time.parse_duration", "time.from_timestamp", "struct", "module", name(),
        ])
    }

    private mutating func method() -> String {
        pick([
            "append", "extend", "insert", "pop", "remove", "index", "clear", "get", "items", "keys", "values", "update",
            "setdefault", "popitem", "add", "union", "difference", "intersection", "symmetric_difference", "discard",
            "issubset", "issuperset", "split", "rsplit", "join", "format", "replace", "strip", "lstrip", "rstrip",
            "find",
            "rfind", "rindex", "count", "upper", "lower", "title", "capitalize", "partition", "rpartition",
            "startswith",
            "endswith", "splitlines", "elems", "codepoints", "elem_ords", "codepoint_ords", "isalnum", "istitle",
            "removeprefix", "removesuffix", "format",
        ])
    }
}
