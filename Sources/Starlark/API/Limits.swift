internal import Synchronization

/// What one evaluation may use up. Reaching a limit ends it with ``EvaluationError/Kind/limitExceeded``.
public struct Limits: Sendable, Hashable {
    /// Work in units of about one instruction; native operations are charged by what they do. Nil: unlimited.
    public var steps: Int?
    /// Bytes that may be allocated over the evaluation's life, counting those already freed. Nil: unlimited.
    public var allocatedBytes: Int?
    /// Starlark functions that may be active at once.
    public var callDepth: Int
    /// Levels of calls that pass through native code (`sorted` with a key, host callbacks, loads).
    public var nativeDepth: Int
    /// Magnitude of integers.
    public var integerBits: Int
    /// Levels of nesting that `==` and `<` look into.
    public var comparisonDepth: Int

    /// Creates limits; those left out are as in ``default``.
    public init(
        steps: Int? = nil, allocatedBytes: Int? = 4 << 30, callDepth: Int = 100_000, nativeDepth: Int = 64,
        integerBits: Int = 1 << 18, comparisonDepth: Int = 10
    ) {
        self.steps = steps
        self.allocatedBytes = allocatedBytes
        self.callDepth = callDepth
        self.nativeDepth = nativeDepth
        self.integerBits = integerBits
        self.comparisonDepth = comparisonDepth
    }

    /// No limit on steps, 4 GiB of allocations, 100,000 calls deep.
    public static let `default` = Limits()
}

/// A handle that ends an evaluation from another thread.
public final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)
    private let text = Mutex<String?>(nil)

    init() {}

    /// Makes the evaluation fail at its next check. The first reason stays.
    public func cancel(_ reason: String = "cancelled") {
        text.withLock { if $0 == nil { $0 = reason } }
        flag.store(true, ordering: .releasing)
    }

    /// True once ``cancel(_:)`` was called. Long host functions should look at it now and then.
    public var isCancelled: Bool { flag.load(ordering: .relaxed) }

    /// The reason given, nil while not cancelled.
    public var reason: String? { text.withLock { $0 } }
}
