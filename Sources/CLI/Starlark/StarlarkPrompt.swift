internal import Core
internal import Glibc
internal import Starlark
internal import Wire

/// The prompt of `martlet starlark` on a terminal.
enum StarlarkPrompt {
    /// Reads and runs inputs until Ctrl-D.
    static func run(dialect: Dialect?) async throws {
        let target = InterruptTarget()
        try await target.whileWatching(endsWhenIdle: false) {
            try await StarlarkHost.perform {
                Console.note("Starlark, martlet \(ProductVersion.current). Ctrl-D ends, Ctrl-C interrupts.")
                loop(PromptEvaluator(dialect: dialect, print: { Console.print($0) }), target)
            }
        }
    }

    private static func loop(_ evaluator: PromptEvaluator, _ target: InterruptTarget) {
        var input = PromptInput()
        var history = PromptHistory(path: PromptHistory.defaultPath())
        var decoder = KeyDecoder()
        while true {
            let action: PromptInput.Action
            switch readLine(input.prompt, history.lines, &decoder) {
            case .entered(let line):
                history.add(line)
                action = input.line(line)
            case .interrupted: action = input.interrupt()
            case .ended, .editing, .clearScreen: action = input.end()
            }
            switch action {
            case .ask: continue
            case .quit: return
            case .run(let text): show(evaluator.evaluate(text, interrupts: target))
            }
        }
    }

    private static func show(_ answer: PromptEvaluator.Answer) {
        switch answer {
        case .nothing: break
        case .value(let text): Console.print(text)
        case .failure(let lines): for line in lines { Console.note(line) }
        }
    }

    /// Reads a line in raw mode, so that the terminal is as usual while a program runs.
    private static func readLine(
        _ prompt: String, _ history: [String], _ decoder: inout KeyDecoder
    ) -> LineEditor.Outcome {
        Terminal.whileRaw {
            var editor = LineEditor(history: history)
            var outcome = LineEditor.Outcome.editing
            while true {
                let columns = Terminal.size.map { Int($0.columns) } ?? 80
                Console.write(Array(editor.drawing(prompt: prompt, columns: columns).utf8), to: 1)
                guard let byte = readByte() else {
                    outcome = .ended
                    break
                }
                guard let key = decoder.key(byte) else { continue }
                outcome = editor.handle(key)
                if outcome == .clearScreen {
                    Console.write(Array("\u{1B}[H\u{1B}[2J".utf8), to: 1)
                } else if outcome != .editing {
                    break
                }
            }
            Console.write(Array((outcome == .interrupted ? "^C\r\n" : "\r\n").utf8), to: 1)
            return outcome
        }
    }

    private static func readByte() -> UInt8? {
        var byte: UInt8 = 0
        while true {
            let count = read(0, &byte, 1)
            if count == 1 { return byte }
            if count == 0 || errno != EINTR { return nil }
        }
    }
}
