import Testing

@testable import Apps

@Suite("output of commands")
struct RunOutputTests {
    private func value(_ text: String, _ format: RunOutputFormat) throws -> JSONValue {
        try RunOutput.value(of: Array(text.utf8), format: format)
    }

    @Test(
        "lines",
        arguments: [("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\r\nb\n\n", ["a", "b", ""])] as [(String, [String])])
    func lines(text: String, expected: [String]) throws {
        #expect(try value(text, .lines) == .array(expected.map(JSONValue.string)))
    }

    @Test("a line of more than 1 MiB is divided")
    func longLine() throws {
        guard case .array(let lines) = try value(String(repeating: "x", count: (1 << 20) + 5), .lines) else { return }
        #expect(lines.count == 2)
    }

    @Test("EX-03 an object becomes a list of one, a list of objects stays, keys keep their order")
    func json() throws {
        let row = JSONValue.object([.init("name", .string("x")), .init("n", .int(3))])

        #expect(try value(" {\"name\":\"x\",\"n\":3}\n", .json) == .array([row]))
        #expect(try value("[{\"name\":\"x\",\"n\":3}]", .json) == .array([row]))
        #expect(try value("{\"a\":1}\n\n{\"a\":2.5}\n", .jsonLines).text() == "[{\"a\":1},{\"a\":2.5}]")
    }

    @Test(
        "EX-04 other output is refused with the token json",
        arguments: [
            ("hello", RunOutputFormat.json), ("", .json), ("[1]", .json), ("3", .json), ("{\"a\":1}\nx", .jsonLines),
        ])
    func notJSON(text: String, format: RunOutputFormat) {
        let error = #expect(throws: AppError.self) { try value(text, format) }
        #expect(error?.code == .commandJSON && error?.message.contains("json") == true)
        if format == .jsonLines { #expect(error?.message.contains("line 2") == true) }
    }

    @Test(
        "JSON is read as the RFC says",
        arguments: [
            "null", "true", "[]", "{}", "-0.5", "1e3", "\"a\\n\\u00e9\\ud83d\\ude00\"", "[1,[2,{\"a\":[]}]]",
            "\"\u{2028}\"",
        ])
    func roundTrip(text: String) throws {
        let value = try JSONValue(parsing: text)
        #expect(try JSONValue(parsing: value.text()) == value)
        #expect(try JSONValue(parsing: value.text(indent: true)) == value)
    }

    @Test(
        "what is no JSON is refused",
        arguments: [
            "", "tru", "[1,]", "{\"a\"}", "01", "1.", "\"a", "\"\u{1}\"", "[1] 2", "{a:1}", "+1", "'a'", "nan",
            String(repeating: "[", count: 600),
        ])
    func malformed(text: String) {
        #expect(throws: JSONSyntaxError.self) { try JSONValue(parsing: text) }
    }
}
