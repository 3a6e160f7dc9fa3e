internal import Core
internal import Glibc
package import Logging
internal import Wire

/// Writes lines to standard error, each in one write: `2026-11-21T01:23:45.678Z info container exited container.id=…`.
package struct LineLogHandler: LogHandler {
    /// How lines look.
    package enum Format: Sendable {
        case text, json
    }

    /// The least important lines that are written.
    package var logLevel: Logger.Level
    /// What every line bears.
    package var metadata: Logger.Metadata = [:]
    private let format: Format
    private let label: String
    private let write: @Sendable ([UInt8]) -> Void

    /// A handler; `write` is standard error unless given.
    package init(
        label: String, level: Logger.Level, format: Format,
        write: @escaping @Sendable ([UInt8]) -> Void = LineLogHandler.standardError
    ) {
        self.label = label
        self.logLevel = level
        self.format = format
        self.write = write
    }

    /// Writes to standard error; what cannot be written there is lost, as nobody is left to be told.
    package static let standardError: @Sendable ([UInt8]) -> Void = { bytes in
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }

    /// One piece of what every line bears.
    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    /// Writes one line.
    package func log(event: LogEvent) {
        let all = metadata.merging(event.metadata ?? [:]) { _, new in new }.sorted { $0.key < $1.key }
        let message = event.message.description
        switch format {
        case .text:
            var line = "\(Self.timestamp()) \(event.level.rawValue) \(Self.oneLine(message))"
            for (key, value) in all { line += " \(key)=\(Self.quoted("\(value)"))" }
            write(Array((line + "\n").utf8))
        case .json:
            var out = Array("{\"time\":\"\(Self.timestamp())\",\"level\":\"\(event.level.rawValue)\",\"message\":".utf8)
            JSONDocument.write(message, to: &out)
            for (key, value) in all {
                out.append(UInt8(ascii: ","))
                JSONDocument.write(key, to: &out)
                out.append(UInt8(ascii: ":"))
                JSONDocument.write("\(value)", to: &out)
            }
            write(out + Array("}\n".utf8))
        }
    }

    private static func timestamp() -> String { Timestamp.text(SystemTimeSource().milliseconds) }

    private static func oneLine(_ text: String) -> String { text.replacing("\n", with: "\\n") }

    private static func quoted(_ text: String) -> String {
        let isPlain =
            !text.isEmpty && text.utf8.allSatisfy { $0 > 32 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "=") }
        if isPlain { return text }
        var out: [UInt8] = []
        JSONDocument.write(text, to: &out)
        return String(decoding: out, as: UTF8.self)
    }
}

/// Times as people read them.
enum Timestamp {
    /// RFC 3339 with milliseconds, UTC, of milliseconds since 1970 (until the year 9999).
    ///
    /// Source of the calendar: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    static func text(_ milliseconds: Int64) -> String {
        let (seconds, fraction) = (milliseconds / 1000, milliseconds % 1000)
        let (days, second) = (seconds / 86_400, seconds % 86_400)
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = "\(pad(year, 4))-\(pad(month, 2))-\(pad(day, 2))"
        let clock = "\(pad(second / 3600, 2)):\(pad(second / 60 % 60, 2)):\(pad(second % 60, 2))"
        return "\(date)T\(clock).\(pad(fraction, 3))Z"
    }

    private static func pad(_ value: Int64, _ width: Int) -> String {
        let digits = "\(value)"
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
