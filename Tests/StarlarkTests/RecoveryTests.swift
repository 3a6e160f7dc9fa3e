import Testing

@testable import Starlark

/// Going on after mistakes, so that all of them are reported at once.
@Suite("all mistakes of a file")
struct RecoveryTests {
    private func mistakes(_ source: String, _ dialect: Dialect = .standard) -> [String] {
        do {
            _ = try SourceAnalysis(source: source, name: "f", dialect: dialect)
            return []
        } catch {
            return error.diagnostics.map { "\($0.position.line):\($0.position.column) \($0.message)" }
        }
    }

    @Test("mistakes of the scanner, the parser and the resolver are reported together, in order")
    func allKinds() throws {
        let source = """
            load("a.star", "b" "c")
            z = 0778 + undefinedd
            s = "abc
            def g():
                q = = 1
                return r
            t = f"x" + b
            k = "\\q"
            m = 1 < 2 < 3
            1 + 2 = 4
            return 3
            x$ = 3
            y = ))
            z = 2
            \"""without end
            no = more = here
            """

        #expect(
            mistakes(source) == [
                "1:20 got string literal, want ','", "2:5 invalid int literal", "2:12 undefined: undefinedd",
                "3:5 unexpected newline in string", "5:9 got '=', want primary expression", "6:12 undefined: r",
                "7:5 f-strings are not supported; use format or %", "8:5 invalid escape sequence \\q",
                "9:11 < does not associate with < (use parens)", "10:1 can't assign to binaryexpr",
                "11:1 return statement not within a function", "12:2 unexpected input character '$'",
                "13:5 unexpected ')'", "14:1 cannot reassign global z declared at f:2:1",
                "15:1 unexpected EOF in string",
            ])
        let phases = #expect(throws: StarlarkSyntaxError.self) { try SourceAnalysis(source: source, name: "f") }?
            .diagnostics.map(\.phase)
        #expect(phases?[1] == .syntax && phases?[2] == .resolve)
    }

    @Test("the first mistake of syntax is the one that stops a program")
    func first() {
        let sources = [
            "x = 1 +\ny = = 2\n", "if x:\n  a\n b\nx = )\n", "f(1, 2\ny = 3\n", "    x = 1\nz = 08\n",
            "x = '\n'y = '\n",
            "def f(:\n  pass\nelse:\n  1 1\n", "x = 1, \ny = 2 2\n", "f(a.b = 1)\nreturn return\n",
        ]
        for source in sources {
            let all = #expect(throws: StarlarkSyntaxError.self) {
                try SourceAnalysis(source: source, name: "f", dialect: .permissive)
            }
            let one = #expect(throws: StarlarkSyntaxError.self) {
                try Program(source: source, name: "f", dialect: .permissive)
            }

            #expect(one?.diagnostics.count == 1)
            #expect(all?.diagnostics.first { $0.phase == .syntax } == one?.diagnostics.first, "\(source)")
        }
    }

    @Test(
        "one mistake is reported once",
        arguments: [
            ("x = foo(1,\ny = 2\nz = 3\n", ["3:1 got identifier, want ','"]),
            ("def f():\n    x = [1, 2\n    y = 3\n    return x + y\n", ["3:5 got identifier, want ']'"]),
            ("def f(a, b:\n    return a + b\nx = f(1, 2)\n", ["1:11 got ':', want ')'"]),
            ("def f(a b):\n    c = a\n    return c\nf(1)\n", ["1:9 got identifier, want ','"]),
            ("x = [\n    'a,\n    'b',\n]\ny = x\n", ["2:5 unexpected newline in string"]),
            ("x = print('a)\ny = x\n", ["1:11 unexpected newline in string"]),
            ("x = {\n'a' 1,\n'b': 2,\n}\ny = x\n", ["2:5 got int literal, want ':'"]),
            (
                "if x = 1:\n    y = 1\nelif z:\n    y = 2\nelse:\n    y = 3\nprint(y)\n", ["1:6 got '=', want ':'"]
            ),
            ("a = 1\n    b = 2\n    c = b\nd = c\n", ["2:5 got indent, want primary expression"]),
            (
                "def f():\n    a = 1\n  b = 2\n  c = a\n    return b + c\nd = f\n",
                ["3:3 unindent does not match any outer indentation level"]
            ),
            ("else:\n    x = 1\ny = x\n", ["1:1 got else, want primary expression"]),
            ("x = 1 2 3 ? ! 08 0x\ny = x\n", ["1:7 got int literal, want newline"]),
            ("x = 0x + 0o + 0b\ny = 1e\n", ["1:5 invalid hex literal", "2:5 invalid float literal"]),
            ("x = (1, 2,\n", ["2:1 got end of file, want ')'"]),
            ("def f():\n\n# nothing\nx = f()\n", ["4:1 got identifier, want indent"]),
        ] as [(String, [String])])
    func noCascades(source: String, expected: [String]) {
        let found = mistakes(source, .permissive)

        #expect(Set(found) == Set(expected), "\(found)")
    }

    @Test("the list ends after a hundred")
    func limit() {
        let syntax = mistakes(String(repeating: "x = = 1\n", count: 5000))
        let names = mistakes((0..<5000).map { "nothing\($0)\n" }.joined())
        let mixed = mistakes((0..<5000).map { $0 % 2 == 0 ? "x\($0) = $\n" : "nothing\($0)\n" }.joined())

        #expect(syntax.count == 101 && syntax.last == "101:5 too many errors")
        #expect(names.count == 101 && names.last == "101:1 too many errors")
        #expect(mixed.count == 101 && mixed.last?.hasSuffix(" too many errors") == true)
        #expect(
            #expect(throws: StarlarkSyntaxError.self) {
                try Program(source: (0..<5000).map { "nothing\($0)\n" }.joined(), name: "f")
            }?.diagnostics.count == 101)
    }

    @Test("any cut through a program is reported without crash or endless loop")
    func cuts() {
        let source = """
            load("m.star", "a", b = "c")
            def f(x, y = [1, 2], *args, **kw):
                \"""doc\"""
                for i, (j, k) in [(1, (2, 3))]:
                    if i < j and not k in {1: 'a', "b": r"\\c"}:
                        continue
                    elif x[1:-1:2] or y.z(1, *args, n = -1, **kw):
                        return lambda q, *w: [e for e in w if e] or 0x1f
                    else:
                        break
                return x if y else (1,)
            """
        let bytes = Array(source.utf8)
        for cut in bytes.indices {
            _ = mistakes(String(decoding: bytes[..<cut], as: UTF8.self))
            _ = mistakes(String(decoding: bytes[cut...], as: UTF8.self))
            _ = mistakes(String(decoding: bytes[..<cut] + bytes[(cut + 1)...], as: UTF8.self))
        }
    }

    @Test(
        "hostile text is read in time that grows with its length",
        .timeLimit(.minutes(1)),
        arguments: [
            "$ ", "0x ", "[0x,", ") ", "'\n", "(\n", "if x:\n", "x$\n", "f'' ", "else:\n", " x = 08\n", "\"\"\"\"",
            "@\n  ",
        ])
    func hostile(piece: String) {
        let found = mistakes(String(repeating: piece, count: 100_000))

        #expect((1...101).contains(found.count))
    }
}
