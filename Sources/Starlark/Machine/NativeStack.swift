/// A bound on native stack use, measured instead of guessed: frames differ between debug and release builds, and threads
/// of Swift's pools may have as little as 512 KiB.
struct NativeStack {
    /// Bytes that recursion may use from where the guard was made.
    static let budget = 320 << 10

    private let start: UInt

    /// Begins to measure here.
    init() { start = NativeStack.address() }

    /// True when recursion must go no deeper.
    @inline(__always) var isExhausted: Bool {
        let here = NativeStack.address()
        return (here > start ? here - start : start - here) > UInt(NativeStack.budget)
    }

    @inline(never)
    private static func address() -> UInt {
        var marker: UInt8 = 0
        return withUnsafeMutablePointer(to: &marker) { UInt(bitPattern: $0) }
    }
}
