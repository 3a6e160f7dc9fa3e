internal import CArchive
internal import Core
internal import Glibc
internal import OCI
internal import Synchronization

/// What a layer was found to be.
struct UnpackedLayer: Sendable, Hashable {
    /// The digest of the blob as it was stored.
    let digest: Digest
    /// Its size in bytes.
    let compressedSize: Int64
    /// The digest of the archive without compression.
    let diffID: Digest
    /// Bytes of file content.
    let contentSize: Int64
}

/// Unpacks one archive into a directory.
///
/// ```
///     thread 1:  read ─▶ hash ─▶ decompress ─▶ │ChunkPipe│ ─▶  thread 2:  hash ─▶ tar ─▶ files
/// ```
struct LayerUnpacker: Sendable {
    var limits = LayerLimits()
    var options = LayerWriter.Options()

    /// Unpacks the blob open at `blob` into the open directory `root`. Must be called from a thread without file mode
    /// creation mask; blocks until both threads are done.
    /// - Throws: ``LayerError``, ``KernelError``, `CancellationError`.
    func unpack(
        blob: CInt, into root: CInt, flag: CancellationFlag, progress: (@Sendable (Int64) -> Void)? = nil
    ) throws -> UnpackedLayer {
        let pipe = ChunkPipe()
        let decompressor = LayerDecompressor(
            descriptor: blob, limits: limits, pipe: pipe, flag: flag, progress: progress)
        let box = OutcomeBox()
        let thread = try WorkThread.start { box.set(decompressor.run()) }
        let source = PipeSource(pipe: pipe)
        let written = Result { try write(source, into: root, flag: flag) }
        if case .failure = written { pipe.abandon() }
        thread.join()
        let contentSize = try written.get()
        let read = try box.get()
        return UnpackedLayer(
            digest: read.digest, compressedSize: read.compressedSize, diffID: source.hasher.finish(),
            contentSize: contentSize)
    }

    private func write(_ source: PipeSource, into root: CInt, flag: CancellationFlag) throws -> Int64 {
        guard let archive = archive_read_new() else {
            throw ImageError(.storeFailed, "archive_read_new(3): out of memory")
        }
        defer { archive_read_free(archive) }
        archive_read_support_format_tar(archive)
        archive_read_support_format_empty(archive)
        guard archive_read_open(archive, Unmanaged.passUnretained(source).toOpaque(), nil, readPipe, nil) == ARCHIVE_OK
        else {
            throw source.failure ?? ArchiveFailure.error(archive)
        }
        let writer = LayerWriter(root: root, limits: limits, options: options, flag: flag)
        do {
            try writer.writeAll(from: archive)
            try source.drain()
        } catch {
            throw source.failure ?? error  // what the other side met is the cause
        }
        return writer.contentBytes
    }
}

/// Carries the result of the reading thread.
private final class OutcomeBox: Sendable {
    private let result = Mutex<Result<LayerDecompressor.Outcome, any Error>?>(nil)

    func set(_ value: Result<LayerDecompressor.Outcome, any Error>) { result.withLock { $0 = value } }

    func get() throws -> LayerDecompressor.Outcome {
        guard let value = result.withLock({ $0 }) else { throw CancellationError() }
        return try value.get()
    }
}

/// Feeds what comes out of the pipe to libarchive and hashes it.
private final class PipeSource {
    let pipe: ChunkPipe
    var hasher = DigestHasher()
    var failure: (any Error)?
    private var held: ChunkPipe.Chunk?

    init(pipe: ChunkPipe) { self.pipe = pipe }

    /// The next piece, valid until the next call; empty at the end, nil after a failure.
    func next() -> UnsafeRawBufferPointer? {
        if let chunk = held {
            held = nil
            pipe.putEmpty(chunk)
        }
        do {
            guard let chunk = try pipe.takeFull() else { return UnsafeRawBufferPointer(start: nil, count: 0) }
            held = chunk
            let bytes = UnsafeRawBufferPointer(rebasing: chunk.memory[..<chunk.count])
            hasher.update(bytes)
            return bytes
        } catch {
            failure = error
            return nil
        }
    }

    /// Hashes what follows the end of the archive.
    func drain() throws {
        while let bytes = next(), !bytes.isEmpty {}
        if let failure { throw failure }
    }
}

private func readPipe(
    _: OpaquePointer?, _ context: UnsafeMutableRawPointer?, _ out: UnsafeMutablePointer<UnsafeRawPointer?>?
) -> Int {
    let source = Unmanaged<PipeSource>.fromOpaque(context!).takeUnretainedValue()
    guard let bytes = source.next() else { return -1 }
    out?.pointee = bytes.baseAddress
    return bytes.count
}
