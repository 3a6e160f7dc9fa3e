internal import Glibc
internal import LinuxKernel
internal import Logging

/// Uploaded files of one request, each in a directory of the request.
struct Uploads: Sendable {
    /// Params with the paths of their files; empty where nothing was uploaded.
    let values: [String: JSONValue]
    private let directory: String?

    /// Writes the files that belong to FILE params.
    static func store(_ uploads: [FormBody.Upload], for form: ActionForm, in root: String, id: String) async throws
        -> Uploads
    {
        let names = Set(
            form.fields.compactMap { field -> String? in
                if case .file = field.widget { return field.name }
                return nil
            })
        let wanted = uploads.filter { names.contains($0.name) }
        var values = Dictionary(uniqueKeysWithValues: names.map { ($0, JSONValue.string("")) })
        guard wanted.contains(where: { !$0.fileName.isEmpty }) else { return Uploads(values: values, directory: nil) }
        let directory = "\(root)/\(AppNames.runContainer(app: id)).files"
        let paths = try await Blocking.run {
            try Directories.make(directory)
            let handle = try DirectoryHandle(path: directory, resolution: .beneath)
            return try wanted.filter { !$0.fileName.isEmpty }.enumerated().map { index, upload in
                let name = "\(index)-\(clean(upload.fileName))"
                let file = try handle.open(name, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
                var rest = upload.bytes[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { write(file.rawValue, $0.baseAddress, $0.count) }
                    guard count > 0 else { throw KernelError.last("write", name) }
                    rest = rest.dropFirst(count)
                }
                return (upload.name, "\(directory)/\(name)")
            }
        }
        for (name, path) in paths { values[name] = .string(path) }
        return Uploads(values: values, directory: directory)
    }

    /// Removes the files.
    func remove(_ logger: Logger) async {
        guard let directory, let slash = directory.lastIndex(of: "/") else { return }
        do {
            try await Blocking.run {
                let root = try DirectoryHandle(path: String(directory[..<slash]), resolution: .beneath)
                try root.removeTree(String(directory[directory.index(after: slash)...]))
            }
        } catch {
            logger.warning("uploaded files could not be removed", metadata: ["error": "\(error)"])
        }
    }

    /// The last component, of harmless characters.
    private static func clean(_ name: String) -> String {
        let base = name.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? "file"
        let safe = base.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" }
        return String(String(safe).prefix(100))
    }
}
