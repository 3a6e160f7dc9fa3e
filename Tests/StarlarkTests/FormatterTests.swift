import Testing

@testable import Starlark

@Suite("formatter")
struct FormatterTests {
    private func format(_ text: String) throws -> String { try Formatter.format(text, name: "x.star") }

    @Test(
        "statements, spaces and quotes",
        arguments: [
            ("x=1;y = 2 # two", "x = 1\ny = 2  # two\n"),
            ("f( a,b=1 ,*c,**d )", "f(a, b = 1, *c, **d)\n"),
            ("def f( a,b=1,*,c ) :\n\treturn a+-b", "def f(a, b = 1, *, c):\n    return a + -b\n"),
            ("t=a[1 :2]+a[: :-1]+a [lambda x:x]", "t = a[1:2] + a[::-1] + a[lambda x: x]\n"),
            ("s = 'it', 'a\"b', r'\\d', b'x', '''y'''", "s = \"it\", 'a\"b', r\"\\d\", b\"x\", \"\"\"y\"\"\"\n"),
            ("x = (1,); y = (1,2,); z = ()", "x = (1,)\ny = (1, 2)\nz = ()\n"),
            ("v = a if(b)else-1", "v = a if (b) else -1\n"),
            ("if x : pass\nelse : y()", "if x:\n    pass\nelse:\n    y()\n"),
            ("x = 1 .bit", "x = 1 .bit\n"),
            ("", ""), ("# only", "# only\n"),
        ])
    func lines(source: String, expected: String) throws {
        #expect(try format(source) == expected)
    }

    @Test("brackets stay open when they were, close when they were not")
    func brackets() throws {
        let source = """
            foo([
             1,2])
            foo(a, # first
                b,

                # own
                c
                # last
                )
            q = [x for x in range(10)
               if x]
            m = (a +
               b # why
               + c)
            u = {'a':1,
              'b':2}
            e = f(
            )
            """
        #expect(
            try format(source) == """
                foo([
                    1,
                    2,
                ])
                foo(
                    a,  # first
                    b,

                    # own
                    c,
                    # last
                )
                q = [
                    x
                    for x in range(10)
                    if x
                ]
                m = (
                    a +
                    b  # why
                    + c
                )
                u = {
                    "a": 1,
                    "b": 2,
                }
                e = f()

                """)
    }

    @Test("lines that are too long break at the outermost bracket that helps; a lone list shares the call's lines")
    func longLines() throws {
        let long = String(repeating: "a", count: 50)
        #expect(
            try format("x = foo([\(long), \(long)])\ny = foo(k = [\(long), \(long)])\nz = f(1).g(\(long), \(long))")
                == """
                x = foo([
                    \(long),
                    \(long),
                ])
                y = foo(
                    k = [
                        \(long),
                        \(long),
                    ],
                )
                z = f(1).g(
                    \(long),
                    \(long),
                )

                """)
    }

    @Test("comments stay with their block, and blank lines are limited")
    func blocks() throws {
        let source = """


            # top



            def f():

              # in
              if y: # why
                pass
                # end of if


                # more
              # end of f
            # before g
            def g(): pass
            x = a + \\
              b
            """
        #expect(
            try format(source) == """
                # top


                def f():
                    # in
                    if y:  # why
                        pass
                        # end of if

                        # more
                    # end of f
                # before g
                def g():
                    pass
                x = a + \\
                    b

                """)
    }

    @Test("text that does not parse is refused with its position")
    func refused() {
        do {
            _ = try format("x = (1\ny = 2\n")
            Issue.record("formatted")
        } catch {
            #expect("\(error)" == "x.star:2:1: got identifier, want ')'")
        }
    }
}
