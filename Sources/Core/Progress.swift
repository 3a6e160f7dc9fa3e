/// One observation of long work, in the order in which it happened.
package enum ProgressEvent: Codable, Hashable, Sendable {
    /// A named step began; the earlier one is over.
    case step(String)
    /// `done` of `total` bytes of `item` (a layer, a file) have been moved; `total` is nil when it is not known.
    case bytes(item: String, done: ByteCount, total: ByteCount?)
    /// One line of output, without its line end.
    case log(String)
}

/// Receives progress; called from any thread, never blocks.
package typealias ProgressSink = @Sendable (ProgressEvent) -> Void
