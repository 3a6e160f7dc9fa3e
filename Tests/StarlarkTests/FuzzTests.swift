import Foundation
import Testing

@testable import Starlark

/// The same sequence in every run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

@Suite("hostile programs")
struct FuzzTests {
    private static let seeds = [
        "def f(x, y = 2, *args, z = 3, **kw):\n    for i in range(x):\n        if i % 2 == 0 and y:\n            continue\n        z += i\n    return (x, y, args, z, kw)\nprint(f(1, 2, 3, z = 4, q = [5]))\n",
        "x = [a * b for a in [1, 2, 3] for b in (4, 5) if a != b]\ny = {k: v for k, v in enumerate(x)}\nz = sorted(x, key = lambda v: -v, reverse = True)[1:-1:2]\n",
        "s = 'a,b' + \"c\" * 3\nprint(s.split(','), '%s %d %r' % (s, 7, None), '{} {x}'.format(1, x = 2.5), s[::-1], b'\\xff')\n",
        "def outer():\n    n = [0]\n    def inner(k):\n        n[0] += k\n        return n\n    return inner\nf = outer()\nf(1)\na, (b, c) = 1, [2, 3]\nd = {'k': [1, 2]}\nd['k'][0] |= 6\n",
        "while True:\n    break\ns = set([1, 2]) | set([3])\nprint(1 << 100, -7 // 2, 7 % -3, 1.5e10, 0x1F, not s, s - set([1]), 3 in s)\n",
    ]

    private static let fragments = [
        "(", ")", "[", "]", "{", "}", ":", ",", ".", "=", "+", "-", "*", "**", "/", "//", "%", "<", ">", "==", "not ",
        " in ",
        " if ", " else ", "for x in ", "lambda: ", "def f():\n    ", "return ", "break\n", "\n", "    ", "\t", "'",
        "\"", "\"\"\"",
        "\\", "#", "0", "1e309", "0x", "99999999999999999999", "x", "None", "True", "load('a', 'b')", "\u{e9}",
        "\u{1F600}", "\0",
        "[][0]", "{}['k']", "f(*x, **y)", "x[1:2:0]", "''.join", ".append(x)", "range(1 << 62)", "(x,)", "set(",
        "-1 << 70",
    ]

    /// Compiles and runs; only errors of the language may come of it.
    private func attempt(_ source: String) {
        do {
            let program = try Program(source: source, name: "fuzz.star", dialect: .permissive)
            let evaluation = Evaluation(limits: Limits(steps: 20_000, allocatedBytes: 4 << 20, callDepth: 500))
            _ = try evaluation.run(program)
        } catch is StarlarkSyntaxError {
        } catch let error as EvaluationError {
            #expect(!error.description.isEmpty)
        } catch {
            Issue.record("\(error)")
        }
    }

    @Test("mutated programs neither crash nor hang", arguments: 0..<4)
    func mutations(seed: Int) {
        var generator = Generator(state: UInt64(seed) &+ 77)
        let deadline = ContinuousClock.now + .seconds(2)
        for _ in 0..<1500 where ContinuousClock.now < deadline {
            var text = Array(Self.seeds.randomElement(using: &generator)!.unicodeScalars)
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                let at = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text.remove(at: at)
                case 1: text.insert(contentsOf: Self.fragments.randomElement(using: &generator)!.unicodeScalars, at: at)
                case 2: text[at] = Unicode.Scalar(UInt8.random(in: 0..<128, using: &generator))
                default:
                    let end = min(text.count, at + Int.random(in: 1...20, using: &generator))
                    text.insert(contentsOf: text[at..<end], at: Int.random(in: 0..<text.count, using: &generator))
                }
                if text.isEmpty { text = ["x"] }
            }
            var source = ""
            source.unicodeScalars.append(contentsOf: text)
            attempt(source)
        }
    }

    @Test("generated expressions neither crash nor hang", arguments: 0..<4)
    func expressions(seed: Int) {
        var generator = Generator(state: UInt64(seed) &+ 991)
        let deadline = ContinuousClock.now + .seconds(2)
        for _ in 0..<1500 where ContinuousClock.now < deadline {
            let depth = Int.random(in: 1...4, using: &generator)
            attempt("a = [1, 2.5, 'b']\nd = {'k': a, 1: ()}\nx = \(expression(depth, &generator))\nprint(x)\n")
        }
    }

    private func expression(_ depth: Int, _ generator: inout Generator) -> String {
        func next() -> String { expression(depth - 1, &generator) }
        if depth == 0 {
            let atoms = [
                "a", "d", "1", "-1", "0", "2.5", "1e308", "9223372036854775807", "-9223372036854775808", "1 << 80",
                "'ab'", "''",
                "b'xy'", "()", "[]", "{}", "None", "True", "range(5)", "range(10, 0, -3)", "len", "str", "(1, 2)",
                "set([1, 2])",
                "'é'.elems()", "lambda v: v",
            ]
            return atoms.randomElement(using: &generator)!
        }
        switch Int.random(in: 0..<12, using: &generator) {
        case 0...3:
            let operators = [
                "+", "-", "*", "/", "//", "%", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "in",
                "not in", "and", "or",
            ]
            return "(\(next()) \(operators.randomElement(using: &generator)!) \(next()))"
        case 4: return "(\(["-", "+", "~", "not "].randomElement(using: &generator)!)\(next()))"
        case 5: return "\(next())[\(next())]"
        case 6: return "\(next())[\(next()):\(next()):\(next())]"
        case 7:
            let functions = [
                "str", "repr", "len", "sorted", "list", "tuple", "dict", "set", "int", "float", "bool", "max", "min",
                "abs", "hash", "type",
                "range", "reversed", "enumerate", "zip", "any", "all", "chr", "ord", "bytes", "dir", "getattr",
                "hasattr",
            ]
            return
                "\(functions.randomElement(using: &generator)!)(\(next())\(Bool.random(using: &generator) ? ", \(next())" : ""))"
        case 8:
            let methods = [
                "split", "join", "format", "replace", "strip", "find", "count", "upper", "title", "get", "pop", "items",
                "update", "append",
                "extend", "insert", "index", "union", "add", "splitlines", "partition", "startswith", "elems",
                "setdefault", "rsplit",
            ]
            return
                "\(next()).\(methods.randomElement(using: &generator)!)(\(Bool.random(using: &generator) ? next() : "\(next()), \(next())"))"
        case 9: return "[v for v in \(next()) if \(next())]"
        case 10: return "(\(next()) if \(next()) else \(next()))"
        default: return "(lambda v, *w: \(next()))(\(next()))"
        }
    }
}
