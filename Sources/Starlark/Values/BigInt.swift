/// An integer of any size: sign and magnitude, 64-bit limbs, least significant first.
struct BigInt: Sendable {
    /// Without leading zero limbs; empty for zero.
    private(set) var limbs: [UInt]
    private(set) var isNegative: Bool

    init(limbs: [UInt], isNegative: Bool) {
        var limbs = limbs
        while limbs.last == 0 { limbs.removeLast() }
        self.limbs = limbs
        self.isNegative = isNegative && !limbs.isEmpty
    }

    init(_ value: Int) {
        limbs = value == 0 ? [] : [value.magnitude]
        isNegative = value < 0
    }

    /// The integer that the number is; nil for fractions, infinities and NaN.
    init?(exactly value: Double) {
        guard value.isFinite, value == value.rounded(.towardZero) else { return nil }
        self.init(truncating: value)
    }

    /// A finite number without its fraction.
    init(truncating value: Double) {
        let whole = value.rounded(.towardZero)
        guard whole != 0 else {
            self.init(0)
            return
        }
        let exponent = Int(whole.exponent) - 52
        let significand = BigInt(Int(whole.significandBitPattern | 1 << 52))
        let magnitude = exponent >= 0 ? significand << exponent : significand >> -exponent
        self.init(limbs: magnitude.limbs, isNegative: whole < 0)
    }

    /// Reads digits of a base up to 36; all must be valid.
    init(digits: UnsafeBufferPointer<UInt8>, radix: Int, isNegative: Bool = false) {
        var limbs: [UInt] = []
        var index = 0
        while index < digits.count {
            // As many digits at a time as fit a limb.
            var chunk: UInt = 0
            var scale: UInt = 1
            while index < digits.count, scale <= UInt.max / UInt(radix) / UInt(radix) {
                chunk = chunk * UInt(radix) + UInt(digitValue(digits[index]))
                scale *= UInt(radix)
                index += 1
            }
            var carry = chunk
            for position in limbs.indices {
                let (high, low) = limbs[position].multipliedFullWidth(by: scale)
                let (sum, overflow) = low.addingReportingOverflow(carry)
                limbs[position] = sum
                carry = high &+ (overflow ? 1 : 0)
            }
            if carry != 0 { limbs.append(carry) }
        }
        self.init(limbs: limbs, isNegative: isNegative)
    }

    /// The value if it fits an `Int`.
    var intValue: Int? {
        if limbs.isEmpty { return 0 }
        guard limbs.count == 1 else { return nil }
        if isNegative { return limbs[0] <= 1 << 63 ? Int(truncatingIfNeeded: 0 &- limbs[0]) : nil }
        return limbs[0] < 1 << 63 ? Int(limbs[0]) : nil
    }

    var isZero: Bool { limbs.isEmpty }
    var isOdd: Bool { limbs.first.map { $0 & 1 == 1 } ?? false }

    /// Bits of the magnitude.
    var bitWidth: Int { limbs.isEmpty ? 0 : limbs.count * 64 - limbs[limbs.count - 1].leadingZeroBitCount }

    /// Rounded to the nearest, half to even; infinite when too large.
    var doubleValue: Double {
        let bits = bitWidth
        if bits <= 64 { return (isNegative ? -1 : 1) * Double(limbs.first ?? 0) }
        if bits > 1024 { return isNegative ? -.infinity : .infinity }
        // The top 64 bits, the lowest of them standing for all that is cut off.
        let shift = bits - 64
        let top = magnitudeShiftedRight(shift)
        var word = top[0]
        if hasBits(below: shift) { word |= 1 }
        let value = Double(word) * Double(sign: .plus, exponent: shift, significand: 1)
        return isNegative ? -value : value
    }

    func hasBits(below bit: Int) -> Bool {
        for index in 0..<bit / 64 where limbs[index] != 0 { return true }
        return bit % 64 != 0 && limbs[bit / 64] << UInt(64 - bit % 64) != 0
    }

    var tableHash: UInt {
        var state: UInt64 = isNegative ? 0x9e37 : 0x79b9
        for limb in limbs { state = mix(state ^ UInt64(limb), 0xa076_1d64_78bd_642f) }
        return UInt(truncatingIfNeeded: state)
    }

    // MARK: Comparison

    func compare(to other: BigInt) -> Int {
        if isNegative != other.isNegative { return isNegative ? -1 : 1 }
        let order = BigInt.compareMagnitude(limbs, other.limbs)
        return isNegative ? -order : order
    }

    /// NaN is above everything.
    func compare(to other: Double) -> Int {
        if other.isNaN { return -1 }
        if other.isInfinite { return other > 0 ? -1 : 1 }
        let whole = other.rounded(.towardZero)
        let order = compare(to: BigInt(truncating: whole))
        if order != 0 { return order }
        return other > whole ? -1 : other < whole ? 1 : 0
    }

    private static func compareMagnitude(_ a: [UInt], _ b: [UInt]) -> Int {
        if a.count != b.count { return a.count < b.count ? -1 : 1 }
        for index in a.indices.reversed() where a[index] != b[index] { return a[index] < b[index] ? -1 : 1 }
        return 0
    }

    // MARK: Arithmetic

    static prefix func - (value: BigInt) -> BigInt { BigInt(limbs: value.limbs, isNegative: !value.isNegative) }

    static func + (a: BigInt, b: BigInt) -> BigInt {
        if a.isNegative == b.isNegative {
            return BigInt(limbs: addMagnitude(a.limbs, b.limbs), isNegative: a.isNegative)
        }
        if compareMagnitude(a.limbs, b.limbs) >= 0 {
            return BigInt(limbs: subtractMagnitude(a.limbs, b.limbs), isNegative: a.isNegative)
        }
        return BigInt(limbs: subtractMagnitude(b.limbs, a.limbs), isNegative: b.isNegative)
    }

    static func - (a: BigInt, b: BigInt) -> BigInt { a + -b }

    private static func addMagnitude(_ a: [UInt], _ b: [UInt]) -> [UInt] {
        var result = a.count >= b.count ? a : b
        let other = a.count >= b.count ? b : a
        var carry = false
        for index in result.indices {
            if index >= other.count, !carry { break }
            let (sum, overflow1) = result[index].addingReportingOverflow(index < other.count ? other[index] : 0)
            let (total, overflow2) = sum.addingReportingOverflow(carry ? 1 : 0)
            result[index] = total
            carry = overflow1 || overflow2
        }
        if carry { result.append(1) }
        return result
    }

    /// a must not be less than b.
    private static func subtractMagnitude(_ a: [UInt], _ b: [UInt]) -> [UInt] {
        var result = a
        var borrow = false
        for index in result.indices {
            if index >= b.count, !borrow { break }
            let (difference, overflow1) = result[index].subtractingReportingOverflow(index < b.count ? b[index] : 0)
            let (total, overflow2) = difference.subtractingReportingOverflow(borrow ? 1 : 0)
            result[index] = total
            borrow = overflow1 || overflow2
        }
        return result
    }

    static func * (a: BigInt, b: BigInt) -> BigInt {
        if a.isZero || b.isZero { return BigInt(0) }
        var result = [UInt](repeating: 0, count: a.limbs.count + b.limbs.count)
        for (i, x) in a.limbs.enumerated() {
            var carry: UInt = 0
            for (j, y) in b.limbs.enumerated() {
                let (high, low) = x.multipliedFullWidth(by: y)
                let (sum1, overflow1) = low.addingReportingOverflow(result[i + j])
                let (sum2, overflow2) = sum1.addingReportingOverflow(carry)
                result[i + j] = sum2
                carry = high &+ (overflow1 ? 1 : 0) &+ (overflow2 ? 1 : 0)
            }
            result[i + b.limbs.count] = carry
        }
        return BigInt(limbs: result, isNegative: a.isNegative != b.isNegative)
    }

    static func power(_ base: Int, _ exponent: Int) -> BigInt {
        var result = BigInt(1)
        var square = BigInt(base)
        var rest = exponent
        while rest > 0 {
            if rest & 1 == 1 { result = result * square }
            rest >>= 1
            if rest > 0 { square = square * square }
        }
        return result
    }

    /// Truncating division. The divisor must not be zero.
    func quotientAndRemainder(dividingBy divisor: BigInt) -> (quotient: BigInt, remainder: BigInt) {
        if BigInt.compareMagnitude(limbs, divisor.limbs) < 0 { return (BigInt(0), self) }
        let (quotient, remainder) = BigInt.divideMagnitude(limbs, divisor.limbs)
        return (
            BigInt(limbs: quotient, isNegative: isNegative != divisor.isNegative),
            BigInt(limbs: remainder, isNegative: isNegative)
        )
    }

    /// Division towards negative infinity; the remainder has the divisor's sign.
    func flooredDivision(by divisor: BigInt) -> (quotient: BigInt, remainder: BigInt) {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        if !remainder.isZero, remainder.isNegative != divisor.isNegative {
            return (quotient - BigInt(1), remainder + divisor)
        }
        return (quotient, remainder)
    }

    /// Knuth's algorithm D.
    private static func divideMagnitude(_ a: [UInt], _ b: [UInt]) -> ([UInt], [UInt]) {
        if b.count == 1 {
            var quotient = a
            let remainder = divide(&quotient, by: b[0])
            return (quotient, [remainder])
        }
        let shift = b[b.count - 1].leadingZeroBitCount
        let divisor = (BigInt(limbs: b, isNegative: false) << shift).limbs
        var dividend = (BigInt(limbs: a, isNegative: false) << shift).limbs
        while dividend.count <= a.count { dividend.append(0) }
        let n = divisor.count
        let m = dividend.count - n - 1
        var quotient = [UInt](repeating: 0, count: m + 1)
        let top = divisor[n - 1]
        let second = divisor[n - 2]
        for j in stride(from: m, through: 0, by: -1) {
            var estimate: UInt
            var rest: UInt
            var restOverflowed = false
            if dividend[j + n] >= top {
                estimate = UInt.max
                let (sum, overflow) = dividend[j + n - 1].addingReportingOverflow(top)
                rest = sum
                restOverflowed = overflow
            } else {
                (estimate, rest) = top.dividingFullWidth((dividend[j + n], dividend[j + n - 1]))
            }
            while !restOverflowed {
                let (high, low) = estimate.multipliedFullWidth(by: second)
                if high < rest || (high == rest && low <= dividend[j + n - 2]) { break }
                estimate -= 1
                let (sum, overflow) = rest.addingReportingOverflow(top)
                rest = sum
                restOverflowed = overflow
            }
            // Subtract estimate × divisor; if that was one too many, add the divisor back.
            var borrow: UInt = 0
            var carry: UInt = 0
            for i in 0..<n {
                let (high, low) = estimate.multipliedFullWidth(by: divisor[i])
                let (product, overflow0) = low.addingReportingOverflow(carry)
                carry = high &+ (overflow0 ? 1 : 0)
                let (difference, overflow1) = dividend[i + j].subtractingReportingOverflow(product)
                let (total, overflow2) = difference.subtractingReportingOverflow(borrow)
                dividend[i + j] = total
                borrow = (overflow1 ? 1 : 0) &+ (overflow2 ? 1 : 0)
            }
            let (difference, overflow1) = dividend[j + n].subtractingReportingOverflow(carry)
            let (total, overflow2) = difference.subtractingReportingOverflow(borrow)
            dividend[j + n] = total
            if overflow1 || overflow2 {
                estimate -= 1
                var add = false
                for i in 0..<n {
                    let (sum, overflow3) = dividend[i + j].addingReportingOverflow(divisor[i])
                    let (sum2, overflow4) = sum.addingReportingOverflow(add ? 1 : 0)
                    dividend[i + j] = sum2
                    add = overflow3 || overflow4
                }
                dividend[j + n] = dividend[j + n] &+ (add ? 1 : 0)
            }
            quotient[j] = estimate
        }
        let remainder = BigInt(limbs: Array(dividend[0..<n]), isNegative: false) >> shift
        return (quotient, remainder.limbs)
    }

    /// Divides in place; returns the remainder.
    private static func divide(_ limbs: inout [UInt], by divisor: UInt) -> UInt {
        var remainder: UInt = 0
        for index in limbs.indices.reversed() {
            (limbs[index], remainder) = divisor.dividingFullWidth((remainder, limbs[index]))
        }
        return remainder
    }

    // MARK: Text

    /// Digits in a base up to 36.
    func text(radix: Int, uppercase: Bool = false) -> String {
        if isZero { return "0" }
        var pieces: [String] = []
        var rest = limbs
        var scale: UInt = UInt(radix)
        var width = 1
        while scale <= UInt.max / UInt(radix) {
            scale *= UInt(radix)
            width += 1
        }
        while !rest.isEmpty {
            let piece = BigInt.divide(&rest, by: scale)
            while rest.last == 0 { rest.removeLast() }
            let digits = String(piece, radix: radix, uppercase: uppercase)
            pieces.append(rest.isEmpty ? digits : String(repeating: "0", count: width - digits.utf8.count) + digits)
        }
        return (isNegative ? "-" : "") + pieces.reversed().joined()
    }

    var description: String { text(radix: 10) }
}

/// An integer that does not fit an `Int`.
final class BigIntObject: Object {
    let value: BigInt
    init(_ value: BigInt) { self.value = value }
    override var typeName: String { "int" }
    override func tableHash() throws -> UInt? { value.tableHash }
    override func isEqual(to other: Object, depth: Int) throws -> Bool {
        value.compare(to: (other as! BigIntObject).value) == 0
    }
    override func write(to writer: inout TextWriter) { writer.append(value.description) }
}

extension Value {
    /// An integer, in the small form if it fits.
    static func integer(_ value: BigInt) -> Value {
        value.intValue.map { .int($0) } ?? Value(.object(BigIntObject(value)))
    }

    /// Any int as a large one; nil for other types.
    var bigInt: BigInt? {
        switch payload {
        case .int(let value): return BigInt(value)
        case .object(let object): return (object as? BigIntObject)?.value
        default: return nil
        }
    }
}
