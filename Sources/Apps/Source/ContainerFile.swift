/// What a Containerfile says about stages, ports and volumes; it is read, never run.
///
/// Understood are comments, the `escape` directive, line continuations, here-documents, and of the instructions `FROM`,
/// `ARG`, `ENV`, `EXPOSE`, `VOLUME`, `WORKDIR`; all others are passed over.
/// Source: Dockerfile reference, "Format", "Environment replacement".
package struct ContainerFile: Sendable, Hashable {
    /// One instruction with its first line, counted from 1.
    struct Instruction: Sendable, Hashable {
        let keyword: String
        let arguments: String
        let line: Int
    }

    /// One `FROM` with what follows it.
    struct Stage: Sendable, Hashable {
        /// The name after `AS`, lower case.
        let name: String?
        /// The image or the name of an earlier stage, expanded.
        let base: String
        let instructions: [Instruction]
    }

    /// The name in messages.
    let name: String
    let stages: [Stage]
    /// `ARG`s before the first `FROM`.
    let globalArguments: [String: String]
    let buildArguments: [String: String]
    let escape: Character

    /// Reads a file.
    /// - Parameters:
    ///   - name: how messages name the file.
    ///   - buildArguments: values for `ARG`s, which win over their defaults.
    /// - Throws: ``AppError`` `.configParse` with file and line.
    package init(text: String, name: String, buildArguments: [String: String] = [:]) throws {
        var lines = ContainerFileLines(text)
        let escape = lines.escape
        let instructions = try lines.instructions(file: name)
        var globals: [String: String] = [:]
        var stages: [Stage] = []
        var open: (name: String?, base: String, instructions: [Instruction])?
        for instruction in instructions {
            if instruction.keyword == "FROM" {
                if let open { stages.append(Stage(name: open.name, base: open.base, instructions: open.instructions)) }
                let expanded = ContainerFileWords.expand(instruction.arguments, escape: escape) { globals[$0] }
                let words = expanded.split(whereSeparator: \.isWhitespace).filter { !$0.hasPrefix("--") }
                guard let base = words.first else {
                    throw AppError.parse(name, line: instruction.line, "FROM names no image")
                }
                guard words.count == 1 || (words.count == 3 && words[1].uppercased() == "AS") else {
                    throw AppError.parse(name, line: instruction.line, "FROM has the form `FROM image [AS name]`")
                }
                open = (words.count == 3 ? words[2].lowercased() : nil, String(base), [])
            } else if open != nil {
                open?.instructions.append(instruction)
            } else if instruction.keyword == "ARG" {
                for (key, value) in ContainerFileWords.pairs(
                    instruction.arguments, escape: escape, lookup: { globals[$0] })
                {
                    globals[key] = buildArguments[key] ?? value ?? ""
                }
            } else {
                throw AppError.parse(
                    name, line: instruction.line, "`\(instruction.keyword)` comes before the first FROM")
            }
        }
        guard let open else { throw AppError.parse(name, line: 1, "there is no FROM") }
        stages.append(Stage(name: open.name, base: open.base, instructions: open.instructions))
        self.name = name
        self.stages = stages
        self.globalArguments = globals
        self.buildArguments = buildArguments
        self.escape = escape
    }

    /// The TCP port of the last usable `EXPOSE` of the final stage or the stages it builds on, else of the whole file.
    package var exposedPort: UInt16? {
        var found: UInt16?
        for index in finalChain {
            walk(index) { instruction, words in
                guard instruction.keyword == "EXPOSE" else { return }
                if let port = words.lazy.compactMap(Self.tcpPort).first { found = port }
            }
        }
        if let found { return found }
        for stage in stages {
            for instruction in stage.instructions where instruction.keyword == "EXPOSE" {
                let first = instruction.arguments.split(whereSeparator: \.isWhitespace).first
                if let first, let port = UInt16(first), port > 0 { found = port }
            }
        }
        return found
    }

    /// The paths of all `VOLUME` instructions of the final stage and the stages it builds on, in order, without repeats.
    package var volumes: [String] {
        var paths: [String] = []
        for index in finalChain {
            walk(index) { instruction, words in
                guard instruction.keyword == "VOLUME" else { return }
                for word in words where !paths.contains(word) { paths.append(word) }
            }
        }
        return paths
    }

    /// The working directory of the final stage, where it can be told; nil when it is the base image's.
    package var workingDirectory: String? {
        var directory: String?
        for index in finalChain {
            walk(index) { instruction, words in
                guard instruction.keyword == "WORKDIR", let path = words.first else { return }
                directory = path.hasPrefix("/") ? path : (directory ?? "") + "/" + path
            }
        }
        return directory
    }

    /// The stages the final one is made of, lowest first.
    private var finalChain: [Int] { chain(of: stages.count - 1) }

    /// The stages one is made of, lowest first.
    func chain(of index: Int) -> [Int] {
        var chain = [index]
        while let first = chain.first,
            let below = stages[..<first].lastIndex(where: {
                $0.name != nil && $0.name == stages[first].base.lowercased()
            })
        {
            chain.insert(below, at: 0)
        }
        return chain
    }

    /// Walks a stage with the `ARG`s and `ENV`s known at each instruction, its base's environment included.
    private func walk(_ index: Int, _ body: (Instruction, [String]) -> Void) {
        var environment = index == 0 ? [:] : inheritedEnvironment(of: index)
        var arguments: [String: String] = [:]
        for instruction in stages[index].instructions {
            let lookup: (String) -> String? = { environment[$0] ?? arguments[$0] }
            switch instruction.keyword {
            case "ARG":
                for (key, value) in ContainerFileWords.pairs(instruction.arguments, escape: escape, lookup: lookup) {
                    arguments[key] = buildArguments[key] ?? value ?? globalArguments[key] ?? ""
                }
            case "ENV":
                for (key, value) in ContainerFileWords.pairs(instruction.arguments, escape: escape, lookup: lookup) {
                    environment[key] = value ?? ""
                }
            case "EXPOSE", "VOLUME", "WORKDIR":
                let words =
                    ContainerFileWords.json(instruction.arguments)
                    ?? ContainerFileWords.split(instruction.arguments, escape: escape)
                body(instruction, words.map { ContainerFileWords.unquoted($0, escape: escape, lookup: lookup) })
            default: break
            }
        }
    }

    private func inheritedEnvironment(of index: Int) -> [String: String] {
        guard
            let below = stages[..<index].lastIndex(where: {
                $0.name != nil && $0.name == stages[index].base.lowercased()
            })
        else { return [:] }
        var environment = inheritedEnvironment(of: below)
        var arguments: [String: String] = [:]
        for instruction in stages[below].instructions {
            let known = environment
            let knownArguments = arguments
            let lookup: (String) -> String? = { known[$0] ?? knownArguments[$0] }
            for (key, value) in ContainerFileWords.pairs(instruction.arguments, escape: escape, lookup: lookup) {
                if instruction.keyword == "ENV" { environment[key] = value ?? "" }
                if instruction.keyword == "ARG" {
                    arguments[key] = buildArguments[key] ?? value ?? globalArguments[key] ?? ""
                }
            }
        }
        return environment
    }

    /// `8080`, `8080/tcp`; nil for UDP, ranges and anything else.
    package static func tcpPort(_ word: String) -> UInt16? {
        let parts = word.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 1 || (parts.count == 2 && parts[1].lowercased() == "tcp") else { return nil }
        guard let port = UInt16(parts[0]), port > 0 else { return nil }
        return port
    }
}
