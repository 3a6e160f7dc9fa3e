import Testing

/// Every `package` and `public` declaration says what it is.
@Suite("documentation")
struct DocumentationTests {
    private static let keywords: Set<Substring> = [
        "struct", "class", "enum", "actor", "protocol", "func", "var", "let", "init", "init?", "subscript", "typealias",
        "case",
    ]
    /// Members whose meaning is their protocol's.
    private static let conformances = [
        "var description: String", "static func ==", "static func <", "func hash(into", "func encode(to",
        "init(from decoder",
        "var rawValue", "let rawValue", "var kind: ErrorKind", "let kind", "var message: String", "let message",
        "var hint: String?",
        "let hint", "var cause: (any Error)?", "let cause", "var stableCode", "let stableCode", "let code: Code",
        "var debugDescription",
        "static let configuration", "mutating func run()", "func run() async throws", "func validate() throws",
        "init() {}",
    ]

    @Test("every package and public declaration has a summary")
    func everyDeclarationIsDocumented() {
        for file in SourceTree.files where file.module != "martlet" {
            for (index, line) in file.lines.enumerated() where isDeclaration(line) {
                #expect(
                    isDocumented(file.lines, before: index) || Self.conformances.contains { line.contains($0) }
                        || Self.declaredName(line).map(Self.requirements.contains) == true,
                    "\(file):\(index + 1) has no doc comment: \(line.drop { $0 == " " })")
            }
        }
    }

    /// The names of what our protocols require: a type that conforms need not say it again.
    private static let requirements: Set<Substring> = {
        var names: Set<Substring> = []
        for file in SourceTree.files {
            var isInProtocol = false
            for line in file.lines {
                if line.hasPrefix("package protocol ") || line.hasPrefix("public protocol ") { isInProtocol = true }
                if line.hasPrefix("}") { isInProtocol = false }
                if isInProtocol, let name = declaredName(line) { names.insert(name) }
            }
        }
        return names
    }()

    /// What stands behind `func`, `var` or `let`.
    private static func declaredName(_ line: Substring) -> Substring? {
        let words = line.split(whereSeparator: { " (:<".contains($0) })
        guard let index = words.firstIndex(where: { ["func", "var", "let"].contains($0) }), index + 1 < words.count
        else { return nil }
        return words[index + 1]
    }

    private func isDeclaration(_ line: Substring) -> Bool {
        let words = line.split(whereSeparator: { $0 == " " || $0 == "(" || $0 == "<" })
        guard let first = words.first, first == "package" || first == "public" else { return false }
        return words.dropFirst().prefix(4).contains { Self.keywords.contains($0) }
    }

    private func isDocumented(_ lines: [Substring], before index: Int) -> Bool {
        var above = index - 1
        while above >= 0 {
            let line = lines[above].drop { $0 == " " }
            if line.hasPrefix("///") || line.hasPrefix("*/") { return true }
            guard line.hasPrefix("@") || line.hasPrefix("// ") else {
                return isContinuation(lines[above], of: lines, at: above)
            }
            above -= 1
        }
        return false
    }

    /// Consecutive stored properties may share the comment above the first of them.
    private func isContinuation(_ line: Substring, of lines: [Substring], at index: Int) -> Bool {
        let bare = line.drop { $0 == " " }
        guard
            bare.hasPrefix("package var") || bare.hasPrefix("package let") || bare.hasPrefix("public var")
                || bare.hasPrefix("public let")
        else { return false }
        return isDocumented(lines, before: index)
    }
}
