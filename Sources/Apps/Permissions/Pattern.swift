internal import _StringProcessing

/// How texts of grants are compared: plain, `regex:` (found anywhere) or `regex^:` (the whole text).
enum Pattern {
    static let searchPrefix = "regex:"
    static let wholePrefix = "regex^:"

    /// Whether `text` equals or matches `pattern`; an empty or malformed expression matches nothing.
    static func matches(_ pattern: String, _ text: String) -> Bool {
        if pattern == text { return true }
        if pattern.hasPrefix(searchPrefix) {
            guard let regex = compiled(pattern.dropFirst(searchPrefix.count)) else { return false }
            return (try? regex.firstMatch(in: text)) != nil  // an expression that gives up does not match
        }
        if pattern.hasPrefix(wholePrefix) {
            guard let regex = compiled(pattern.dropFirst(wholePrefix.count)) else { return false }
            return (try? regex.wholeMatch(in: text)) != nil  // as above
        }
        return false
    }

    private static func compiled(_ expression: Substring) -> Regex<AnyRegexOutput>? {
        guard !expression.isEmpty else { return nil }
        return try? Regex(String(expression))  // malformed expressions match nothing
    }
}
