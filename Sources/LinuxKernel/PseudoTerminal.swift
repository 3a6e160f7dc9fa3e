internal import CLinux
internal import Core

/// A terminal that this process plays for a child: ours is asynchronous, theirs is closed once the child has a copy.
package struct PseudoTerminal: ~Copyable, Sendable {
    /// The side this process keeps.
    package let ours: AsyncDescriptor
    /// The terminal the child gets.
    package let theirs: OwnedDescriptor

    /// A new terminal; the size is that of the system's default unless ``AsyncDescriptor/resizeTerminal(columns:rows:)``
    /// sets one.
    package init() throws {
        var peer: CInt = -1
        let raw = clx_terminal_open(&peer)
        guard raw >= 0 else { throw KernelError(call: "ioctl", errorNumber: -raw, subject: "/dev/ptmx") }
        theirs = OwnedDescriptor(adopting: peer)
        ours = AsyncDescriptor(adopting: OwnedDescriptor(adopting: raw))
    }
}
