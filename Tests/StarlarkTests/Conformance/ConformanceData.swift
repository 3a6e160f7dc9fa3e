import Foundation

/// The conformance data: programs of other implementations with what must come of them.
///
/// Found through `STARLARK_CONFORMANCE`, or beside the package in `shared/conformance/starlark`.
enum ConformanceData {
    static let directory: URL? = {
        var candidates: [URL] = []
        if let path = ProcessInfo.processInfo.environment["STARLARK_CONFORMANCE"] {
            candidates.append(URL(fileURLWithPath: path))
        }
        let bases = [URL(fileURLWithPath: #filePath), URL(fileURLWithPath: FileManager.default.currentDirectoryPath)]
        for base in bases {
            var folder = base.deletingLastPathComponent()
            while folder.path.count > 1 {
                candidates.append(folder.appendingPathComponent("shared/conformance/starlark"))
                folder.deleteLastPathComponent()
            }
        }
        return candidates.first {
            FileManager.default.fileExists(atPath: $0.appendingPathComponent("MANIFEST.tsv").path)
        }
    }()

    static var isPresent: Bool { directory != nil }

    /// One row of the manifest.
    struct Chunk {
        let file: String
        let index: Int
        let stage: String
        let expectsError: Bool
        let verdict: String
    }

    static let manifest: [Chunk] = {
        guard let directory,
            let text = try? String(contentsOf: directory.appendingPathComponent("MANIFEST.tsv"), encoding: .utf8)
        else { return [] }  // absent data is reported by the tests' condition
        return text.split(separator: "\n").dropFirst().map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            return Chunk(
                file: fields[0], index: Int(fields[1]) ?? 0, stage: fields[3], expectsError: fields[4] == "error",
                verdict: fields[7])
        }
    }()

    static func text(_ file: String) throws -> String {
        guard let directory else { throw CocoaError(.fileNoSuchFile) }
        return try String(contentsOf: directory.appendingPathComponent(file), encoding: .utf8)
    }

    /// The chunk's text, padded so that its lines keep their numbers in the file.
    static func source(_ chunk: Chunk) throws -> String {
        var parts: [[Substring]] = [[]]
        var starts = [0]
        for (number, line) in try text(chunk.file).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        {
            if line == "---" {
                parts.append([])
                starts.append(number + 1)
            } else {
                parts[parts.count - 1].append(line)
            }
        }
        guard chunk.index < parts.count else { throw CocoaError(.fileReadCorruptFile) }
        return String(repeating: "\n", count: starts[chunk.index]) + parts[chunk.index].joined(separator: "\n")
    }
}
