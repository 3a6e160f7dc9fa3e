/// A place in a source file. Lines and columns count from 1; columns count code points.
public struct Position: Sendable, Hashable, CustomStringConvertible {
    /// The name under which the program was compiled.
    public let file: String
    /// The line, from 1.
    public let line: Int
    /// The column in code points, from 1.
    public let column: Int

    /// Creates a position.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// `file:line:column`
    public var description: String { "\(file):\(line):\(column)" }
}

/// One complaint of the scanner, parser or resolver.
public struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
    /// The phase that complained.
    public enum Phase: Sendable, Hashable {
        case syntax, resolve
    }
    /// Where.
    public let position: Position
    /// What, without the position.
    public let message: String
    /// The phase that complained.
    public let phase: Phase

    /// Creates a diagnostic.
    public init(position: Position, message: String, phase: Phase) {
        self.position = position
        self.message = message
        self.phase = phase
    }

    /// `file:line:column: message`
    public var description: String { "\(position): \(message)" }
}

/// A source text that is not a valid program. Thrown before anything of it has run.
public struct StarlarkSyntaxError: Error, Sendable, CustomStringConvertible {
    /// What is wrong, in source order: the first mistake of scanner or parser, or all of the
    /// resolver's; from ``SourceAnalysis`` all of both. More than 100 end with `too many errors`.
    public let diagnostics: [Diagnostic]

    /// Creates an error of at least one diagnostic.
    public init(diagnostics: [Diagnostic]) {
        self.diagnostics = diagnostics
    }

    /// One line per diagnostic.
    public var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}
