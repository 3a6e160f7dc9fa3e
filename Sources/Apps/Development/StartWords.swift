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
