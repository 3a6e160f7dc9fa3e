/// Joins the lines of a container file to instructions.
struct ContainerFileLines {
    private let lines: [Substring]
    /// The continuation character: a backslash, or what the `escape` directive says.
    let escape: Character

    init(_ text: String) {
        let bare = text.hasPrefix("\u{FEFF}") ? text.dropFirst() : text[...]
        lines = bare.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        var escape: Character = "\\"
        for line in lines {
            let parts = line.trimmed.dropFirst().split(separator: "=", maxSplits: 1)
            guard line.trimmed.hasPrefix("#"), parts.count == 2 else { break }
            if parts[0].trimmed.lowercased() == "escape", parts[1].trimmed == "`" { escape = "`" }
        }
        self.escape = escape
    }

    /// All instructions; keywords upper case.
    mutating func instructions(file: String) throws -> [ContainerFile.Instruction] {
        var found: [ContainerFile.Instruction] = []
        var index = 0
        while index < lines.count {
            let start = index
            var text = ""
            var goesOn = true
            while goesOn, index < lines.count {
                let line = lines[index].trimmed
                index += 1
                if line.isEmpty || line.hasPrefix("#") {
                    if text.isEmpty { break }
                    continue  // Blank and comment lines inside an instruction are left out.
                }
                goesOn = line.last == escape
                text += goesOn ? line.dropLast() + " " : line
            }
            let trimmed = text[...].trimmed
            guard !trimmed.isEmpty else { continue }
            let keyword = trimmed.prefix { !$0.isWhitespace }
            let arguments = trimmed.dropFirst(keyword.count).trimmed
            guard keyword.allSatisfy({ $0.isASCII && $0.isLetter }) else {
                throw AppError.parse(file, line: start + 1, "`\(keyword.prefix(40))` is no instruction")
            }
            found.append(
                ContainerFile.Instruction(
                    keyword: keyword.uppercased(), arguments: String(arguments), line: start + 1))
            try skipHereDocuments(of: keyword.uppercased(), arguments, from: &index, start: start, file: file)
        }
        return found
    }

    private func skipHereDocuments(
        of keyword: String, _ arguments: Substring, from index: inout Int, start: Int, file: String
    ) throws {
        guard keyword == "RUN" || keyword == "COPY" || keyword == "ADD" else { return }
        for match in arguments.matches(of: /<<(-?)["']?([A-Za-z_][A-Za-z0-9_]*)["']?/) {
            let word = match.output.2
            let tabs = !match.output.1.isEmpty
            guard
                let end = lines[index...].firstIndex(where: { line in
                    (tabs ? line.drop { $0 == "\t" } : line).elementsEqual(word)
                })
            else { throw AppError.parse(file, line: start + 1, "the here-document `\(word)` has no end") }
            index = end + 1
        }
    }
}

/// Splits and expands the words of instructions.
enum ContainerFileWords {
    /// The strings of a JSON list, or nil.
    static func json(_ text: String) -> [String]? {
        guard text.hasPrefix("["), let value = try? JSONValue(parsing: text), case .array(let items) = value else {
            return nil  // Not JSON: the plain form.
        }
        let words = items.compactMap { item -> String? in
            guard case .string(let word) = item else { return nil }
            return word
        }
        return words.count == items.count ? words : nil
    }

    /// Words divided by blanks outside quotes; quotes stay.
    static func split(_ text: String, escape: Character) -> [String] {
        var words: [String] = []
        var word = ""
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                word.append(character)
                isEscaped = false
            } else if character == escape, quote != "'" {
                word.append(character)
                isEscaped = true
            } else if let open = quote {
                word.append(character)
                if character == open { quote = nil }
            } else if character == "\"" || character == "'" {
                quote = character
                word.append(character)
            } else if character.isWhitespace {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// `K=V …`, or `K V` for the old form of ENV; a key without `=` alone has no value.
    static func pairs(
        _ text: String, escape: Character, lookup: (String) -> String?
    ) -> [(key: String, value: String?)] {
        let words = split(text, escape: escape)
        if words.count >= 2, let first = words.first, !first.contains("=") {
            let rest = text.dropFirst(first.count)
            return [(first, unquoted(String(rest.trimmed), escape: escape, lookup: lookup))]
        }
        return words.map { word in
            guard let equals = word.firstIndex(of: "=") else { return (word, nil) }
            let value = unquoted(String(word[word.index(after: equals)...]), escape: escape, lookup: lookup)
            return (String(word[..<equals]), value)
        }
    }

    /// Removes quotes and escapes, and expands variables outside single quotes.
    static func unquoted(_ text: String, escape: Character, lookup: (String) -> String?) -> String {
        expand(text, escape: escape, removesQuotes: true, lookup: lookup)
    }

    /// Expands `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+value}`; unknown names become empty.
    static func expand(
        _ text: String, escape: Character, removesQuotes: Bool = false, lookup: (String) -> String?
    ) -> String {
        var out = ""
        var rest = text[...]
        var quote: Character?
        while let character = rest.first {
            rest.removeFirst()
            if character == escape, quote != "'", let next = rest.first {
                rest.removeFirst()
                out.append(next)
            } else if let open = quote, character == open {
                quote = nil
                if !removesQuotes { out.append(character) }
            } else if quote == nil, character == "\"" || character == "'" {
                quote = character
                if !removesQuotes { out.append(character) }
            } else if character == "$", quote != "'" {
                out += variable(&rest, escape: escape, lookup: lookup)
            } else {
                out.append(character)
            }
        }
        return out
    }

    private static func variable(_ rest: inout Substring, escape: Character, lookup: (String) -> String?) -> String {
        let isNamePart: (Character) -> Bool = { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
        guard rest.first == "{" else {
            let name = rest.prefix(while: isNamePart)
            rest = rest[name.endIndex...]
            return name.isEmpty ? "$" : lookup(String(name)) ?? ""
        }
        guard let close = closingBrace(rest) else { return "$" }
        let inner = rest[rest.index(after: rest.startIndex)..<close]
        rest = rest[rest.index(after: close)...]
        let name = inner.prefix(while: isNamePart)
        let value = lookup(String(name))
        let modifier = inner[name.endIndex...]
        let word = String(modifier.dropFirst(modifier.hasPrefix(":") ? 2 : 1))
        let isSet = modifier.hasPrefix(":") ? value?.isEmpty == false : value != nil
        switch modifier.drop(while: { $0 == ":" }).first {
        case "-": return isSet ? value ?? "" : expand(word, escape: escape, lookup: lookup)
        case "+": return isSet ? expand(word, escape: escape, lookup: lookup) : ""
        default: return value ?? ""
        }
    }

    private static func closingBrace(_ text: Substring) -> Substring.Index? {
        var depth = 0
        for index in text.indices {
            if text[index] == "{" { depth += 1 }
            if text[index] == "}" {
                depth -= 1
                if depth == 0 { return index }
            }
        }
        return nil
    }
}

extension StringProtocol {
    /// Without white space at both ends.
    var trimmed: SubSequence {
        let start = firstIndex { !$0.isWhitespace } ?? endIndex
        let end = lastIndex { !$0.isWhitespace }.map(index(after:)) ?? start
        return self[start..<end]
    }
}
