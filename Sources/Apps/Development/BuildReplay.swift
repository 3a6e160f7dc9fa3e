/// Repeats the part of a build that depends on the source, inside the container, before the program starts.
struct BuildReplay {
    /// Of the stage that is built.
    let facts: StageFacts
    let fileName: String

    /// A shell's text: what ran after the source was copied last, joined by `&&`, then the program in place of the shell.
    /// Caches of the build become volumes.
    /// - Parameter doubt: makes the error that tells why the build cannot be repeated.
    func start(
        _ words: [String], in directory: String, _ doubt: (String) -> any Error
    ) throws -> StartInference.Start {
        guard let builds = facts.builds else {
            throw doubt("the start command names what the build makes, and `\(fileName)` copies no source before that")
        }
        guard !facts.replacesShell else { throw doubt("`\(fileName)` replaces the shell that its build needs") }
        var caches: [String] = []
        var steps: [String] = []
        for build in builds {
            for flag in build.flags {
                let cache = try cache(flag, doubt)
                if !caches.contains(cache) { caches.append(cache) }
            }
            steps.append(try step(build, in: directory, doubt))
        }
        let program = "cd \(Self.quoted(directory)) && exec \(words.map(Self.quoted).joined(separator: " "))"
        return StartInference.Start(
            command: ["/bin/sh", "-c", (steps + [program]).joined(separator: " && ")], caches: caches)
    }

    /// One `RUN` in a shell of its own, as in a build.
    private func step(
        _ build: StageFacts.Run, in directory: String, _ doubt: (String) -> any Error
    ) throws -> String {
        if build.hasHereDocument { throw doubt("the build of `\(fileName)` holds a here-document") }
        let text: String
        switch build.words {
        case .list(let words): text = words.map(Self.quoted).joined(separator: " ")
        case .shell(let line):
            guard !line.contains("$("), !line.contains("`") else {
                throw doubt("the build of `\(fileName)` holds a command inside a command")
            }
            text = line
        }
        let used = build.arguments.filter { text.contains("$\($0.key)") || text.contains("${\($0.key)") }
        let exports = used.sorted { $0.key < $1.key }.map { "export \($0.key)=\(Self.quoted($0.value))\n" }.joined()
        return "(cd \(Self.quoted(build.directory ?? directory)) || exit\n\(exports)\(text)\n)"
    }

    /// The volume for `--mount=type=cache,target=…`; everything else cannot be had in a container.
    private func cache(_ flag: String, _ doubt: (String) -> any Error) throws -> String {
        guard flag.hasPrefix("--mount=") else { throw doubt("the build of `\(fileName)` uses `\(flag)`") }
        var fields: [String: String] = [:]
        for part in flag.dropFirst(8).split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            if let key = pair.first { fields[key] = pair.count == 2 ? pair[1] : "" }
        }
        guard fields["type"] == "cache", fields["from"] == nil,
            let target = fields["target"] ?? fields["dst"] ?? fields["destination"], target.hasPrefix("/"),
            let path = ContainerPath.normal(target), path != "/", !path.contains(":"), !path.contains("$")
        else { throw doubt("the build of `\(fileName)` uses `\(flag)`") }
        return "build-cache-\(IdentityHash.combined([fields["id"] ?? path]).prefix(12)):\(path)"
    }

    private static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || "-_./=:,@%+".utf8.contains($0)
        }
        if plain, !word.isEmpty { return word }
        return "'" + word.replacing("'", with: "'\\''") + "'"
    }
}
