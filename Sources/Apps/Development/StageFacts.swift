/// What a container file says of one stage, the stages it builds on included.
struct StageFacts: Sendable, Hashable {
    /// What `CMD` or `ENTRYPOINT` say.
    enum Words: Sendable, Hashable {
        case list([String])
        /// Run by a shell.
        case shell(String)

        /// The words of the process.
        var arguments: [String] {
            switch self {
            case .list(let words): words
            case .shell(let line): ["/bin/sh", "-c", line]
            }
        }
    }

    /// One source of a `COPY` or `ADD` with its destination.
    struct Copy: Sendable, Hashable {
        /// The stage or image copied from; nil is the build context.
        let from: String?
        let source: String
        /// Absolute; nil when it depends on an unknown working directory.
        let destination: String?
        /// Whether the destination is a directory that the copied file goes into.
        let goesInto: Bool
    }

    /// One `RUN`.
    struct Run: Sendable, Hashable {
        /// `--mount=…` and the like.
        let flags: [String]
        let words: Words
        /// Nil when it is the base image's.
        let directory: String?
        /// Build arguments that it can use.
        let arguments: [String: String]
        let hasHereDocument: Bool
    }

    /// Nil when it is the base image's.
    var workingDirectory: String?
    var environment: [String: String] = [:]
    var entrypoint: Words?
    var command: Words?
    var copies: [Copy] = []
    /// What runs after the source was copied last; nil when no source is copied.
    var builds: [Run]?
    /// Whether `SHELL` replaces the shell.
    var replacesShell = false

    /// The whole start command; nil when it is the base image's.
    var start: [String]? {
        guard let entrypoint else { return command?.arguments }
        guard case .list(let words) = entrypoint else { return entrypoint.arguments }
        let all = words + (command?.arguments ?? [])
        return all.isEmpty ? nil : all
    }

    /// Whether a shell of the container file's takes part in the start command.
    var startsInShell: Bool {
        if case .shell? = entrypoint { return true }
        if case .shell? = command { return true }
        return false
    }
}

extension ContainerFile {
    /// What is known of a stage.
    func facts(of index: Int) -> StageFacts {
        var facts = StageFacts()
        for stage in chain(of: index) {
            var arguments: [String: String] = [:]
            var hasCommand = false
            for instruction in stages[stage].instructions {
                let environment = facts.environment
                let known = arguments
                let lookup: (String) -> String? = { environment[$0] ?? known[$0] }
                switch instruction.keyword {
                case "ARG":
                    for (key, value) in pairs(instruction, lookup) {
                        arguments[key] = buildArguments[key] ?? value ?? globalArguments[key] ?? ""
                    }
                case "ENV":
                    for (key, value) in pairs(instruction, lookup) { facts.environment[key] = value ?? "" }
                case "WORKDIR":
                    guard let path = words(instruction, lookup).first else { break }
                    facts.workingDirectory =
                        path.hasPrefix("/")
                        ? ContainerPath.normal(path)
                        : facts.workingDirectory.flatMap { ContainerPath.resolved(path, in: $0) }
                case "SHELL": facts.replacesShell = true
                case "CMD":
                    facts.command = Self.startWords(instruction)
                    hasCommand = true
                case "ENTRYPOINT":
                    facts.entrypoint = Self.startWords(instruction)
                    // An entry point makes the command of what the stage builds on void.
                    if !hasCommand { facts.command = nil }
                case "COPY", "ADD":
                    let new = copies(instruction, lookup, in: facts.workingDirectory)
                    facts.copies += new
                    if new.contains(where: { $0.from == nil }) { facts.builds = [] }
                case "RUN":
                    let usable = known.filter { facts.environment[$0.key] == nil }
                    facts.builds?.append(run(instruction, in: facts.workingDirectory, usable))
                default: break
                }
            }
        }
        return facts
    }

    private func pairs(
        _ instruction: Instruction, _ lookup: (String) -> String?
    ) -> [(key: String, value: String?)] {
        ContainerFileWords.pairs(instruction.arguments, escape: escape, lookup: lookup)
    }

    private func words(_ instruction: Instruction, _ lookup: (String) -> String?) -> [String] {
        let raw =
            ContainerFileWords.json(instruction.arguments)
            ?? ContainerFileWords.split(instruction.arguments, escape: escape)
        return raw.map { ContainerFileWords.unquoted($0, escape: escape, lookup: lookup) }
    }

    private func run(
        _ instruction: Instruction, in directory: String?, _ arguments: [String: String]
    ) -> StageFacts.Run {
        var rest = instruction.arguments[...].trimmed
        var flags: [String] = []
        while rest.hasPrefix("--") {
            let flag = rest.prefix { !$0.isWhitespace }
            flags.append(String(flag))
            rest = rest[flag.endIndex...].trimmed
        }
        let words: StageFacts.Words = ContainerFileWords.json(String(rest)).map { .list($0) } ?? .shell(String(rest))
        return StageFacts.Run(
            flags: flags, words: words, directory: directory, arguments: arguments,
            hasHereDocument: rest.contains("<<"))
    }

    private static func startWords(_ instruction: Instruction) -> StageFacts.Words? {
        if let words = ContainerFileWords.json(instruction.arguments) { return words.isEmpty ? nil : .list(words) }
        return .shell(instruction.arguments)
    }

    private func copies(
        _ instruction: Instruction, _ lookup: (String) -> String?, in directory: String?
    ) -> [StageFacts.Copy] {
        let split = ContainerFileWords.split(instruction.arguments, escape: escape)
        let flags = split.prefix { $0.hasPrefix("--") }
        let from = flags.first { $0.hasPrefix("--from=") }.map {
            ContainerFileWords.unquoted(String($0.dropFirst(7)), escape: escape, lookup: lookup).lowercased()
        }
        let rest = split.dropFirst(flags.count).joined(separator: " ")
        let plain = ContainerFileWords.json(rest) ?? Array(split.dropFirst(flags.count))
        let paths = plain.map { ContainerFileWords.unquoted($0, escape: escape, lookup: lookup) }
        guard paths.count >= 2, let last = paths.last else { return [] }
        let destination =
            last.hasPrefix("/")
            ? ContainerPath.normal(last)
            : directory.flatMap {
                ContainerPath.resolved(last, in: $0)
            }
        let goesInto = paths.count > 2 || last.hasSuffix("/") || last == "." || last.hasSuffix("/.")
        return paths.dropLast().map {
            StageFacts.Copy(from: from, source: $0, destination: destination, goesInto: goesInto)
        }
    }
}
