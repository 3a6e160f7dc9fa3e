/// One active function.
struct FrameRecord {
    unowned(unsafe) var function: FunctionObject
    /// The word after the one being executed.
    var pc: Int
    var base: UnsafeMutablePointer<Value>
    /// Where the result goes: the register of the callee in the calling frame.
    var returnTo: UnsafeMutablePointer<Value>
    /// What is released on return begins here: arguments, then registers.
    var clearFrom: UnsafeMutablePointer<Value>
    // Of the function, to return to this frame without following references.
    var words: UnsafeMutablePointer<Instruction>
    var constants: UnsafeMutablePointer<Value>
    var globals: UnsafeMutablePointer<Value>
    var callSites: UnsafePointer<CallSite>
    var attributeSites: UnsafePointer<AttributeSite>
    var end: UnsafeMutablePointer<Value>
    /// The native function being called, for backtraces.
    var native: Unmanaged<BuiltinObject>?
    var chunk: Int

    @inline(__always)
    init(
        _ function: FunctionObject, base: UnsafeMutablePointer<Value>, returnTo: UnsafeMutablePointer<Value>,
        clearFrom: UnsafeMutablePointer<Value>, chunk: Int
    ) {
        self.function = function
        pc = 0
        self.base = base
        self.returnTo = returnTo
        self.clearFrom = clearFrom
        words = function.words
        constants = function.constants
        globals = function.globals
        callSites = function.callSites
        attributeSites = function.attributeSites
        end = base + function.frameSize
        native = nil
        self.chunk = chunk
    }
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

    private(set) var frames: UnsafeMutablePointer<FrameRecord>
    private var frameCapacity = 16
    private(set) var depth = 0

    init() {
        let size = 512
        let start = UnsafeMutablePointer<Value>.allocate(capacity: size)
        start.initialize(repeating: .unbound, count: size)
        top = start
        limit = start + size
        chunks.append(Chunk(start: start, end: start + size))
        frames = UnsafeMutablePointer.allocate(capacity: frameCapacity)
    }

    deinit {
        for chunk in chunks {
            chunk.start.deinitialize(count: chunk.end - chunk.start)
            chunk.start.deallocate()
        }
        frames.deallocate()
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

    @inline(__always) mutating func pushFrame(_ frame: FrameRecord) {
        if depth == frameCapacity { growFrames() }
        (frames + depth).initialize(to: frame)
        depth &+= 1
    }

    @inline(__always) mutating func popFrame() { depth &-= 1 }

    @inline(never) private mutating func growFrames() {
        let moved = UnsafeMutablePointer<FrameRecord>.allocate(capacity: frameCapacity * 2)
        moved.moveInitialize(from: frames, count: depth)
        frames.deallocate()
        frames = moved
        frameCapacity *= 2
    }
}
