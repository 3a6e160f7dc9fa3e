internal import Starlark

/// Collects the lines typed at a prompt until they make up an input.
///
///     fresh ──line──▶ run                         (complete)
///     fresh ──line──▶ open ──lines──▶ run         (brackets, blocks, triple quotes)
///     open  ──interrupt──▶ fresh;  open ──end──▶ run;  fresh ──end──▶ quit
struct PromptInput {
    /// What the prompt does next.
    enum Action: Equatable {
        /// Asks for a line.
        case ask
        /// Runs an input.
        case run(String)
        case quit
    }

    private var lines: [String] = []

    /// What stands in front of the next line.
    var prompt: String { lines.isEmpty ? ">>> " : "... " }

    mutating func line(_ text: String) -> Action {
        if lines.isEmpty, text.allSatisfy(\.isWhitespace) { return .ask }
        lines.append(text)
        let input = lines.joined(separator: "\n")
        guard InteractiveInput.isComplete(input) else { return .ask }
        lines = []
        return .run(input)
    }

    /// Ctrl-C: forgets the lines.
    mutating func interrupt() -> Action {
        lines = []
        return .ask
    }

    /// Ctrl-D: runs what is there, or ends.
    mutating func end() -> Action {
        guard !lines.isEmpty else { return .quit }
        let input = lines.joined(separator: "\n")
        lines = []
        return .run(input)
    }
}
