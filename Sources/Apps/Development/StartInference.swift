/// Makes the start command of the last stage work in the stage that is built, over the mounted source; where it names what
/// that stage builds from the source, the build is repeated before each start.
struct StartInference {
    /// What runs.
    struct Start: Sendable, Hashable {
        var command: [String]
        /// Volumes of a repeated build.
        var caches: [String] = []
    }

    /// Where a path of the last stage is found in the chosen one.
    private enum Place {
        case same
        /// At another path, in the mounted source.
        case moved(String)
        /// Outside the source, made by the build.
        case built(String)
    }

    private let fileName: String
    private let last: StageFacts
    private let chosen: StageFacts
    /// Names and numbers of the chosen stage and those it builds on.
    private let chosenNames: Set<String>
    private let directory: String
    private let isInSource: (String) -> Bool

    /// Places a program without slash is looked for at.
    private static let programDirectories = [
        "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin",
    ]

    /// An inference for a container file.
    /// - Parameters:
    ///   - chosen: the number of the stage that is built.
    ///   - directory: where the source is mounted.
    ///   - isInSource: whether the mounted source holds a path.
    init(file: ContainerFile, chosen: Int, directory: String, isInSource: @escaping (String) -> Bool) {
        fileName = file.name
        last = file.facts(of: file.stages.count - 1)
        self.chosen = file.facts(of: chosen)
        var names: Set<String> = []
        for index in file.chain(of: chosen) {
            names.insert(String(index))
            if let name = file.stages[index].name { names.insert(name) }
        }
        chosenNames = names
        self.directory = directory
        self.isInSource = isInSource
    }

    /// The command as it is to run there.
    /// - Parameter doubt: makes the error that tells why there is none.
    func start(_ doubt: (String) -> any Error) throws -> Start {
        guard var words = last.start else {
            throw doubt("the last stage of `\(fileName)` does not say what runs; `command` would")
        }
        guard last.environment["PATH"] == chosen.environment["PATH"] else { throw doubt("the last stage changes PATH") }
        if last.startsInShell {
            if last.replacesShell { throw doubt("`\(fileName)` replaces the shell that its start command needs") }
            if words.contains(where: { $0.contains("$(") || $0.contains("`") }) {
                throw doubt("the start command holds a command of its own")
            }
        }
        var isBuilt = false
        for path in StartWords.paths(in: words) {
            let place = try place(of: path, doubt)
            guard let index = words.firstIndex(of: path) else {  // inside a text or `--name=value`
                guard case .same = place else {
                    throw doubt("the start command names `\(path)`, which lies elsewhere in the stage that is built")
                }
                continue
            }
            switch place {
            case .same: break
            case .moved(let other): words[index] = other
            case .built(let other):
                words[index] = other
                isBuilt = true
            }
        }
        if let program = words.first, let built = builtProgram(program) {
            words[0] = built
            isBuilt = true
        }
        guard isBuilt else { return Start(command: words) }
        return try BuildReplay(facts: chosen, fileName: fileName).start(words, in: directory, doubt)
    }

    private func place(of word: String, _ doubt: (String) -> any Error) throws -> Place {
        let missing = "the start command names `\(word)`, which the build makes and the source lacks"
        guard !word.contains("$"), let path = ContainerPath.resolved(word, in: last.workingDirectory ?? directory)
        else { throw doubt("the start command names `\(word)`, which cannot be traced") }
        if let inside = ContainerPath.below(directory, path), inside.isEmpty || isInSource(inside) { return .same }
        for copy in last.copies.reversed() where !chosen.copies.contains(copy) {
            guard let origin = origin(of: path, in: copy) else { continue }
            guard let from = copy.from, chosenNames.contains(from), !origin.contains(where: { "*?[".contains($0) })
            else { throw doubt(missing) }
            guard let inside = ContainerPath.below(directory, origin) else { return .built(origin) }
            // Built into the source it would be written into the developer's folder.
            guard isInSource(inside) else { throw doubt(missing) }
            return ContainerPath.resolved(word, in: directory) == origin ? .same : .moved(origin)
        }
        guard ContainerPath.below(directory, path) == nil else { throw doubt(missing) }
        return .same
    }

    /// Where the build makes a program that the last stage finds by its name alone; nil when it does not.
    private func builtProgram(_ name: String) -> String? {
        guard !name.contains("/") else { return nil }
        for copy in last.copies.reversed() {
            guard let from = copy.from, chosenNames.contains(from) else { continue }
            for place in Self.programDirectories {
                guard let origin = origin(of: place + "/" + name, in: copy), origin == "/" + trimmed(copy.source),
                    ContainerPath.below(directory, origin) == nil
                else { continue }
                return origin
            }
        }
        return nil
    }

    private func trimmed(_ path: String) -> String { path.split(separator: "/").joined(separator: "/") }

    /// The path a copied file came from; nil when the copy does not make it.
    private func origin(of path: String, in copy: StageFacts.Copy) -> String? {
        guard let destination = copy.destination, let source = ContainerPath.resolved(copy.source, in: "/"),
            let rest = ContainerPath.below(destination, path)
        else { return nil }
        if rest.isEmpty { return source }
        let name = source.split(separator: "/").last.map(String.init)
        if copy.goesInto, let name, rest == name { return source }
        return source == "/" ? "/" + rest : source + "/" + rest
    }
}
