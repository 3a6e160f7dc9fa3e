/// What `dev_settings` of `container.config` says; it has an effect on development apps only.
struct DevelopmentSettings: Sendable, Hashable {
    /// What a change of the source does to the container.
    enum Reload: String, Sendable, Hashable, CaseIterable {
        /// It is stopped without grace and started again.
        case restart
        /// It goes on: the program inside watches its files itself.
        case none
        /// It is replaced by a new one.
        case recreate
    }

    /// The stage to build; nil leaves it to the container file.
    var target: String?
    /// What runs instead of the command of the container file; nil keeps that one.
    var command: [String]?
    /// Where the source is mounted, absolute; nil is the working directory of the stage.
    var directory: String?
    var reload = Reload.restart
    /// Files of the source whose contents decide about the image.
    var environmentFiles: [String] = []
    /// Volumes besides those of the app, as in `volumes`.
    var additionalMounts: [String] = []
    /// 0 leaves it to the configuration and the container file.
    var port = 0
    /// The name of the stage made for development.
    var stage = "dev"
    /// Whether that name was given, so that the stage must exist.
    var namesStage = false
    /// Whether every change builds the image anew.
    var isDisabled = false

    /// Nothing set.
    init() {}

    /// Whether the author has asked for the source to be mounted; else anything doubtful leads to the plain flow.
    var isConfigured: Bool {
        target != nil || command != nil || directory != nil || reload != .restart || !environmentFiles.isEmpty
            || !additionalMounts.isEmpty || port != 0 || namesStage
    }
}

extension DevelopmentSettings {
    private static let keys = [
        "target", "command", "dir", "reload", "env_files", "additional_mounts", "port", "dev_stage", "disable",
    ]

    /// Reads the entries of the dict; empty texts and lists are as good as none.
    /// - Throws: ``AppError`` `.configDevelopment` naming the key.
    init(_ entries: [JSONValue.Member]) throws {
        for entry in entries {
            let key = entry.key
            guard Self.keys.contains(key) else {
                throw AppError(
                    .configDevelopment, "dev_settings has no key `\(key)`",
                    hint: AppError.nearest(to: key, among: Self.keys).map { "did you mean `\($0)`?" })
            }
            switch key {
            case "target": target = Self.nonEmpty(try Self.text(entry))
            case "command": command = try Self.command(entry)
            case "dir": directory = try Self.directory(entry)
            case "reload": reload = try Self.reload(entry)
            case "env_files": environmentFiles = try Self.files(entry)
            case "additional_mounts":
                additionalMounts = try Self.texts(entry)
                do { _ = try VolumeRequest.list(additionalMounts) } catch let error as AppError {
                    throw AppError.development(key, error.detail)
                }
            case "port":
                guard case .int(let number) = entry.value else { throw Self.mistyped(entry, "an int") }
                guard (0...65_535).contains(number) else {
                    throw AppError.development(key, "must be between 0 and 65535, not \(number)")
                }
                port = Int(number)
            case "dev_stage":
                stage = try Self.text(entry).lowercased()
                namesStage = true
                guard !stage.isEmpty else { throw AppError.development(key, "must not be empty") }
            default:
                guard case .bool(let flag) = entry.value else { throw Self.mistyped(entry, "a bool") }
                isDisabled = flag
            }
        }
    }

    /// A list of words as it is, or a text for the shell.
    private static func command(_ entry: JSONValue.Member) throws -> [String]? {
        if case .string(let line) = entry.value { return nonEmpty(line).map { ["/bin/sh", "-c", $0] } }
        guard case .array = entry.value else { throw mistyped(entry, "a string or a list of strings") }
        let words = try texts(entry)
        return words.isEmpty ? nil : words
    }

    private static func directory(_ entry: JSONValue.Member) throws -> String? {
        guard let path = nonEmpty(try text(entry)) else { return nil }
        guard path.hasPrefix("/"), let clean = ContainerPath.normal(path), clean != "/" else {
            throw AppError.development(entry.key, "must be an absolute path other than `/`, not `\(path)`")
        }
        return clean
    }

    private static func reload(_ entry: JSONValue.Member) throws -> Reload {
        guard let text = nonEmpty(try text(entry)) else { return .restart }
        guard let reload = Reload(rawValue: text) else {
            let known = Reload.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
            throw AppError.development(entry.key, "must be one of \(known), not `\(text)`")
        }
        return reload
    }

    private static func files(_ entry: JSONValue.Member) throws -> [String] {
        try texts(entry).map { path in
            guard !path.hasPrefix("/"), let clean = ContainerPath.normal("/" + path), clean != "/" else {
                throw AppError.development(entry.key, "must name files of the source, not `\(path)`")
            }
            return String(clean.dropFirst())
        }
    }

    private static func text(_ entry: JSONValue.Member) throws -> String {
        guard case .string(let text) = entry.value else { throw mistyped(entry, "a string") }
        return text
    }

    private static func texts(_ entry: JSONValue.Member) throws -> [String] {
        guard case .array(let items) = entry.value else { throw mistyped(entry, "a list of strings") }
        return try items.map { item in
            guard case .string(let text) = item else { throw mistyped(entry, "a list of strings") }
            return text
        }
    }

    private static func nonEmpty(_ text: String) -> String? { text.isEmpty ? nil : text }

    private static func mistyped(_ entry: JSONValue.Member, _ expected: String) -> AppError {
        AppError.development(entry.key, "must be \(expected), not `\(entry.value.text().prefix(80))`")
    }
}

extension AppError {
    /// A key of `dev_settings` is wrong.
    static func development(_ key: String, _ problem: String) -> AppError {
        AppError(.configDevelopment, "dev_settings: `\(key)` \(problem)")
    }
}

/// Paths inside a container, judged by their text.
enum ContainerPath {
    /// An absolute path without `.`, `..` and repeated slashes; nil when it leads above the root.
    static func normal(_ path: String) -> String? {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." {
                guard parts.popLast() != nil else { return nil }
            } else {
                parts.append(part)
            }
        }
        return "/" + parts.joined(separator: "/")
    }

    /// `path` seen from `directory`; both absolute or not.
    static func resolved(_ path: String, in directory: String) -> String? {
        normal(path.hasPrefix("/") ? path : directory + "/" + path)
    }

    /// What is left of an absolute path below `directory`; nil when it lies elsewhere, empty for the directory itself.
    static func below(_ directory: String, _ path: String) -> String? {
        if path == directory { return "" }
        guard path.hasPrefix(directory == "/" ? "/" : directory + "/") else { return nil }
        return String(path.dropFirst(directory == "/" ? 1 : directory.utf8.count + 1))
    }
}
