internal import Glibc

/// A file descriptor with exactly one owner; closed when it goes out of scope.
package struct OwnedDescriptor: ~Copyable, Sendable {
    package let rawValue: CInt

    /// Takes ownership of an open descriptor.
    package init(adopting rawValue: CInt) { self.rawValue = rawValue }

    /// Gives the descriptor away; the receiver must close it.
    package consuming func release() -> CInt {
        let value = rawValue
        discard self
        return value
    }

    deinit { _ = close(rawValue) }
}
