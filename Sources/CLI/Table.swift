/// Text in aligned columns, two spaces apart; the last column is not padded.
package struct Table: Sendable {
    /// The column titles.
    package let header: [String]
    /// The cells, row by row.
    package var rows: [[String]] = []

    /// A table without rows.
    package init(_ header: String...) { self.header = header }

    /// The lines, with the header first.
    package var lines: [String] {
        let all = [header] + rows.map { $0.map(Self.singleLine) }
        let widths = header.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < row.count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Control characters would break the alignment, or worse the terminal.
    private static func singleLine(_ cell: String) -> String {
        guard cell.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) else { return cell }
        return String(String.UnicodeScalarView(cell.unicodeScalars.map { $0.value < 32 || $0.value == 127 ? " " : $0 }))
    }
}
