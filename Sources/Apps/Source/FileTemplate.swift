/// A small part of Go's text/template: fields of `.params`, variables, `range`, `if`, `printf "%q"`, trimming.
///
///     {{range $k, $v := .params}}{{$k}} = {{printf "%q" $v}}
///     {{end}}
struct FileTemplate: Sendable {
    private indirect enum Node: Sendable {
        case text(String)
        case value([String])
        case range(key: String?, value: String?, [String], [Node], [Node])
        case condition([String], [Node], [Node])
    }

    private let nodes: [Node]

    /// Reads a template.
    /// - Throws: ``AppError`` `.configParse`.
    init(_ text: String, name: String) throws {
        var parser = try Parser(text, name: name)
        nodes = try parser.nodes(until: []).nodes
    }

    /// Renders it; params in the order of their names.
    /// - Parameter secret: the value of `{{secret "k"}}` and `{{secret_from "p" "k"}}`, given as words.
    func render(params: [String: String], secret: @escaping ([String]) throws -> String) throws -> String {
        var renderer = Renderer(params: params, secret: secret)
        try renderer.render(nodes, [:])
        return renderer.out
    }

    // MARK: Reading

    private struct Parser {
        enum Piece {
            case text(String)
            case action([String])
        }

        private var pieces: [Piece] = []
        private var at = 0
        private let name: String

        init(_ text: String, name: String) throws {
            self.name = name
            var rest = text[...]
            var trims = false
            while let open = rest.range(of: "{{") {
                guard let close = rest[open.upperBound...].range(of: "}}") else {
                    throw AppError(.configParse, "template `\(name)`: `{{` has no `}}`")
                }
                var before = rest[..<open.lowerBound]
                var inner = rest[open.upperBound..<close.lowerBound]
                if trims { before = before.drop(while: \.isWhitespace) }
                if inner.hasPrefix("- ") || inner == "-" {
                    inner = inner.dropFirst()
                    while before.last?.isWhitespace == true { before.removeLast() }
                }
                trims = inner.hasSuffix(" -")
                if trims { inner = inner.dropLast() }
                if !before.isEmpty { pieces.append(.text(String(before))) }
                if !inner.trimmed.hasPrefix("/*") { pieces.append(.action(try Self.words(inner, name))) }
                rest = rest[close.upperBound...]
            }
            if trims { rest = rest.drop(while: \.isWhitespace) }
            if !rest.isEmpty { pieces.append(.text(String(rest))) }
        }

        /// Words; strings keep a leading quote as their mark.
        private static func words(_ text: Substring, _ name: String) throws -> [String] {
            var words: [String] = []
            var rest = text.trimmed
            while let first = rest.first {
                if first == "\"" || first == "`" {
                    guard let end = rest.dropFirst().firstIndex(of: first) else {
                        throw AppError(.configParse, "template `\(name)`: a string has no end")
                    }
                    words.append("\"" + rest[rest.index(after: rest.startIndex)..<end])
                    rest = rest[rest.index(after: end)...].trimmed
                } else if first == "|" || first == "," {
                    words.append(String(first))
                    rest = rest.dropFirst().trimmed
                } else {
                    let word = rest.prefix { !$0.isWhitespace && $0 != "|" && $0 != "," }
                    words.append(String(word))
                    rest = rest.dropFirst(word.count).trimmed
                }
            }
            return words
        }

        mutating func nodes(until ends: Set<String>) throws -> (nodes: [Node], end: String?) {
            var nodes: [Node] = []
            while at < pieces.count {
                let piece = pieces[at]
                at += 1
                switch piece {
                case .text(let text): nodes.append(.text(text))
                case .action(let words):
                    switch words.first {
                    case "end", "else":
                        guard let word = words.first, ends.contains(word) else { throw unexpected(words) }
                        return (nodes, word)
                    case "if": nodes.append(try condition(Array(words.dropFirst())))
                    case "range": nodes.append(try loop(Array(words.dropFirst())))
                    case nil: break
                    default: nodes.append(.value(words))
                    }
                }
            }
            guard ends.isEmpty else { throw AppError(.configParse, "template `\(name)`: an `end` is missing") }
            return (nodes, nil)
        }

        private mutating func condition(_ words: [String]) throws -> Node {
            let (then, end) = try nodes(until: ["else", "end"])
            let otherwise = end == "else" ? try nodes(until: ["end"]).nodes : []
            return .condition(words, then, otherwise)
        }

        private mutating func loop(_ words: [String]) throws -> Node {
            var key: String?
            var value: String?
            var source = words
            if let equals = words.firstIndex(of: ":=") {
                let names = words[..<equals].filter { $0 != "," }
                value = names.last
                key = names.count == 2 ? names.first : nil
                source = Array(words[words.index(after: equals)...])
            }
            let (body, end) = try nodes(until: ["else", "end"])
            let otherwise = end == "else" ? try nodes(until: ["end"]).nodes : []
            return .range(key: key, value: value, source, body, otherwise)
        }

        private func unexpected(_ words: [String]) -> AppError {
            AppError(.configParse, "template `\(name)`: `\(words.joined(separator: " "))` stands in the wrong place")
        }
    }

    // MARK: Rendering

    private struct Renderer {
        let params: [String: String]
        let secret: ([String]) throws -> String
        var out = ""

        init(params: [String: String], secret: @escaping ([String]) throws -> String) {
            self.params = params
            self.secret = secret
        }

        mutating func render(_ nodes: [Node], _ variables: [String: String]) throws {
            for node in nodes {
                switch node {
                case .text(let text): out += text
                case .value(let words): out += try value(words, variables)
                case .condition(let words, let then, let otherwise):
                    try render(try isTrue(words, variables) ? then : otherwise, variables)
                case .range(let key, let value, let words, let body, let otherwise):
                    guard words == [".params"] else { throw unknown(words) }
                    if params.isEmpty { try render(otherwise, variables) }
                    for (name, text) in params.sorted(by: { $0.key < $1.key }) {
                        var inner = variables
                        if let key { inner[key] = name }
                        if let value { inner[value] = text }
                        inner["."] = text
                        try render(body, inner)
                    }
                }
            }
        }

        private func isTrue(_ words: [String], _ variables: [String: String]) throws -> Bool {
            switch words.first {
            case "not": return try !isTrue(Array(words.dropFirst()), variables)
            case "eq", "ne":
                guard words.count == 3 else { throw unknown(words) }
                let isEqual = try operand(words[1], variables) == operand(words[2], variables)
                return words[0] == "eq" ? isEqual : !isEqual
            default:
                let text = try value(words, variables)
                return !text.isEmpty && text != "false" && text != "0"
            }
        }

        private func value(_ words: [String], _ variables: [String: String]) throws -> String {
            let stages = words.split(separator: "|").map(Array.init)
            guard var text = try stages.first.map({ try call($0, nil, variables) }) else { throw unknown(words) }
            for stage in stages.dropFirst() { text = try call(stage, text, variables) }
            return text
        }

        private func call(_ words: [String], _ piped: String?, _ variables: [String: String]) throws -> String {
            switch words.first {
            case "secret", "secret_from":
                return try secret(words.map { $0.hasPrefix("\"") ? String($0.dropFirst()) : $0 })
            case "printf":
                var arguments = try words.dropFirst(2).map { try operand($0, variables) }
                if let piped { arguments.append(piped) }
                guard words.count >= 2, words[1].hasPrefix("\"") else { throw unknown(words) }
                return format(String(words[1].dropFirst()), arguments)
            default:
                guard words.count == 1, piped == nil else { throw unknown(words) }
                return try operand(words[0], variables)
            }
        }

        private func operand(_ word: String, _ variables: [String: String]) throws -> String {
            if word.hasPrefix("\"") { return String(word.dropFirst()) }
            if word.hasPrefix(".params.") { return params[String(word.dropFirst(8))] ?? "" }
            if let value = variables[word] { return value }
            throw unknown([word])
        }

        private func format(_ pattern: String, _ arguments: [String]) -> String {
            var rest = arguments[...]
            var out = ""
            var isVerb = false
            for character in pattern {
                if isVerb {
                    isVerb = false
                    switch character {
                    case "q": out += rest.popFirst().map { JSONValue.string($0).text() } ?? ""
                    case "%": out += "%"
                    default: out += rest.popFirst() ?? ""
                    }
                } else if character == "%" {
                    isVerb = true
                } else {
                    out.append(character)
                }
            }
            return out
        }

        private func unknown(_ words: [String]) -> AppError {
            AppError(.configParse, "template: `\(words.joined(separator: " "))` is not understood")
        }
    }
}
