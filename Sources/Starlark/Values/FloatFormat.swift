/// Texts of floating-point numbers, exactly as Go prints them.
enum FloatFormat {
    /// `str(x)`: the shortest digits that read back, always with a point or an exponent.
    static func shortest(_ value: Double) -> String {
        let text = general(value)
        for c in text.utf8 where !(isDigit(c) || c == UInt8(ascii: "-")) { return text }
        return text + ".0"
    }

    /// `%g`: the shortest digits that read back.
    static func general(_ value: Double) -> String {
        if let special = special(value) { return special }
        let (digits, exponent) = decimal(value)
        let sign = value.sign == .minus ? "-" : ""
        if exponent < -4 || exponent >= 6 {
            return sign + scientific(digits, exponent)
        }
        return sign + positional(digits, exponent)
    }

    /// `%e` with six decimals.
    static func exponential(_ value: Double, decimals: Int = 6) -> String {
        if let special = special(value) { return special }
        let sign = value.sign == .minus ? "-" : ""
        if value == 0 { return sign + scientific(Array(repeating: UInt8(ascii: "0"), count: decimals + 1), 0) }
        var (digits, exponent) = rounded(value.magnitude, significant: decimals + 1)
        while digits.count < decimals + 1 { digits.append(UInt8(ascii: "0")) }
        return sign + scientific(digits, exponent)
    }

    /// `%f` with six decimals.
    static func fixed(_ value: Double, decimals: Int = 6) -> String {
        if let special = special(value) { return special }
        let sign = value.sign == .minus ? "-" : ""
        let scaled = scaledInteger(value.magnitude, power: decimals)
        var digits = Array(scaled.description.utf8)
        while digits.count <= decimals { digits.insert(UInt8(ascii: "0"), at: 0) }
        digits.insert(UInt8(ascii: "."), at: digits.count - decimals)
        return sign + String(decoding: digits, as: UTF8.self)
    }

    private static func special(_ value: Double) -> String? {
        if value.isNaN { return "nan" }
        if value.isInfinite { return value < 0 ? "-inf" : "+inf" }
        return nil
    }

    /// The shortest digits and the exponent of the first, taken from Swift's own printing.
    private static func decimal(_ value: Double) -> (digits: [UInt8], exponent: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        let text = Array(value.magnitude.description.utf8)
        var index = 0
        while index < text.count {
            let c = text[index]
            if isDigit(c) {
                digits.append(c)
            } else if c == UInt8(ascii: ".") {
                point = digits.count
            } else if c == UInt8(ascii: "e") {
                exponent = Int(String(decoding: text[(index + 1)...], as: UTF8.self)) ?? 0
                break
            }
            index += 1
        }
        exponent += (point ?? digits.count) - 1
        while digits.count > 1, digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            exponent -= 1
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        if digits == [UInt8(ascii: "0")] { exponent = 0 }
        return (digits, exponent)
    }

    private static func scientific(_ digits: [UInt8], _ exponent: Int) -> String {
        var result = [digits[0]]
        if digits.count > 1 {
            result.append(UInt8(ascii: "."))
            result += digits[1...]
        }
        let magnitude = String(exponent.magnitude)
        return String(decoding: result, as: UTF8.self) + "e" + (exponent < 0 ? "-" : "+")
            + (magnitude.utf8.count < 2 ? "0" : "") + magnitude
    }

    private static func positional(_ digits: [UInt8], _ exponent: Int) -> String {
        if exponent < 0 {
            return "0." + String(repeating: "0", count: -exponent - 1) + String(decoding: digits, as: UTF8.self)
        }
        var result = digits
        while result.count <= exponent { result.append(UInt8(ascii: "0")) }
        if result.count > exponent + 1 { result.insert(UInt8(ascii: "."), at: exponent + 1) }
        return String(decoding: result, as: UTF8.self)
    }

    /// value × 10^power, rounded half to even.
    private static func scaledInteger(_ value: Double, power: Int) -> BigInt {
        guard value != 0 else { return BigInt(0) }
        // value = significand × 2^exponent, exactly
        let exponent = Int(value.exponent) - 52
        var numerator = BigInt(
            Int(value.isNormal ? value.significandBitPattern | 1 << 52 : value.significandBitPattern))
        let binary = value.isNormal ? exponent : -1074
        var denominator = BigInt(1)
        if power >= 0 {
            numerator = numerator * BigInt.power(10, power)
        } else {
            denominator = BigInt.power(10, -power)
        }
        if binary >= 0 { numerator = numerator << binary } else { denominator = denominator << -binary }
        let (quotient, remainder) = numerator.quotientAndRemainder(dividingBy: denominator)
        let twice = (remainder << 1).compare(to: denominator)
        let isOdd = quotient.isOdd
        return twice > 0 || (twice == 0 && isOdd) ? quotient + BigInt(1) : quotient
    }

    /// The given number of significant digits and the exponent of the first.
    private static func rounded(_ value: Double, significant: Int) -> (digits: [UInt8], exponent: Int) {
        var exponent = decimal(value).exponent
        var digits = Array(scaledInteger(value, power: significant - 1 - exponent).description.utf8)
        if digits.count > significant {  // rounded up to the next power of ten
            digits.removeLast()
            exponent += 1
        }
        return (digits, exponent)
    }
}
