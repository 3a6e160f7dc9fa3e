internal import NIOCore

/// Appends bytes to memory that has been made large enough beforehand.
struct HeadWriter {
    private let memory: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    @inline(__always)
    mutating func write(_ bytes: Bytes) {
        precondition(count + bytes.count <= memory.count, "the head was announced shorter than it is")
        guard let source = bytes.baseAddress, let target = memory.baseAddress else { return }
        (target + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    @inline(__always)
    mutating func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { write($0) }
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(Bytes(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func write(byte: UInt8) {
        precondition(count < memory.count, "the head was announced shorter than it is")
        memory[count] = byte
        count += 1
    }
}

/// Copies the field lines that are kept, neighbours together.
struct LineRuns {
    private let bytes: Bytes
    private var start = 0
    private var end = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    /// Keeps a line.
    @inline(__always)
    mutating func keep(_ line: ByteRange, _ writer: inout HeadWriter) {
        if Int(line.start) != end {
            flush(&writer)
            start = Int(line.start)
        }
        end = Int(line.end)
    }

    /// Writes what was kept and not yet written.
    @inline(__always)
    mutating func flush(_ writer: inout HeadWriter) {
        if end > start { writer.write(Bytes(rebasing: bytes[start..<end])) }
        start = end
    }
}

extension ByteBuffer {
    /// Empties the buffer and fills it through a ``HeadWriter`` with room for `capacity` bytes.
    @inline(__always)
    mutating func rewrite(capacity: Int, _ body: (inout HeadWriter) -> Void) {
        clear(minimumCapacity: capacity)
        writeWithUnsafeMutableBytes(minimumWritableBytes: capacity) { memory in
            var writer = HeadWriter(memory)
            body(&writer)
            return writer.count
        }
    }
}
