internal import Core

/// How much of a job's events is kept: every step, the newest byte count of each item, the tail of the log.
struct EventRetention: Sendable {
    /// How many events are kept after a compaction.
    var limit = 2000
    /// How many more may gather before the next one.
    var slack = 200

    /// The longest text of a log line, step or item that is kept, in bytes of UTF-8.
    static let longestText = 8192

    /// `event` with its texts cut to ``longestText``.
    static func shortened(_ event: ProgressEvent) -> ProgressEvent {
        switch event {
        case .step(let text): .step(shortened(text))
        case .log(let text): .log(shortened(text))
        case .bytes(let item, let done, let total): .bytes(item: shortened(item), done: done, total: total)
        }
    }

    /// `events` without the byte counts that a newer one of the same item has overtaken.
    static func withoutOvertaken(_ events: some BidirectionalCollection<JobEvent>) -> [JobEvent] {
        var seen: Set<String> = []
        let kept = events.reversed().filter { event in
            switch event.event {
            case .bytes(let item, _, _): seen.insert(item).inserted
            case .step, .log: true
            }
        }
        return kept.reversed()
    }

    /// Brings `events` down to ``limit``; returns the sequence numbers of what was dropped.
    ///
    /// Overtaken byte counts go first, then the oldest log lines, then whatever is oldest.
    func compact(_ events: inout [JobEvent]) -> [Int] {
        let before = events
        events = Self.withoutOvertaken(events)
        var excess = events.count - limit
        if excess > 0 {
            events.removeAll { event in
                guard excess > 0, case .log = event.event else { return false }
                excess -= 1
                return true
            }
        }
        if excess > 0 { events.removeFirst(excess) }
        let kept = Set(events.map(\.sequence))
        return before.map(\.sequence).filter { !kept.contains($0) }
    }

    private static func shortened(_ text: String) -> String {
        guard text.utf8.count > longestText else { return text }
        return String(decoding: text.utf8.prefix(longestText), as: UTF8.self) + "…"
    }
}
