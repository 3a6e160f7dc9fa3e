/// One active function. Records form a chain that stays when functions return, to be used again.
struct FrameRecord {
    unowned(unsafe) var function: FunctionObject
    /// The word after the one being executed.
    var next: UnsafeMutablePointer<Instruction>
    var base: UnsafeMutablePointer<Value>
    /// Where the result goes: the register of the callee in the calling frame.
    var returnTo: UnsafeMutablePointer<Value>
    /// What is released on return: arguments, then registers.
    var clearFrom: UnsafeMutablePointer<Value>
    var end: UnsafeMutablePointer<Value>
    /// The native function being called, for backtraces.
    var native: Unmanaged<BuiltinObject>?
    var chunk: Int
    var outer: UnsafeMutablePointer<FrameRecord>?
    var inner: UnsafeMutablePointer<FrameRecord>?
}

/// The stacks of an evaluation: registers in chunks that never move, and frames.
///
/// A frame's registers lie in one chunk, beginning at the arguments where the caller put them. All slots are
/// initialised at all times; those not in use are `unbound` or hold leftovers of finished expressions.
struct MachineStack: ~Copyable {
    private struct Chunk {
        let start: UnsafeMutablePointer<Value>
        let end: UnsafeMutablePointer<Value>
    }
    private var chunks: [Chunk] = []
    private(set) var chunk = 0
    /// The end of the registers in use.
    var top: UnsafeMutablePointer<Value>
    private(set) var limit: UnsafeMutablePointer<Value>

    /// The innermost active function; below all lies a record of none.
    private(set) var frame: UnsafeMutablePointer<FrameRecord>
    private let root: UnsafeMutablePointer<FrameRecord>
    private var frameBlocks: [UnsafeMutablePointer<FrameRecord>] = []
    private(set) var depth = 0

    init() {
        let size = 512
        let start = UnsafeMutablePointer<Value>.allocate(capacity: size)
        start.initialize(repeating: .unbound, count: size)
        top = start
        limit = start + size
        chunks.append(Chunk(start: start, end: start + size))
        root = UnsafeMutablePointer.allocate(capacity: 1)
        frame = root
        // The root has no function: only its links and `native` are used.
        UnsafeMutableRawPointer(root).initializeMemory(
            as: UInt8.self, repeating: 0, count: MemoryLayout<FrameRecord>.stride)
    }

    deinit {
        for chunk in chunks {
            chunk.start.deinitialize(count: chunk.end - chunk.start)
            chunk.start.deallocate()
        }
        for block in frameBlocks { block.deallocate() }
        root.deallocate()
    }

    /// Makes the next chunk current; it has room for `count` registers. Returns its start.
    @inline(never) mutating func enterNextChunk(_ count: Int) -> UnsafeMutablePointer<Value> {
        let next = chunk + 1
        if next < chunks.count, chunks[next].end - chunks[next].start < count {
            // Too small: replace it and all beyond, none of which is in use.
            for unused in chunks[next...] {
                unused.start.deinitialize(count: unused.end - unused.start)
                unused.start.deallocate()
            }
            chunks.removeSubrange(next...)
        }
        if next == chunks.count {
            let size = max(count, min(8192 << next, 1 << 20))
            let start = UnsafeMutablePointer<Value>.allocate(capacity: size)
            start.initialize(repeating: .unbound, count: size)
            chunks.append(Chunk(start: start, end: start + size))
        }
        chunk = next
        limit = chunks[next].end
        return chunks[next].start
    }

    @inline(__always) mutating func returnToChunk(_ number: Int) {
        if number != chunk {
            chunk = number
            limit = chunks[number].end
        }
    }

    /// Makes a record for one more function the innermost; the caller fills it in.
    @inline(__always) mutating func pushFrame() -> UnsafeMutablePointer<FrameRecord> {
        if let next = frame.pointee.inner {
            frame = next
        } else {
            addFrames()
        }
        depth &+= 1
        return frame
    }

    @inline(__always) mutating func popFrame() {
        frame = frame.pointee.outer.unsafelyUnwrapped
        depth &-= 1
    }

    /// Adds a block of records to the chain; the first of them becomes the innermost.
    @inline(never) private mutating func addFrames() {
        let count = 16 << min(frameBlocks.count, 6)
        let block = UnsafeMutablePointer<FrameRecord>.allocate(capacity: count)
        UnsafeMutableRawPointer(block).initializeMemory(
            as: UInt8.self, repeating: 0, count: count * MemoryLayout<FrameRecord>.stride)
        frameBlocks.append(block)
        for index in 0..<count {
            block[index].outer = index == 0 ? frame : block + (index - 1)
            block[index].inner = index == count - 1 ? nil : block + (index + 1)
        }
        frame.pointee.inner = block
        frame = block
    }

    /// The active functions, innermost first.
    func forEachFrame(_ body: (UnsafeMutablePointer<FrameRecord>) -> Void) {
        var current = frame
        while current != root {
            body(current)
            current = current.pointee.outer.unsafelyUnwrapped
        }
    }
}
