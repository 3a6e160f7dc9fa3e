internal import Engines
internal import FoundationEssentials
internal import OCI

/// Build arguments that nobody may read afterwards.
///
/// They reach the build through the tool's environment, as arguments and as build secrets
/// (`RUN --mount=type=secret,id=NAME`). No layer of such a build is cached, its output shows stars, and so does the
/// image's history, where the tool would keep every argument in clear. What the container file itself writes down,
/// in a file or with `ENV` or `LABEL`, is the author's.
struct BuildSecrets: Sendable {
    private static let stars = "******"
    /// Shorter values would blacken half of every text.
    private static let shortest = 4

    let values: [String: String]

    /// The words for `buildah bud`.
    var arguments: [String] {
        values.keys.sorted().flatMap { ["--build-arg", $0, "--secret", "id=\($0),env=\($0)"] }
    }

    /// The text without values.
    func redacted(_ text: String) -> String {
        var out = text
        for (name, value) in values where !value.isEmpty {
            out = out.replacing("\(name)=\(value)", with: "\(name)=\(Self.stars)")
            if value.utf8.count >= Self.shortest { out = out.replacing(value, with: Self.stars) }
        }
        return out
    }

    /// Rewrites the history of the only image of an OCI layout. Blocks.
    func redactHistory(layout: String) throws {
        var index = try Document.read("\(layout)/index.json")
        guard var manifest = try blob(index["manifests"]?[0], layout),
            var configuration = try blob(manifest["config"], layout),
            case .array(let history)? = configuration["history"]
        else { return }
        configuration["history"] = .array(
            history.map { entry in
                guard case .string(let text)? = entry["created_by"] else { return entry }
                var copy = entry
                copy["created_by"] = .string(redacted(text))
                return copy
            })
        manifest["config"] = try write(configuration, manifest["config"], layout)
        index["manifests"] = .array([try write(manifest, index["manifests"]?[0], layout)])
        try index.encoded().write(to: URL(filePath: "\(layout)/index.json"))
    }

    private func path(_ digest: Digest, _ layout: String) -> String { "\(layout)/blobs/sha256/\(digest.hex)" }

    private func blob(_ descriptor: Document?, _ layout: String) throws -> Document? {
        guard case .string(let text)? = descriptor?["digest"], let digest = Digest(rawValue: text) else { return nil }
        return try Document.read(path(digest, layout))
    }

    /// Stores a document under its digest and returns its descriptor.
    private func write(_ document: Document, _ descriptor: Document?, _ layout: String) throws -> Document {
        let bytes = try document.encoded()
        let digest = Digest(of: Array(bytes))
        try bytes.write(to: URL(filePath: path(digest, layout)))
        var copy = descriptor ?? .object([:])
        copy["digest"] = .string(digest.rawValue)
        copy["size"] = .integer(bytes.count)
        return copy
    }
}

/// A JSON document of which most is passed on as it is.
private enum Document: Codable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([Document])
    case object([String: Document])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {  // each attempt may fail: the next form is tried
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .integer(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([Document].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: Document].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .integer(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let value): try container.encode(value)
        case .object(let value): try container.encode(value)
        }
    }

    static func read(_ path: String) throws -> Document {
        try JSONDecoder().decode(Document.self, from: Data(contentsOf: URL(filePath: path)))
    }

    func encoded() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self)
    }

    subscript(name: String) -> Document? {
        get {
            guard case .object(let members) = self else { return nil }
            return members[name]
        }
        set {
            guard case .object(var members) = self else { return }
            members[name] = newValue
            self = .object(members)
        }
    }

    subscript(index: Int) -> Document? {
        guard case .array(let items) = self, items.indices.contains(index) else { return nil }
        return items[index]
    }
}
