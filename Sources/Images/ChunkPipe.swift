internal import Glibc

/// A bounded pipe of large byte buffers between two threads.
///
/// Buffers are made once and go round: the writer fills what the reader has given back, so that an endless stream needs
/// no further memory and neither side can run ahead of the other for long.
///
/// Safety of `@unchecked Sendable`: every property that changes is touched under `mutex` only; the memory of a buffer
/// belongs to the side that took it until that side hands it on.
final class ChunkPipe: @unchecked Sendable {
    struct Chunk {
        let memory: UnsafeMutableRawBufferPointer
        var count = 0
    }

    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let buffers: [UnsafeMutableRawBufferPointer]
    private var empty: [Chunk]
    private var full: [Chunk] = []
    private var isFinished = false
    private var isAbandoned = false
    private var failure: (any Error)?

    init(chunkSize: Int = 512 << 10, chunks: Int = 6) {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
        buffers = (0..<chunks).map { _ in .allocate(byteCount: chunkSize, alignment: 4096) }
        empty = buffers.map { Chunk(memory: $0) }
    }

    deinit {
        pthread_mutex_destroy(mutex)
        pthread_cond_destroy(changed)
        mutex.deallocate()
        changed.deallocate()
        buffers.forEach { $0.deallocate() }
    }

    // MARK: Writer

    /// A buffer to fill; nil when the reader has gone away.
    func takeEmpty() -> Chunk? {
        locked {
            while empty.isEmpty, !isAbandoned { pthread_cond_wait(changed, mutex) }
            return isAbandoned ? nil : empty.popLast()
        }
    }

    /// Hands a filled buffer to the reader.
    func putFull(_ chunk: Chunk) {
        locked {
            full.append(chunk)
            pthread_cond_broadcast(changed)
        }
    }

    /// Ends the stream; with an error the reader gets it after what was written before.
    func finish(_ error: (any Error)? = nil) {
        locked {
            isFinished = true
            failure = error
            pthread_cond_broadcast(changed)
        }
    }

    // MARK: Reader

    /// The next filled buffer; nil at the end.
    func takeFull() throws -> Chunk? {
        try locked {
            while full.isEmpty, !isFinished { pthread_cond_wait(changed, mutex) }
            if !full.isEmpty { return full.removeFirst() }
            if let failure { throw failure }
            return nil
        }
    }

    /// Gives a buffer back.
    func putEmpty(_ chunk: Chunk) {
        locked {
            empty.append(Chunk(memory: chunk.memory))
            pthread_cond_broadcast(changed)
        }
    }

    /// Tells the writer that nobody reads any more.
    func abandon() {
        locked {
            isAbandoned = true
            pthread_cond_broadcast(changed)
        }
    }

    private func locked<Value>(_ body: () throws -> Value) rethrows -> Value {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}
