/// One volume an app asks for.
struct VolumeRequest: Sendable, Hashable {
    /// What is mounted.
    enum Source: Sendable, Hashable {
        /// A directory of ours that outlives versions, found by a key: its name, or its target.
        case managed(key: String)
        /// A file or directory of the app's source.
        case relative(String)
        /// A path of the host.
        case host(String)
        /// A template of the app's source, rendered with params and secrets.
        case template(String)
    }

    let source: Source
    /// An absolute path inside.
    let target: String
    let isReadOnly: Bool

    /// Reads `/data`, `name:/data`, `./x:/y`, `/abs:/y`, `cl_secret:tmpl:/y`, each with `:ro` or without.
    /// - Throws: ``AppError`` `.volumeDenied` for what has no such form.
    init(parsing text: String) throws {
        var parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        isReadOnly = parts.count > 1 && parts.last == "ro"
        if isReadOnly { parts.removeLast() }
        let isTemplate = parts.count == 3 && parts[0] == "cl_secret"
        if isTemplate { parts.removeFirst() }
        guard let target = parts.last, target.hasPrefix("/"), target != "/", parts.count <= 2, !target.contains("/../"),
            !target.hasSuffix("/.."), !parts[0].isEmpty, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw AppError(.volumeDenied, "volume `\(text)` has none of the forms /data, name:/data, ./x:/y, /abs:/y")
        }
        self.target = target
        guard parts.count == 2 else {
            source = .managed(key: target)
            return
        }
        let name = parts[0]
        if isTemplate {
            source = .template(try Self.beneath(name))
        } else if name.hasPrefix("$") {
            throw AppError.volume(name)
        } else if name.hasPrefix("/") {
            source = .host(name)
        } else if name.hasPrefix(".") || name.contains("/") {
            source = .relative(try Self.beneath(name))
        } else {
            source = .managed(key: name)
        }
    }

    /// A path without `.` that does not leave the source.
    private static func beneath(_ path: String) throws -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            guard part != ".." else {
                guard parts.popLast() != nil else { throw AppError.volume(path) }
                continue
            }
            parts.append(part)
        }
        guard !parts.isEmpty else { throw AppError.volume(path) }
        return parts.joined(separator: "/")
    }

    /// Reads a list, leaving out repeats; of a plain path and its template the template stays.
    static func list(_ texts: [String]) throws -> [VolumeRequest] {
        var found: [VolumeRequest] = []
        for text in texts {
            let request = try VolumeRequest(parsing: text)
            if let index = found.firstIndex(where: { $0.target == request.target }) {
                if case .template = found[index].source { continue }
                found[index] = request
            } else {
                found.append(request)
            }
        }
        return found
    }
}
