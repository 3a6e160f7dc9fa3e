/// How a development app's container is made.
enum DevelopmentFlow: Sendable, Hashable {
    /// Every change of the source builds the image anew; the reason, where there is one, is for people.
    case plain(reason: String?)
    /// The image is built once, and the source is mounted into the container.
    case mounted(MountedSource)
}

/// The fast flow, decided.
struct MountedSource: Sendable, Hashable {
    /// The stage to build; nil is the last one.
    var target: String?
    /// Where the source is mounted.
    var directory: String
    /// What runs; nil is what the image says.
    var command: [String]?
    /// Whether the command was taken from another stage.
    var isInferred = false
    /// Variables of the last stage that the built one lacks.
    var environment: [String: String] = [:]
    /// Twelve hexadecimal digits that name the image.
    var imageHash: String
    var notices: [String] = []
}

/// Decides between the plain and the fast flow of a container file: values in, a plan out, nothing is done.
///
/// 1. The stage: the target asked for, the stage for development, the named one before the last, the whole file.
/// 2. The directory the source is mounted at: the one asked for, else that stage's working directory.
/// 3. The command: the one asked for, the stage's own, else that of the last stage where it is safe.
///
/// What stays in doubt leads to the plain flow, or, where settings ask for the fast one, to `CFG-DEV`.
struct DevelopmentPlanner {
    let settings: DevelopmentSettings
    let file: ContainerFile
    /// The container file as it is written.
    let text: String
    let buildArguments: [String: String]
    let buildDirectory: String
    /// Contents of the `env_files` by path; nil where there is no such file.
    let environmentFiles: [String: String?]
    let isCommand: Bool
    /// Whether the mounted source holds a path.
    let isInSource: (String) -> Bool

    /// Decides.
    /// - Throws: ``AppError`` `.configDevelopment`.
    func plan() throws -> DevelopmentFlow {
        if settings.isDisabled || isCommand && !settings.isConfigured { return .plain(reason: nil) }
        do {
            return .mounted(try mounted())
        } catch let doubt as Doubt {
            guard settings.isConfigured else { return .plain(reason: doubt.reason) }
            throw AppError(
                .configDevelopment, "dev_settings cannot be followed: \(doubt.reason)", hint: Self.waysOut)
        }
    }

    /// What a person can do when the fast flow does not fit.
    static let waysOut =
        "add a stage `dev` to the container file, give `command` in dev_settings, or `disable` the fast reload there"

    /// Refuses container files whose last stage is made for development.
    /// - Throws: ``AppError`` `.configDevelopment`.
    static func checkProduction(_ file: ContainerFile, _ settings: DevelopmentSettings) throws {
        guard !settings.isDisabled, file.stages.last?.name == settings.stage else { return }
        throw AppError(
            .configDevelopment,
            "the last stage of `\(file.name)` is `\(settings.stage)`, which is made for development",
            hint: "put the stage that shall serve last, or give its name to another one with `dev_stage`")
    }

    /// Why the fast flow is not taken.
    private struct Doubt: Error {
        let reason: String
    }

    private func mounted() throws -> MountedSource {
        let choice = try stage()
        let facts = file.facts(of: choice.index)
        guard let directory = settings.directory ?? facts.workingDirectory else {
            throw Doubt(reason: "`\(file.name)` does not say the working directory of the stage; `dir` would")
        }
        guard directory != "/" else { throw Doubt(reason: "the source cannot be mounted at `/`; `dir` names a place") }
        let last = file.stages.count - 1
        var plan = MountedSource(
            target: choice.index == last ? nil : file.stages[choice.index].name ?? String(choice.index),
            directory: directory, imageHash: "", notices: choice.notices)
        if let command = settings.command {
            plan.command = command
        } else if choice.index == last || facts.start != nil {
            if !settings.isConfigured { try check(unchanged: facts, at: directory) }
        } else if choice.isForDevelopment {
            throw AppError(
                .configDevelopment, "the stage `\(settings.stage)` of `\(file.name)` has neither CMD nor ENTRYPOINT",
                hint: "add one, or give `command` in dev_settings")
        } else {
            plan.command = try StartInference(
                fileName: file.name, last: file.facts(of: last), chosen: facts,
                chosenNames: Set(
                    file.chain(of: choice.index).flatMap { [file.stages[$0].name, String($0)] }.compactMap { $0 }),
                directory: directory, isInSource: isInSource
            ).command { Doubt(reason: $0) }
            plan.isInferred = true
        }
        if choice.index != last {
            let own = facts.environment
            plan.environment = file.facts(of: last).environment.filter { own[$0.key] == nil && $0.key != "PATH" }
        }
        plan.imageHash = imageHash(target: plan.target)
        return plan
    }

    private func stage() throws -> (index: Int, isForDevelopment: Bool, notices: [String]) {
        let stages = file.stages
        let last = stages.count - 1
        if let target = settings.target {
            let wanted = target.lowercased()
            if let index = stages.lastIndex(where: { $0.name == wanted }) { return (index, false, []) }
            if let index = Int(target), stages.indices.contains(index) { return (index, false, []) }
            return (last, false, ["there is no stage `\(target)` in `\(file.name)`; the whole file is built"])
        }
        if let index = stages.lastIndex(where: { $0.name == settings.stage }) {
            guard index == last else { return (index, true, []) }
            let notice = "the stage `\(settings.stage)` is the last one of `\(file.name)`: "
            return (index, true, [notice + "a production app of this source is refused"])
        }
        if settings.namesStage {
            throw AppError.development("dev_stage", "names the stage `\(settings.stage)`, which `\(file.name)` lacks")
        }
        if last > 0, stages[last - 1].name != nil { return (last - 1, false, []) }
        return (last, false, [])
    }

    /// Without settings a command stays only if the mounted source does not hide what it names.
    private func check(unchanged facts: StageFacts, at directory: String) throws {
        for word in StartWords.paths(in: facts.start ?? []) {
            guard let path = ContainerPath.resolved(word, in: facts.workingDirectory ?? directory),
                let inside = ContainerPath.below(directory, path), !inside.isEmpty, !isInSource(inside)
            else { continue }
            throw Doubt(reason: "the start command names `\(word)`, which the build makes and the source lacks")
        }
    }

    private func imageHash(target: String?) -> String {
        var parts = [
            "dev-image", file.name, text, IdentityHash.map(buildArguments), target ?? "", buildDirectory,
        ]
        for (path, content) in environmentFiles.sorted(by: { $0.key < $1.key }) {
            parts += [path, content.map { "file:" + $0 } ?? "missing"]
        }
        return String(IdentityHash.combined(parts).prefix(12))
    }
}

/// Judges whether the start command of the last stage also works in the stage that is built, over the mounted source.
struct StartInference {
    let fileName: String
    let last: StageFacts
    let chosen: StageFacts
    /// Names and numbers of the chosen stage and those it builds on.
    let chosenNames: Set<String>
    let directory: String
    let isInSource: (String) -> Bool

    /// The command as it is to run there.
    /// - Parameter doubt: makes the error that tells why there is none.
    func command(_ doubt: (String) -> any Error) throws -> [String] {
        guard let words = last.start else {
            throw doubt("the last stage of `\(fileName)` does not say what runs; `command` would")
        }
        if last.startsInShell {
            if last.replacesShell { throw doubt("`\(fileName)` replaces the shell that its start command needs") }
            if words.contains(where: { $0.contains("$(") || $0.contains("`") }) {
                throw doubt("the start command holds a command of its own")
            }
        }
        guard last.environment["PATH"] == chosen.environment["PATH"] else {
            throw doubt("the last stage changes PATH")
        }
        if last.startsInShell {
            for word in StartWords.paths(in: words) { try check(word, doubt) }
            return words
        }
        return try words.map { word in
            guard let path = StartWords.paths(in: [word]).first else { return word }
            if path == word { return try mapped(word, doubt) }
            try check(path, doubt)  // inside `--name=value`
            return word
        }
    }

    /// Refuses a path that lies elsewhere in the chosen stage and cannot be replaced.
    private func check(_ word: String, _ doubt: (String) -> any Error) throws {
        guard try mapped(word, doubt) == word else {
            throw doubt("the start command names `\(word)`, which lies elsewhere in the stage that is built")
        }
    }

    /// Where a path of the last stage is found in the chosen one.
    private func mapped(_ word: String, _ doubt: (String) -> any Error) throws -> String {
        let missing = "the start command names `\(word)`, which the build makes and the source lacks"
        guard !word.contains("$"),
            let path = ContainerPath.resolved(word, in: last.workingDirectory ?? directory)
        else { throw doubt("the start command names `\(word)`, which cannot be traced") }
        if let inside = ContainerPath.below(directory, path) {
            guard inside.isEmpty || isInSource(inside) else { throw doubt(missing) }
            return word
        }
        for copy in last.copies.reversed() where !chosen.copies.contains(copy) {
            guard let origin = origin(of: path, in: copy) else { continue }
            guard let from = copy.from, chosenNames.contains(from),
                let inside = ContainerPath.below(directory, origin), isInSource(inside)
            else { throw doubt(missing) }
            return ContainerPath.resolved(word, in: directory) == origin ? word : origin
        }
        return word
    }

    /// The path a copied file came from; nil when the copy does not make it.
    private func origin(of path: String, in copy: StageFacts.Copy) -> String? {
        guard let destination = copy.destination, let source = ContainerPath.resolved(copy.source, in: "/") else {
            return nil
        }
        guard let rest = ContainerPath.below(destination, path) else { return nil }
        if rest.isEmpty { return source }
        let name = source.split(separator: "/").last.map(String.init)
        if copy.goesInto, let name, rest == name { return source }
        return source == "/" ? "/" + rest : source + "/" + rest
    }
}

/// The words of a command that look like paths.
enum StartWords {
    private static let extensions: Set<String> = [
        "py", "js", "mjs", "cjs", "ts", "tsx", "rb", "php", "pl", "lua", "sh", "jar", "war", "dll", "exe", "html",
        "conf", "cfg", "ini", "toml", "yaml", "yml", "json", "xml", "properties", "txt",
    ]

    /// Words with a slash or the ending of a program or a configuration file; of `--name=value` the value. The text
    /// of a shell is divided at blanks and at what divides commands.
    static func paths(in words: [String]) -> [String] {
        let plain: [String]
        if words.count == 3, words[0] == "/bin/sh", words[1] == "-c" {
            plain = words[2].split { $0.isWhitespace || ";&|<>()\"'".contains($0) }.map(String.init)
        } else {
            plain = words
        }
        return plain.compactMap { word in
            var path = word
            if word.hasPrefix("-") {
                guard let equals = word.firstIndex(of: "=") else { return nil }
                path = String(word[word.index(after: equals)...])
            }
            return isPath(path) ? path : nil
        }
    }

    private static func isPath(_ word: String) -> Bool {
        if word.contains("://") || word == "/" { return false }
        if word.contains("/") { return true }
        guard let dot = word.lastIndex(of: "."), dot != word.startIndex else { return false }
        return extensions.contains(word[word.index(after: dot)...].lowercased())
    }
}
