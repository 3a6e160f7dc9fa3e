import Testing

@testable import Starlark

/// Corners of the language, with what starlark-go prints or answers.
@Suite("corners of the language")
struct LanguageTests {
    private static let predeclared: [String: Value] = [
        "json": StandardModules.json, "math": StandardModules.math, "time": StandardModules.time(),
    ]

    private static let recorded: [(source: String, output: String)] = [
        (
            "x = 'abcdef'[1<<70:]\nprint(repr(x))\n",
            "  f:1:15: in <toplevel>\nError: invalid start index: 1180591620717411303424 out of range"
        ),
        (
            "x = 'abcdef'[::-(1<<70)]\nprint(repr(x))\n",
            "  f:1:16: in <toplevel>\nError: invalid slice step: -1180591620717411303424 out of range"
        ),
        (
            "x = [1, 2][1<<40]\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError: list index: 1099511627776 out of range"
        ),
        ("x = range(10)[:2:2]\nprint(repr(x))\n", "range(0, 2, 2)"),
        ("x = range(10)[0:2:-1]\nprint(repr(x))\n", "range(2, 2, -1)"),
        ("x = range(10)[1::-2]\nprint(repr(x))\n", "range(1, -1, -2)"),
        ("x = range(10)[:99:-1]\nprint(repr(x))\n", "range(99, 99, -1)"),
        ("x = range(10, 0, -3)[1:]\nprint(repr(x))\n", "range(7, -2, -3)"),
        (
            "x = 'hello'.find('l', 'x')\nprint(repr(x))\n",
            "  f:1:17: in <toplevel>\nError in find: find: invalid start index: got string, want int"
        ),
        (
            "x = 'hello'.count('l', 1<<70)\nprint(repr(x))\n",
            "  f:1:18: in <toplevel>\nError in count: count: invalid start index: 1180591620717411303424 out of range"
        ),
        (
            "x = 'hello'.rsplit('')\nprint(repr(x))\n",
            "  f:1:19: in <toplevel>\nError in rsplit: split: empty separator"
        ),
        ("x = ',,,'.rsplit(',,')\nprint(repr(x))\n", "[\"\", \",\"]"),
        ("x = ',,,'.rsplit(',,', 1)\nprint(repr(x))\n", "[\"\", \",\"]"),
        (
            "x = 'a b c'.split(None, 1<<70)\nprint(repr(x))\n",
            "  f:1:18: in <toplevel>\nError in split: split: for parameter 2: 1180591620717411303424 out of range (want value in signed 64-bit range)"
        ),
        ("x = 'ß'.islower()\nprint(repr(x))\n", "True"),
        ("x = 'ı'.islower()\nprint(repr(x))\n", "False"),
        ("x = 'İ'.isupper()\nprint(repr(x))\n", "False"),
        ("x = 'aé'[:2].islower()\nprint(repr(x))\n", "False"),
        (
            "x = 'ab'.elems()[1:]\nprint(repr(x))\n",
            "  f:1:15: in <toplevel>\nError: invalid slice operand string.elems"
        ),
        ("x = 'ab'.elems()[1]\nprint(repr(x))\n", "\"b\""),
        ("x = 'ab'.elems() == 'ab'.elems()\nprint(repr(x))\n", "True"),
        (
            "x = b'ab'.elems()[0]\nprint(repr(x))\n",
            "  f:1:18: in <toplevel>\nError: unhandled index operation bytes.elems[int]"
        ),
        (
            "x = len(b'ab'.elems())\nprint(repr(x))\n",
            "  f:1:8: in <toplevel>\nError in len: len: value of type bytes.elems has no len"
        ),
        ("x = '{} {!s} {!r}'.format(b'x', b'y', b'z')\nprint(repr(x))\n", "\"b\\\"x\\\" b\\\"y\\\" b\\\"z\\\"\""),
        (
            "x = '{99999999999999999999}'.format(1)\nprint(repr(x))\n",
            "  f:1:36: in <toplevel>\nError in format: format: keyword 99999999999999999999 not found"
        ),
        ("x = '%s' % b'x'\nprint(repr(x))\n", "\"b\\\"x\\\"\""),
        ("x = '%(a)%' % {'a': 1}\nprint(repr(x))\n", "\"%\""),
        ("x = '%é' % 1\nprint(repr(x))\n", "  f:1:10: in <toplevel>\nError: unknown conversion %Ã"),
        ("x = float('0x1.8p1')\nprint(repr(x))\n", "3.0"),
        ("x = float('0x1')\nprint(repr(x))\n", "  f:1:10: in <toplevel>\nError in float: invalid float literal: 0x1"),
        (
            "x = float(1, 2)\nprint(repr(x))\n",
            "  f:1:10: in <toplevel>\nError in float: float got 2 arguments, wants 1"
        ),
        (
            "x = float(x = 1)\nprint(repr(x))\n",
            "  f:1:10: in <toplevel>\nError in float: float does not accept keyword arguments"
        ),
        (
            "x = bytes()\nprint(repr(x))\n",
            "  f:1:10: in <toplevel>\nError in bytes: bytes: got 0 arguments, want exactly 1"
        ),
        (
            "x = bytes(x = 1)\nprint(repr(x))\n",
            "  f:1:10: in <toplevel>\nError in bytes: bytes does not accept keyword arguments"
        ),
        (
            "x = chr(x = 1)\nprint(repr(x))\n",
            "  f:1:8: in <toplevel>\nError in chr: chr does not accept keyword arguments"
        ),
        ("x = chr(1<<40)\nprint(repr(x))\n", "  f:1:8: in <toplevel>\nError in chr: chr: 1099511627776 out of range"),
        (
            "x = type()\nprint(repr(x))\n",
            "  f:1:9: in <toplevel>\nError in type: type: got 0 arguments, want exactly 1"
        ),
        ("x = hash('😀')\nprint(repr(x))\n", "128512"),
        ("x = 1 << 1.0\nprint(repr(x))\n", "  f:1:7: in <toplevel>\nError: got float, want int"),
        ("x = 1 >> None\nprint(repr(x))\n", "  f:1:7: in <toplevel>\nError: got NoneType, want int"),
        ("x = [1] in set([1])\nprint(repr(x))\n", "  f:1:9: in <toplevel>\nError: unhashable type: list"),
        ("x = [1] in {1: 2}\nprint(repr(x))\n", "False"),
        ("x = set([1]) in {}\nprint(repr(x))\n", "False"),
        ("x = range(3) in {'a': 1}\nprint(repr(x))\n", "False"),
        ("x = set([1, 2]) & set([3, 2, 1])\nprint(repr(x))\n", "set([2, 1])"),
        ("x = set([1, 2]) & set([1.0])\nprint(repr(x))\n", "set([1.0])"),
        ("x = {}.pop([], 1)\nprint(repr(x))\n", "1"),
        (
            "x = set().remove(range(2))\nprint(repr(x))\n",
            "  f:1:17: in <toplevel>\nError in remove: remove: missing key"
        ),
        ("x = set([[1]])\nprint(repr(x))\n", "  f:1:8: in <toplevel>\nError in set: set: unhashable type: list"),
        (
            "x = max([1, 2], None)\nprint(repr(x))\n",
            "  f:1:8: in <toplevel>\nError in max: max: NoneType > list not implemented"
        ),
        (
            "x = max([1], key = None)\nprint(repr(x))\n",
            "  f:1:8: in <toplevel>\nError in max: max: for parameter \"key\": got NoneType, want callable"
        ),
        ("x = sorted([3, 1, 2], lambda x: -x)\nprint(repr(x))\n", "[3, 2, 1]"),
        (
            "x = sorted([3, 1, 2], None)\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError in sorted: sorted: for parameter key: got NoneType, want callable"
        ),
        (
            "x = sorted([3, 1, 2], key = None)\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError in sorted: sorted: for parameter \"key\": got NoneType, want callable"
        ),
        (
            "x = sorted([1], reverse = None)\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError in sorted: sorted: for parameter \"reverse\": got NoneType, want bool"
        ),
        (
            "x = sorted(1, 2)\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError in sorted: sorted: for parameter iterable: got int, want iterable"
        ),
        (
            "x = sorted(1, 2, 3, 4)\nprint(repr(x))\n",
            "  f:1:11: in <toplevel>\nError in sorted: sorted: got 4 arguments, want at most 3"
        ),
        (
            "x = enumerate('a', 'b')\nprint(repr(x))\n",
            "  f:1:14: in <toplevel>\nError in enumerate: enumerate: for parameter 1: got string, want iterable"
        ),
        (
            "x = [1, 2].pop(1<<70)\nprint(repr(x))\n",
            "  f:1:15: in <toplevel>\nError in pop: pop: for parameter 1: 1180591620717411303424 out of range (want value in signed 64-bit range)"
        ),
        (
            "x = print(1, sep = 2)\nprint(repr(x))\n",
            "  f:1:10: in <toplevel>\nError in print: print: for parameter \"sep\": got int, want string"
        ),
        ("x = fail(b'a')\nprint(repr(x))\n", "  f:1:9: in <toplevel>\nError in fail: fail: b\"a\""),
        (
            "x = getattr([], 'appnd')\nprint(repr(x))\n",
            "  f:1:12: in <toplevel>\nError in getattr: getattr: list has no .appnd field or method"
        ),
        (
            "x = math.sqrt('x')\nprint(repr(x))\n",
            "  f:1:14: in <toplevel>\nError in sqrt: sqrt: for parameter 1: got string, want float or int"
        ),
        (
            "x = math.floor('x')\nprint(repr(x))\n",
            "  f:1:15: in <toplevel>\nError in floor: got string, want float or int"
        ),
        (
            "x = math.floor(float('nan'))\nprint(repr(x))\n",
            "  f:1:15: in <toplevel>\nError in floor: cannot convert float NaN to integer"
        ),
        ("x = math.degrees(1e300)\nprint(repr(x))\n", "5.729577951308233e+301"),
        ("x = math.log(2, 1)\nprint(repr(x))\n", "  f:1:13: in <toplevel>\nError in log: division by zero"),
        ("x = time.time(year = 2020)\nprint(repr(x))\n", "2019-11-30 00:00:00 +0000 UTC"),
        (
            "x = time.second // 2\nprint(repr(x))\n",
            "  f:1:17: in <toplevel>\nError: unknown binary op: time.duration // int"
        ),
        ("x = -time.second\nprint(repr(x))\n", "  f:1:5: in <toplevel>\nError: unknown unary op: - time.duration"),
        ("x = 1 / time.second\nprint(repr(x))\n", "  f:1:7: in <toplevel>\nError: unsupported operation"),
        ("x = 1.5 / time.second\nprint(repr(x))\n", "666.666666ms"),
        ("x = time.second - time.from_timestamp(5)\nprint(repr(x))\n", "1970-01-01 00:00:04 +0000 UTC"),
        (
            "x = time.second.foo\nprint(repr(x))\n",
            "  f:1:16: in <toplevel>\nError: unrecognized time.duration attribute \"foo\""
        ),
        (
            "x = time.parse_duration(None)\nprint(repr(x))\n",
            "  f:1:24: in <toplevel>\nError in parse_duration: parse_duration: for parameter 1: got NoneType, want a duration, string, or int"
        ),
        (
            "x = time.parse_duration('x')\nprint(repr(x))\n",
            "  f:1:24: in <toplevel>\nError in parse_duration: parse_duration: for parameter 1: time: invalid duration \"x\""
        ),
        (
            "x = json.encode(time.second)\nprint(repr(x))\n",
            "\"{\\\"hours\\\":0.0002777777777777778,\\\"microseconds\\\":1000000,\\\"milliseconds\\\":1000,\\\"minutes\\\":0.016666666666666666,\\\"nanoseconds\\\":1000000000,\\\"seconds\\\":1.0}\""
        ),
        (
            "x = json.encode(b'x')\nprint(repr(x))\n",
            "  f:1:16: in <toplevel>\nError in json.encode: json.encode: in field .elems: cannot encode builtin_function_or_method as JSON"
        ),
        ("x = 1 not in 2\nprint(repr(x))\n", "  f:1:11: in <toplevel>\nError: unknown binary op: int in int"),
        ("x = {'a': 1}[0:1]\nprint(repr(x))\n", "  f:1:9: in <toplevel>\nError: invalid slice operand dict"),
        (
            "def f(*, a): return a\nf(1)\n",
            "  f:2:2: in <toplevel>\n  f:1:21: in f\nError: function f accepts 0 positional arguments (1 given)"
        ),
        (
            "def f(a):\n    \"\"\"doc\"\"\"\n    x = a + 1\nf()\n",
            "  f:4:2: in <toplevel>\n  f:3:9: in f\nError: function f missing 1 argument (a)"
        ),
        (
            "def f(a):\n    for x in a: pass\nf()\n",
            "  f:3:2: in <toplevel>\n  f:2:14: in f\nError: function f missing 1 argument (a)"
        ),
        (
            "def f(a):\n    return len(a)\nf()\n",
            "  f:3:2: in <toplevel>\n  f:1:1: in f\nError: function f missing 1 argument (a)"
        ),
        (
            "f = lambda a: len(a)\nf()\n",
            "  f:2:2: in <toplevel>\n  f:1:5: in lambda\nError: function lambda missing 1 argument (a)"
        ),
        ("x = [1]\ny = x['a':]\n", "  f:2:5: in <toplevel>\nError: invalid start index: got string, want int"),
        ("x = [1]\ny = [1, 2][x:]\n", "  f:2:12: in <toplevel>\nError: invalid start index: got list, want int"),
        ("x = [1, 2]\nx['q'] = 1\n", "  f:2:2: in <toplevel>\nError: got string, want int"),
        ("[a] = b'ab'.elems()\n", "  f:1:5: in <toplevel>\nError: too many values to unpack (got -1, want 1)"),
        (
            "x = set([1])\nx.update(x)\n",
            "  f:2:9: in <toplevel>\nError in update: update: cannot insert into hash table during iteration"
        ),
    ]

    /// The printed lines, then the backtrace without its heading.
    private func run(_ source: String) throws -> String {
        var output: [String] = []
        let program = try Program(
            source: source, name: "f", dialect: .permissive, predeclared: Set(Self.predeclared.keys))
        do {
            let evaluation = Evaluation(print: { output.append($0) })
            _ = try evaluation.run(program, predeclared: Self.predeclared)
        } catch {
            output += error.description.split(separator: "\n").dropFirst().map(String.init)
        }
        return output.joined(separator: "\n")
    }

    @Test("results and backtraces are those of starlark-go", arguments: recorded)
    func corners(source: String, output: String) throws {
        #expect(try run(source) == output)
    }
}
