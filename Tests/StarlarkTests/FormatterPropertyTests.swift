import Foundation
import Testing

@testable import Starlark

@Suite("formatter properties")
struct FormatterPropertyTests {
    /// Every program of the conformance data: whole files, their chunks, and the files of recorded cases.
    private func programs() throws -> [(name: String, text: String)] {
        let directory = try #require(ConformanceData.directory)
        var result: [(String, String)] = []
        let files = FileManager.default.enumerator(at: directory, includingPropertiesForKeys: nil)
        for case let file as URL in try #require(files) {
            guard ["star", "golden", "jsonl"].contains(file.pathExtension) else { continue }
            let text = try String(contentsOf: file, encoding: .utf8)
            if file.pathExtension == "jsonl" {
                for line in text.split(separator: "\n") {
                    let recorded = try JSONDecoder().decode(Recorded.self, from: Data(line.utf8))
                    for (name, text) in recorded.files { result.append(("\(recorded.id)/\(name)", text)) }
                }
            } else {
                let chunks = text.components(separatedBy: "\n---\n")
                result += chunks.enumerated().map { ("\(file.lastPathComponent)#\($0.offset)", $0.element) }
                if chunks.count > 1 { result.append((file.lastPathComponent, text)) }
            }
        }
        return result
    }

    private struct Recorded: Decodable {
        let id: String
        let files: [String: String]
    }

    private func hashes(_ text: String) -> Int { text.utf8.count { $0 == UInt8(ascii: "#") } }

    @Test(
        "formatting keeps meaning and comments, and is its own fixed point",
        .enabled(if: ConformanceData.isPresent, "the conformance data is not beside the package"))
    func conformancePrograms() throws {
        var count = 0
        for (name, text) in try programs() {
            guard let tree = TreeText.of(text) else { continue }
            let once = try Formatter.format(text, name: name)
            let twice = try Formatter.format(once, name: name)
            count += 1

            #expect(TreeText.of(once) == tree, "\(name) means something else")
            #expect(once == twice, "\(name) changes again")
            #expect(hashes(once) == hashes(text), "\(name) loses a comment")
            #expect(!once.contains(" \n") || text.contains(" \n"), "\(name) has blanks at a line's end")
        }
        print("formatter: \(count) programs")
        #expect(count > 1000)
    }

    @Test("the same for comments and line ends in every place of a program")
    func everyPlace() throws {
        let pieces: [[String]] = [
            ["load", "(", "'m'", ",", "'x'", ",", "y", "=", "'z'", ")"],
            [
                "a", "=", "f", "(", "x", ",", "k", "=", "[", "1", ",", "2", "]", ",", "*", "r", ",", "**", "s", ")",
                "[", "0", "]",
            ],
            ["b", "=", "(", "p", "+", "-", "q", ".", "r", "(", ")", "if", "not", "t", "else", "u", ")"],
            ["c", "=", "{", "1", ":", "lambda", "v", ",", "w", ":", "v", ",", "2", ":", "(", "3", ",", ")", ",", "}"],
            ["d", "=", "[", "g", "for", "g", ",", "h", "in", "i", "if", "g", "in", "h", "]"],
        ]
        for tokens in pieces {
            for place in tokens.indices {
                for insertion in ["\n", "# c\n", "\n# c\n", "  # c\n\n# d\n", "\n\n\n"] {
                    var depth = 0
                    for token in tokens[...place] {
                        if ["(", "[", "{"].contains(token) { depth += 1 }
                        if [")", "]", "}"].contains(token) { depth -= 1 }
                    }
                    guard depth > 0 else { continue }
                    let text =
                        tokens[...place].joined(separator: " ") + " " + insertion
                        + tokens[(place + 1)...].joined(separator: " ") + "\n"
                    let once = try Formatter.format(text, name: "x.star")

                    #expect(TreeText.of(once) == TreeText.of(text), "\(text)")
                    #expect(try Formatter.format(once, name: "x.star") == once, "\(text)")
                    #expect(hashes(once) == hashes(text), "\(text)")
                }
            }
        }
    }
}
