internal import Core

/// The time of day.
enum Clock {
    /// Milliseconds since 1970.
    static var now: Int64 { SystemTimeSource().milliseconds }
}
