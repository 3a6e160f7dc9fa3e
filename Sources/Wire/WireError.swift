package import Core

/// A request or response that does not follow its contract.
package struct WireError: MartletError {
    /// Exactly what is wrong.
    package enum Code: String, Sendable {
        case malformed = "json-malformed"
        case unknownField = "field-unknown"
        case missingField = "field-missing"
        case wrongType = "field-type"
        case invalidValue = "field-invalid"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var kind: ErrorKind { .invalidArgument }
    package var stableCode: String? { code.rawValue }

    static func malformed(line: Int, column: Int, what: String) -> WireError {
        WireError(code: .malformed, message: "the JSON is malformed at line \(line), column \(column): \(what)")
    }

    static func unknownField(_ path: String, known: some Collection<String>) -> WireError {
        let key = path.split(separator: ".").last.map(String.init) ?? path
        let hint =
            if let nearest = NearestName.find(key, in: known) {
                "did you mean `\(nearest)`?"
            } else {
                "known here: \(known.sorted().joined(separator: ", "))"
            }
        return WireError(code: .unknownField, message: "the field `\(path)` is not known", hint: hint)
    }

    /// A query parameter that the route does not have.
    package static func unknownQueryParameter(_ name: String, known: [String]) -> WireError {
        let hint =
            if let nearest = NearestName.find(name, in: known) {
                "did you mean `\(nearest)`?"
            } else {
                known.isEmpty ? "there are none here" : "known here: \(known.sorted().joined(separator: ", "))"
            }
        return WireError(code: .unknownField, message: "the query parameter `\(name)` is not known", hint: hint)
    }

    static func missingField(_ path: String) -> WireError {
        WireError(code: .missingField, message: "the field `\(path)` is missing")
    }

    static func wrongType(_ path: String, expected: String, found: String) -> WireError {
        let place = path.isEmpty ? "the body" : "the field `\(path)`"
        return WireError(code: .wrongType, message: "\(place) must be \(expected), not \(found)")
    }

    static func invalidValue(_ path: String, _ rule: String) -> WireError {
        WireError(code: .invalidValue, message: "the field `\(path)` is not valid: \(rule)")
    }
}

/// Finds the name a person probably meant.
package enum NearestName {
    /// The candidate with the fewest edits from `name`, nil when none is near: at most a third of its length, and 3.
    package static func find(_ name: String, in candidates: some Collection<String>) -> String? {
        let limit = min(3, max(1, name.count / 3))
        let scored = candidates.map { (distance(name.lowercased(), $0.lowercased()), $0) }.filter { $0.0 <= limit }
        return scored.min { ($0.0, $0.1) < ($1.0, $1.1) }?.1
    }

    /// Insertions, deletions, replacements and swaps of neighbours.
    private static func distance(_ left: String, _ right: String) -> Int {
        let a = Array(left)
        let b = Array(right)
        var beforeLast: [Int] = []
        var last = Array(0...b.count)
        for i in a.indices {
            var row = [i + 1]
            for j in b.indices {
                var cost = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
                if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { cost = min(cost, beforeLast[j - 1] + 1) }
                row.append(cost)
            }
            beforeLast = last
            last = row
        }
        return last[b.count]
    }
}
