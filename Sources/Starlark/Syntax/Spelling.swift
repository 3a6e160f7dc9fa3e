/// Spelling hints.
enum Spelling {
    /// The candidate most like `name`, ignoring case and underscores, if it is within half the name's length.
    static func nearest(_ name: String, _ candidates: some Sequence<String>) -> String? {
        let wanted = fold(name)
        var best: String?
        var bestDistance = (wanted.count + 1) / 2
        for candidate in candidates {
            let distance = editDistance(wanted, fold(candidate), limit: bestDistance)
            if distance < bestDistance {
                bestDistance = distance
                best = candidate
            }
        }
        return best
    }

    private static func fold(_ text: String) -> [UInt8] {
        text.utf8.compactMap { byte in
            if byte == UInt8(ascii: "_") { return nil }
            return byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte
        }
    }

    /// The Levenshtein distance, or `limit` when it is at least that.
    private static func editDistance(_ a: [UInt8], _ b: [UInt8], limit: Int) -> Int {
        guard limit > 0, abs(a.count - b.count) < limit else { return limit }
        guard a.count <= 256, b.count <= 256 else { return limit }
        var row = Array(0...b.count)
        for (i, x) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, y) in b.enumerated() {
                let cost = min(row[j] + 1, row[j + 1] + 1, diagonal + (x == y ? 0 : 1))
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[b.count]
    }

    /// ` (did you mean x?)` or nothing.
    static func hint(_ name: String, _ candidates: some Sequence<String>, prefix: String = "") -> String {
        nearest(name, candidates).map { " (did you mean \(prefix)\($0)?)" } ?? ""
    }
}
