#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// A bound on native recursion, measured instead of guessed: frames differ between debug and release builds, and threads
/// of Swift's pools may have as little as 512 KiB where the main thread has 8 MiB.
struct NativeStack {
    /// What a part says that gives up for lack of native stack.
    static let complaint = "nesting too deep"
    /// Bytes that recursion leaves for what it calls; less on a small stack.
    private static let reserve: UInt = 160 << 10
    /// What a thread is taken to have when the system does not tell.
    private static let unknownSize: UInt = 448 << 10

    private let limit: UInt

    /// Measures the stack of the current thread.
    init() {
        if let bounds = NativeStack.bounds {
            limit = bounds.lowest + min(NativeStack.reserve, bounds.size / 3)
        } else {
            let here = NativeStack.address()
            limit = here - min(here, NativeStack.unknownSize - NativeStack.reserve)
        }
    }

    /// True when recursion must go no deeper.
    @inline(__always) var isExhausted: Bool { NativeStack.address() < limit }

    /// Bytes that recursion may still use.
    var remaining: Int {
        let here = NativeStack.address()
        return here > limit ? Int(here - limit) : 0
    }

    @inline(never)
    private static func address() -> UInt {
        var marker: UInt8 = 0
        return withUnsafeMutablePointer(to: &marker) { UInt(bitPattern: $0) }
    }
}

// MARK: Bounds

extension NativeStack {
    private final class Bounds {
        let lowest: UInt
        let size: UInt
        init(lowest: UInt, size: UInt) {
            self.lowest = lowest
            self.size = size
        }
    }

    /// Asking the system takes a while on a main thread: once per thread is enough. Nil without such keys.
    private static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let status = pthread_key_create(&key) { bounds in
            #if canImport(Darwin)
                Unmanaged<Bounds>.fromOpaque(bounds).release()
            #else
                if let bounds { Unmanaged<Bounds>.fromOpaque(bounds).release() }
            #endif
        }
        return status == 0 ? key : nil
    }()

    /// The bounds of the current thread's stack; nil when the system does not tell.
    private static var bounds: Bounds? {
        guard let key else { return nil }
        if let known = pthread_getspecific(key) { return Unmanaged<Bounds>.fromOpaque(known).takeUnretainedValue() }
        guard let measured = measure() else { return nil }
        let kept = Unmanaged.passRetained(measured)
        if pthread_setspecific(key, kept.toOpaque()) != 0 { kept.release() }
        return measured
    }

    #if !canImport(Darwin)
        private typealias GetAttributes = @convention(c) (pthread_t, UnsafeMutablePointer<pthread_attr_t>) -> CInt

        /// `pthread_getattr_np`, which the headers show only to programs of GNU's kind.
        private static let getAttributes: GetAttributes? = dlsym(nil, "pthread_getattr_np").map {
            unsafeBitCast($0, to: GetAttributes.self)
        }
    #endif

    private static func measure() -> Bounds? {
        #if canImport(Darwin)
            let top = UInt(bitPattern: pthread_get_stackaddr_np(pthread_self()))
            let size = UInt(pthread_get_stacksize_np(pthread_self()))
            return size > 0 ? Bounds(lowest: top - size, size: size) : nil
        #else
            var attributes = pthread_attr_t()
            guard let getAttributes, getAttributes(pthread_self(), &attributes) == 0 else { return nil }
            defer { pthread_attr_destroy(&attributes) }
            var lowest: UnsafeMutableRawPointer?
            var size = 0
            guard pthread_attr_getstack(&attributes, &lowest, &size) == 0, let lowest, size > 0 else { return nil }
            return Bounds(lowest: UInt(bitPattern: lowest), size: UInt(size))
        #endif
    }
}

// MARK: Room

extension NativeStack {
    /// Enough for `Parser.maximumNesting` levels in a debug build; only what is used costs memory.
    private static let largeSize = 64 << 20

    /// Runs `work`, and once more on a thread with a large stack when it complained about the stack it had.
    static func withRoom<T>(
        _ work: () -> Result<T, StarlarkSyntaxError>
    ) throws(StarlarkSyntaxError) -> T {
        let first = work()
        guard case .failure(let error) = first, error.diagnostics.contains(where: { $0.message == complaint }) else {
            return try first.get()
        }
        return try (onLargeStack(work) ?? first).get()
    }

    /// Runs `work` on a thread of its own and waits for it. Nil when there is no thread to be had.
    private static func onLargeStack<T>(_ work: () -> T) -> T? {
        var attributes = pthread_attr_t()
        guard pthread_attr_init(&attributes) == 0 else { return nil }
        defer { pthread_attr_destroy(&attributes) }
        guard pthread_attr_setstacksize(&attributes, largeSize) == 0 else { return nil }
        var result: T?
        return withoutActuallyEscaping({ result = work() }) { (body: @escaping () -> Void) -> T? in
            let box = Unmanaged.passRetained(Work(body))
            defer { box.release() }
            #if canImport(Darwin)
                var thread: pthread_t?
            #else
                var thread = pthread_t()
            #endif
            let status = pthread_create(&thread, &attributes, threadMain, box.toOpaque())
            guard status == 0 else { return nil }
            #if canImport(Darwin)
                if let thread { pthread_join(thread, nil) }
            #else
                pthread_join(thread, nil)
            #endif
            box.takeUnretainedValue().body = nil
            return result
        }
    }

    private final class Work {
        var body: (() -> Void)?
        init(_ body: @escaping () -> Void) { self.body = body }
    }

    #if canImport(Darwin)
        private static let threadMain: @convention(c) (UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? = { box in
            Unmanaged<Work>.fromOpaque(box).takeUnretainedValue().body?()
            return nil
        }
    #else
        private static let threadMain: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { box in
            if let box { Unmanaged<Work>.fromOpaque(box).takeUnretainedValue().body?() }
            return nil
        }
    #endif
}
