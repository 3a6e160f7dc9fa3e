/// The suggestion in "did you mean".
enum NearestName {
    /// The candidate with the smallest edit distance to `text`, when it is small in relation to its length.
    static func of(_ text: String, among candidates: [String]) -> String? {
        let limit = max(1, text.utf8.count / 3)
        guard text.utf8.count <= 128 else { return nil }
        let scored = candidates.map { ($0, distance(Array(text.utf8), Array($0.utf8))) }
        return scored.filter { $0.1 <= limit }.min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }

    /// Levenshtein distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (a == b ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
