internal import CLinux

/// The memory of this process.
package enum ResidentMemory {
    /// Gives back what only a burst of work needed: unused heap, and pages of the program that are mapped again from its
    /// file when they are needed. Takes some milliseconds; harmless at any time.
    package static func release() { clx_memory_release() }
}
