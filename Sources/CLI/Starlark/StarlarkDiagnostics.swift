internal import Core
internal import Starlark

/// How mistakes in programs are shown.
enum StarlarkDiagnostics {
    /// `file:line:col: message`, the line of the source, and a caret below the column.
    static func lines(_ diagnostic: Diagnostic, source: String) -> [String] {
        let position = diagnostic.position
        guard let line = sourceLine(position.line, of: source) else { return ["\(diagnostic)"] }
        let number = String(position.line)
        let margin = String(repeating: " ", count: number.count)
        let before = line.unicodeScalars.prefix(position.column - 1)
        // Tabs stay, so that the caret stands where the terminal shows the column.
        let indent = String(String.UnicodeScalarView(before.map { $0 == "\t" ? $0 : " " }))
        return ["\(diagnostic)", " \(number) | \(line)", " \(margin) | \(indent)^"]
    }

    /// All diagnostics of an error.
    static func lines(_ error: StarlarkSyntaxError, source: String) -> [String] {
        error.diagnostics.flatMap { lines($0, source: source) }
    }

    /// The traceback, and those of errors that were passed on by `load` or host code.
    static func lines(_ error: EvaluationError) -> [String] {
        var lines = error.description.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        if let cause = error.cause as? EvaluationError {
            lines += ["", "Caused by:"] + Self.lines(cause)
        } else if let cause = error.cause as? StarlarkSyntaxError, cause.diagnostics.count > 1 {
            lines += ["", "Caused by:"] + cause.diagnostics.map(\.description)
        }
        return lines
    }

    /// Any failure of a program; nil for one that is not the program's.
    static func report(of error: any Error, source: String) -> [String]? {
        switch error {
        case let error as StarlarkSyntaxError: return lines(error, source: source)
        case let error as EvaluationError: return lines(error)
        default: return nil
        }
    }

    /// A line of a text, from 1; CRLF and lone CR end lines too.
    private static func sourceLine(_ number: Int, of text: String) -> String? {
        var line = 1
        var current = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            defer { previous = scalar }
            if scalar == "\n", previous == "\r" { continue }
            if scalar == "\n" || scalar == "\r" {
                if line == number { return String(current) }
                line += 1
                if line > number { return nil }
            } else if line == number {
                current.append(scalar)
            }
        }
        return line == number ? String(current) : nil
    }
}
