/// How the output of a command becomes a value.
package enum RunOutputFormat: String, Sendable, Hashable {
    case lines = ""
    case json
    case jsonLines = "jsonlines"
}

/// Turns the output of a command into a value.
package enum RunOutput {
    /// Longest line of the plain form; longer ones are divided.
    static let lineLimit = 1 << 20

    /// The value of a command's standard output.
    /// - Throws: ``AppError`` `.commandJSON`, for jsonlines with the number of the line.
    package static func value(of bytes: [UInt8], format: RunOutputFormat, isTruncated: Bool = false) throws -> JSONValue
    {
        if format != .lines, isTruncated { throw AppError.commandJSON("the output was longer than the limit and cut") }
        switch format {
        case .lines: return .array(lines(bytes).map(JSONValue.string))
        case .json: return try json(bytes)
        case .jsonLines: return try jsonLines(bytes)
        }
    }

    /// Lines without their ends; a last line without an end counts, empty output has none.
    static func lines(_ bytes: [UInt8]) -> [String] {
        guard !bytes.isEmpty else { return [] }
        var all = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
        if all.last?.isEmpty == true { all.removeLast() }
        return all.flatMap { line -> [String] in
            let bare = line.last == 0x0D ? line.dropLast() : line
            guard bare.count > lineLimit else { return [String(decoding: bare, as: UTF8.self)] }
            return stride(from: bare.startIndex, to: bare.endIndex, by: lineLimit).map {
                String(decoding: bare[$0..<min($0 + lineLimit, bare.endIndex)], as: UTF8.self)
            }
        }
    }

    private static func json(_ bytes: [UInt8]) throws -> JSONValue {
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes)
        } catch {
            let text = String(decoding: bytes.prefix(200), as: UTF8.self).trimmed
            throw AppError.commandJSON(text.isEmpty ? "it is empty" : "\(error), it begins with `\(text)`")
        }
        switch value {
        case .object: return .array([value])
        case .array(let items) where items.allSatisfy(isObject): return value
        default: throw AppError.commandJSON("neither an object nor a list of objects")
        }
    }

    private static func jsonLines(_ bytes: [UInt8]) throws -> JSONValue {
        var items: [JSONValue] = []
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
            guard let value = try? JSONValue(parsing: line), isObject(value) else {  // the line's number says enough
                throw AppError.commandJSON("line \(index + 1) is not a JSON object")
            }
            items.append(value)
        }
        return .array(items)
    }

    private static func isObject(_ value: JSONValue) -> Bool {
        if case .object = value { return true }
        return false
    }
}
