internal import Core
internal import FoundationEssentials
internal import Glibc
internal import Hummingbird
internal import Logging
internal import NIOCore
internal import NIOPosix

/// A body that was stored as a file.
struct Upload: Sendable {
    let name: String
    let path: String

    /// The directory that holds uploads; what is found there at a start was left by a crash.
    static func directory(below stateDirectory: String) -> String { stateDirectory + "/uploads" }

    /// Removes what uploads a crash has left; to be called before the first one.
    static func collect(below stateDirectory: String, _ logger: Logger) {
        let directory = directory(below: stateDirectory)
        // There is none before the first upload.
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: directory), !names.isEmpty else {
            return
        }
        for name in names where unlink("\(directory)/\(name)") != 0 {
            logger.warning("left-over upload cannot be removed", metadata: ["path": "\(directory)/\(name)"])
        }
        logger.info("left-over uploads removed", metadata: ["count": "\(names.count)"])
    }

    /// Stores the body of a request; the file is removed when the transfer breaks.
    static func receive(_ request: APIRequest, below stateDirectory: String) async throws -> Upload {
        let directory = directory(below: stateDirectory)
        let upload = Upload(name: request.id, path: "\(directory)/\(request.id)")
        let pool = NIOThreadPool.singleton
        try await pool.runIfActive {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        }
        do {
            try await upload.write(request.request.body, pool)
        } catch {
            upload.remove()
            throw error
        }
        return upload
    }

    private func write(_ body: RequestBody, _ pool: NIOThreadPool) async throws {
        let path = path
        let descriptor = try await pool.runIfActive {
            let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else { throw Self.failure("open", path) }
            return descriptor
        }
        defer { close(descriptor) }
        var total: Int64 = 0
        for try await piece in body {
            total += Int64(piece.readableBytes)
            guard total <= APILimits.upload else { throw APIError.bodyTooLarge(limit: Int(APILimits.upload)) }
            try await pool.runIfActive {
                var rest = piece.readableBytesView[...]
                while !rest.isEmpty {
                    let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                    guard count >= 0 || errno == EINTR else { throw Self.failure("write", path) }
                    rest = rest.dropFirst(max(0, count))
                }
            }
        }
    }

    /// Removes the file; it is fine when that is gone.
    func remove() { unlink(path) }

    private static func failure(_ call: String, _ path: String) -> UploadError {
        let code = errno
        return UploadError(
            kind: code == ENOSPC ? .unavailable : .internalError,
            message: "upload cannot be stored in `\(path)`: \(call)(2): \(String(cString: strerror(code))) (\(code))")
    }
}

/// A body that could not be stored.
struct UploadError: MartletError {
    let kind: ErrorKind
    let message: String
}

/// Which file of a directory says how to build.
enum ContainerFiles {
    /// The file named, else `Containerfile`, else `Dockerfile`.
    static func find(_ name: String?, in directory: String) throws -> String {
        let names = name.map { [$0] } ?? ["Containerfile", "Dockerfile"]
        for name in names {
            let path = name.hasPrefix("/") ? name : "\(directory)/\(name)"
            if access(path, R_OK) == 0 { return path }
        }
        guard access(directory, X_OK) == 0 else {
            throw InvalidArgument(field: "context", value: directory, rule: "there is no such directory on the server")
        }
        throw InvalidArgument(
            field: "containerFile", value: names.joined(separator: ", "), rule: "`\(directory)` holds no such file")
    }
}
