internal import CArchive
internal import Core
internal import Glibc
internal import OCI

/// Reads a blob, undoes its compression and computes the digest of what it read; runs on a thread of its own.
struct LayerDecompressor {
    /// An open blob; read from where it stands.
    let descriptor: CInt
    let limits: LayerLimits
    let pipe: ChunkPipe
    let flag: CancellationFlag
    /// Called with the number of compressed bytes read so far, not more often than once per MiB.
    let progress: (@Sendable (Int64) -> Void)?

    /// What was read.
    struct Outcome: Sendable {
        let digest: Digest
        let compressedSize: Int64
    }

    /// Decompresses everything into the pipe and finishes it, whatever happens.
    func run() -> Result<Outcome, any Error> {
        let result = Result { try decompress() }
        switch result {
        case .success: pipe.finish()
        case .failure(let error): pipe.finish(error)
        }
        return result
    }

    private func decompress() throws -> Outcome {
        let source = BlobSource(descriptor: descriptor, progress: progress)
        guard let archive = archive_read_new() else {
            throw ImageError(.storeFailed, "archive_read_new(3): out of memory")
        }
        defer { archive_read_free(archive) }
        // Only what is decompressed inside this process; "all" would start programs for exotic formats.
        archive_read_support_filter_gzip(archive)
        archive_read_support_filter_zstd(archive)
        archive_read_support_filter_xz(archive)
        archive_read_support_filter_bzip2(archive)
        archive_read_support_format_raw(archive)
        archive_read_support_format_empty(archive)
        let opened = archive_read_open(archive, Unmanaged.passUnretained(source).toOpaque(), nil, readBlob, nil)
        var entry: OpaquePointer?
        guard opened == ARCHIVE_OK else { throw failure(archive, source) }
        let first = archive_read_next_header(archive, &entry)
        if first == ARCHIVE_OK {
            try copy(archive, source)
        } else if first != ARCHIVE_EOF {
            throw failure(archive, source)
        }
        try source.drain()
        return Outcome(digest: source.hasher.finish(), compressedSize: source.total)
    }

    private func copy(_ archive: OpaquePointer, _ source: BlobSource) throws {
        var written: Int64 = 0
        while var chunk = pipe.takeEmpty() {
            try flag.check()
            while chunk.count < chunk.memory.count {
                let n = archive_read_data(
                    archive, chunk.memory.baseAddress! + chunk.count, chunk.memory.count - chunk.count)
                guard n >= 0 else { throw failure(archive, source) }
                if n == 0 { break }
                chunk.count += n
            }
            written += Int64(chunk.count)
            try check(written, source.total)
            let isLast = chunk.count < chunk.memory.count
            pipe.putFull(chunk)
            if isLast { return }
        }
        throw CancellationError()  // the reader has failed; its error counts
    }

    private func check(_ written: Int64, _ read: Int64) throws {
        if written > limits.bytes { throw LayerError(.tooLarge, "the layer is larger than \(ByteCount(limits.bytes))") }
        if written > 1 << 30, written / max(1, limits.ratio) > read {
            throw LayerError(.tooLarge, "the layer grows more than \(limits.ratio)-fold when decompressed")
        }
    }

    private func failure(_ archive: OpaquePointer, _ source: BlobSource) -> any Error {
        source.failure ?? ArchiveFailure.error(archive)
    }
}

/// Feeds a file to libarchive in large pieces and hashes them.
private final class BlobSource {
    let descriptor: CInt
    let progress: (@Sendable (Int64) -> Void)?
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 4096)
    var hasher = DigestHasher()
    var total: Int64 = 0
    var reported: Int64 = 0
    var failure: (any Error)?

    init(descriptor: CInt, progress: (@Sendable (Int64) -> Void)?) {
        self.descriptor = descriptor
        self.progress = progress
    }

    deinit { buffer.deallocate() }

    /// Reads and hashes a piece; -1 after a failure.
    func next() -> Int {
        var n = read(descriptor, buffer.baseAddress!, buffer.count)
        while n < 0, errno == EINTR { n = read(descriptor, buffer.baseAddress!, buffer.count) }
        guard n >= 0 else {
            failure = ImageError(.storeFailed, "read(2) of a layer: \(String(cString: strerror(errno)).lowercased())")
            return -1
        }
        hasher.update(UnsafeRawBufferPointer(rebasing: buffer[..<n]))
        total += Int64(n)
        if total - reported >= 1 << 20 || n == 0 && reported < total {
            reported = total
            progress?(total)
        }
        return n
    }

    /// Hashes what follows the end of the compressed stream.
    func drain() throws {
        while next() > 0 {}
        if let failure { throw failure }
    }
}

private func readBlob(
    _: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    let source = Unmanaged<BlobSource>.fromOpaque(context!).takeUnretainedValue()
    out?.pointee = UnsafeRawPointer(source.buffer.baseAddress)
    return source.next()
}

/// Turns libarchive's failures into errors.
enum ArchiveFailure {
    static func error(_ archive: OpaquePointer) -> LayerError {
        let text = archive_error_string(archive).map { String(cString: $0) } ?? "damaged archive"
        let isShort = text.lowercased().contains("truncated")
        return LayerError(isShort ? .truncated : .malformed, "the archive cannot be read: \(text.lowercased())")
    }
}
