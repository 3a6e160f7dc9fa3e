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
    /// Volumes that keep what a replayed build wants to find again, unread.
    var caches: [String] = []
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
            let start = try StartInference(
                file: file, chosen: choice.index, directory: directory, isInSource: isInSource
            ).start { Doubt(reason: $0) }
            plan.command = start.command
            plan.caches = start.caches
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
