internal import Core
internal import Wire

/// What the progress of a job looks like: bars on a terminal, plain lines elsewhere.
struct ProgressRenderer {
    /// A part of the screen: lines that stay and lines that are drawn again.
    struct Update: Equatable {
        var permanent: [String] = []
        var live: [String] = []
    }

    let isTerminal: Bool
    let columns: Int
    private var step: String?
    private var items: [(name: String, done: Int64, total: Int64?)] = []
    private var reported: Set<String> = []

    init(isTerminal: Bool, columns: Int) {
        self.isTerminal = isTerminal
        self.columns = columns
    }

    mutating func apply(_ event: JobEventInfo) -> Update {
        var update = Update()
        if let name = event.step {
            if isTerminal, let step { update.permanent = ["\(step): done"] }
            step = name
            items = []
            if !isTerminal { update.permanent.append(name) }
        } else if let bytes = event.bytes {
            if let index = items.firstIndex(where: { $0.name == bytes.item }) {
                items[index] = (bytes.item, bytes.done, bytes.total)
            } else {
                items.append((bytes.item, bytes.done, bytes.total))
            }
            if !isTerminal, bytes.done == bytes.total, reported.insert(bytes.item).inserted {
                update.permanent = ["\(bytes.item): \(Formats.bytes(bytes.done))"]
            }
        } else if let line = event.log {
            update.permanent = [line]
        }
        if isTerminal { update.live = liveLines }
        return update
    }

    /// The lines to leave when the job is over.
    func finish() -> Update {
        guard isTerminal, let step else { return Update() }
        return Update(permanent: ["\(step): done"])
    }

    private var liveLines: [String] {
        var lines = items.suffix(8).map(bar)
        if let step { lines.insert("\(step) …", at: 0) }
        return lines
    }

    private func bar(_ item: (name: String, done: Int64, total: Int64?)) -> String {
        let name = String(item.name.prefix(20))
        let label = "  " + name + String(repeating: " ", count: 20 - name.count)
        guard let total = item.total, total > 0 else { return "\(label) \(Formats.bytes(item.done))" }
        let amount = "\(Formats.bytes(min(item.done, total))) / \(Formats.bytes(total))"
        let width = max(8, min(40, columns - 50))
        let filled = Int(Double(width) * min(1, max(0, Double(item.done) / Double(total))))
        return
            "\(label) [\(String(repeating: "#", count: filled))\(String(repeating: ".", count: width - filled))] \(amount)"
    }
}

/// Draws progress on standard error.
final class ProgressDisplay {
    private var renderer = ProgressRenderer(isTerminal: Console.errorIsTerminal, columns: Console.columns)
    private var drawn = 0

    func show(_ event: JobEventInfo) { draw(renderer.apply(event)) }

    func finish() { draw(renderer.finish()) }

    private func draw(_ update: ProgressRenderer.Update) {
        guard renderer.isTerminal else {
            for line in update.permanent { Console.note(line) }
            return
        }
        var text = drawn > 0 ? "\u{1B}[\(drawn)A\u{1B}[J" : ""
        for line in update.permanent + update.live { text += line.prefix(renderer.columns - 1) + "\n" }
        drawn = update.live.count
        Console.write(Array(text.utf8), to: 2)
    }
}

/// Whether and how progress is shown.
func withProgress<Result>(
    quiet: Bool, _ body: (_ onEvent: @escaping (JobEventInfo) -> Void) async throws -> Result
) async throws -> Result {
    let display = ProgressDisplay()
    let result = try await body { if !quiet { display.show($0) } }
    if !quiet { display.finish() }
    return result
}
