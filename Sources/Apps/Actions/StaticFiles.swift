internal import Glibc
internal import LinuxKernel
internal import OCI

/// Serves files of an app's source: those of `static/` and `static_root/`, or all of a static app's.
///
/// Paths are resolved beneath the source by the kernel. What an app is made of (programs, templates, container files,
/// names that begin with a dot) is never served.
struct StaticFiles: AppResponder {
    /// What is served.
    enum Scope: Sendable, Hashable {
        /// The app's `static/` below the same name, and `static_root/` at the app's root.
        case folders
        /// The whole source, for `static_only`; `static_root/` goes first.
        case everything(index: String)
        /// One file, whatever the path within the app.
        case single(String)
    }

    let address: AppAddress
    /// The stored source.
    let directory: String
    let scope: Scope
    /// Nothing of a body is read.
    let bodyLimit = 1 << 20
    /// Larger files belong behind a server of their own.
    static let sizeLimit = 64 << 20
    /// Files of `static_root/` that get a route of their own.
    static let routeLimit = 1000

    func respond(to request: AppRequest) async -> AppResponse {
        let head = request.head
        guard head.method == "GET" || head.method == "HEAD" else {
            var response = AppResponse.text("method not allowed\n", status: 405)
            response.headers.append(("allow", "GET, HEAD"))
            return response
        }
        let own = address.path == "/" ? 0 : address.path.utf8.count
        let path = FormBody.decodedPath(head.path.utf8.dropFirst(own))
        do {
            return try await Blocking.run { try answer(path, head) } ?? notFound(head)
        } catch {
            let failure = AppError(.appSource, "`\(path.prefix(200))` cannot be served: \(error)")
            return ErrorAnswer.response(failure.naming(app: address.description), for: head, showsLog: false)
        }
    }

    private func notFound(_ head: AppRequestHead) -> AppResponse {
        ErrorAnswer.response(
            AppError.notFound(host: head.header("host") ?? "", path: head.path), for: head, showsLog: false)
    }

    private func answer(_ path: String, _ head: AppRequestHead) throws -> AppResponse? {
        let parts = path.split(separator: "/")
        guard !path.utf8.contains(0), !parts.contains(where: Self.isHidden) else { return nil }
        let root = try DirectoryHandle(path: directory, resolution: .beneath)
        for candidate in candidates(parts.joined(separator: "/")) {
            guard let status = try status(candidate, in: root) else { continue }
            if status.st_mode & S_IFMT == S_IFREG { return try file(candidate, in: root, head) }
            guard status.st_mode & S_IFMT == S_IFDIR, case .everything(let index) = scope else { continue }
            for name in index.isEmpty ? ["index.html", "index.htm"] : [index] {
                let inside = candidate.isEmpty ? name : "\(candidate)/\(name)"
                guard let status = try self.status(inside, in: root), status.st_mode & S_IFMT == S_IFREG else {
                    continue
                }
                guard head.path.hasSuffix("/") else {
                    let query = head.query.isEmpty ? "" : "?" + head.query
                    return AppResponse(status: 307, headers: [("location", head.path + "/" + query)])
                }
                return try file(inside, in: root, head)
            }
        }
        return nil
    }

    /// Where the file of a path may be.
    private func candidates(_ path: String) -> [String] {
        switch scope {
        case .single(let file): return [file]
        case .folders: return path.hasPrefix("static/") ? [path] : ["static_root/" + path]
        case .everything:
            let isOwn = path.hasSuffix(".star") || path.hasSuffix(".go.html") || Self.own.contains(path)
            return ["static_root" + (path.isEmpty ? "" : "/" + path)] + (isOwn ? [] : [path])
        }
    }

    private static let own: Set = ["Containerfile", "Dockerfile", "config_gen.lock"]

    /// Names that begin with a dot stay private, but for what the web has agreed upon (RFC 8615).
    private static func isHidden(_ name: Substring) -> Bool { name.hasPrefix(".") && name != ".well-known" }

    /// Follows links, beneath the source only; nil for what is not there or leads out.
    private func status(_ path: String, in root: DirectoryHandle) throws -> stat? {
        do {
            let found = try root.open(path.isEmpty ? "." : path, flags: O_RDONLY | O_NONBLOCK)
            var status = stat()
            guard fstat(found.rawValue, &status) == 0 else { throw KernelError.last("fstat", path) }
            return status
        } catch let error as KernelError
            where [ENOENT, ENOTDIR, EXDEV, ELOOP, ENAMETOOLONG].contains(error.errorNumber)
        {
            return nil
        }
    }

    private func file(_ path: String, in root: DirectoryHandle, _ head: AppRequestHead) throws -> AppResponse {
        let bytes = try root.contents(path, limit: Self.sizeLimit)
        let tag = "\"\(Digest(of: bytes).hex.prefix(32))\""
        let headers = [
            ("etag", tag), ("cache-control", "no-cache"), ("content-type", ContentType.of(path)),
            ("x-content-type-options", "nosniff"),
        ]
        let known = head.header("if-none-match")?.split(separator: ",").map {
            $0.trimmed.drop { $0 == "W" || $0 == "/" }
        }
        if let known, known.contains(where: { $0 == tag || $0 == "*" }) {
            return AppResponse(status: 304, headers: headers.filter { $0.0 != "content-type" })
        }
        return AppResponse(status: 200, headers: headers, body: bytes)
    }
}

/// The media types of files by their endings.
enum ContentType {
    private static let types = [
        "html": "text/html; charset=utf-8", "htm": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
        "js": "text/javascript; charset=utf-8", "mjs": "text/javascript; charset=utf-8", "json": "application/json",
        "map": "application/json", "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8",
        "csv": "text/csv; charset=utf-8", "xml": "application/xml", "svg": "image/svg+xml", "png": "image/png",
        "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp", "avif": "image/avif",
        "ico": "image/x-icon", "woff": "font/woff", "woff2": "font/woff2", "ttf": "font/ttf", "otf": "font/otf",
        "pdf": "application/pdf", "wasm": "application/wasm", "mp3": "audio/mpeg", "mp4": "video/mp4",
        "webm": "video/webm", "zip": "application/zip", "gz": "application/gzip",
        "webmanifest": "application/manifest+json",
    ]

    /// The type of a file's name.
    static func of(_ path: String) -> String {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return "application/octet-stream" }
        return types[name[name.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }
}
