/// A number of bytes.
package struct ByteCount: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    package let rawValue: Int64

    /// Wraps a number of bytes.
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// Wraps a number of bytes.
    package init(_ bytes: Int64) { self.rawValue = bytes }

    /// `n` mebibytes.
    package static func mebibytes(_ n: Int64) -> ByteCount { ByteCount(n << 20) }

    /// Reads `512`, `64k`, `512m`, `1g`, `512Mi`, `1.5Gi`, `512MB`; every unit is a power of 1024, as Docker reads them.
    /// Nil for anything else, for negative values and for what exceeds 63 bits.
    package init?(parsing text: String) {
        let lower = text.lowercased()
        let digits = lower.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
        let shifts: [String: Int] = [
            "": 0, "b": 0, "k": 10, "kb": 10, "ki": 10, "kib": 10, "m": 20, "mb": 20, "mi": 20, "mib": 20,
            "g": 30, "gb": 30, "gi": 30, "gib": 30, "t": 40, "tb": 40, "ti": 40, "tib": 40,
        ]
        guard let shift = shifts[String(lower.dropFirst(digits.count))], let number = Double(digits) else { return nil }
        let bytes = number * Double(Int64(1) << Int64(shift))
        guard bytes.isFinite, bytes >= 0, bytes < 9.2e18 else { return nil }
        self.rawValue = Int64(bytes)
    }

    package static func < (left: ByteCount, right: ByteCount) -> Bool { left.rawValue < right.rawValue }

    /// `17 B`, `4.2 KiB`, `63 MiB`: at most three significant digits.
    package var description: String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(rawValue)
        var unit = 0
        while abs(value) >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        guard unit > 0, abs(value) < 10 else { return "\(Int64(value.rounded())) \(units[unit])" }
        let tenths = Int64((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10)) \(units[unit])"
    }
}
