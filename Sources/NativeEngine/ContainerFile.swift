/// The little that must be known of a container file before it is built.
enum ContainerFile {
    /// The images it builds upon, in order and each once: what follows `FROM`, except earlier stages, `scratch`, and names
    /// that only the builder can tell because they contain variables.
    static func bases(_ text: String) -> [String] {
        var stages: Set<String> = ["scratch"]
        var names: [String] = []
        for line in text.split(whereSeparator: \.isNewline) {
            var words = line.split(whereSeparator: \.isWhitespace)[...]
            guard words.popFirst()?.lowercased() == "from" else { continue }
            words = words.drop { $0.hasPrefix("--") }
            guard let name = words.popFirst().map(String.init) else { continue }
            if !stages.contains(name.lowercased()), !name.contains("$"), !names.contains(name) { names.append(name) }
            if words.popFirst()?.lowercased() == "as", let stage = words.first { stages.insert(stage.lowercased()) }
        }
        return names
    }
}
