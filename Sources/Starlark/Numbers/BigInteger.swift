/// An integer of any size: a sign and limbs of 64 bits, lowest first, without leading zeros.
///
/// Values that fit `Int` are kept as `Int` by the interpreter; everything here is correct for them, too. Callers bound the
/// sizes: operations cost at most the product of their operands' lengths.
struct BigInteger: Hashable, Sendable {
    private(set) var isNegative: Bool
    private(set) var limbs: [UInt]

    /// The value of `isNegative` and `limbs`, brought to its one form.
    init(isNegative: Bool, limbs: [UInt]) {
        var limbs = limbs
        while limbs.last == 0 { limbs.removeLast() }
        self.limbs = limbs
        self.isNegative = isNegative && !limbs.isEmpty
    }

    init(_ value: Int) { self.init(isNegative: value < 0, limbs: [value.magnitude]) }

    /// The integer part of a finite number.
    init(truncating value: Double) {
        let magnitude = value.magnitude.rounded(.towardZero)
        guard magnitude >= 1 else {
            self.init(0)
            return
        }
        let exponent = Int(magnitude.exponent)
        let significand = UInt(1) << 52 | UInt(magnitude.significandBitPattern)
        let integer = BigInteger(isNegative: false, limbs: [significand])
        let shifted = exponent >= 52 ? integer.shiftedLeft(by: exponent - 52) : integer.shiftedRight(by: 52 - exponent)
        self.init(isNegative: value < 0, limbs: shifted.limbs)
    }

    var isZero: Bool { limbs.isEmpty }

    /// The number of bits of the magnitude.
    var bitWidth: Int { limbs.isEmpty ? 0 : limbs.count * 64 - limbs[limbs.count - 1].leadingZeroBitCount }

    /// The value as `Int`, nil when it does not fit.
    var int: Int? {
        guard limbs.count <= 1 else { return nil }
        let magnitude = limbs.first ?? 0
        if isNegative { return magnitude <= Int.min.magnitude ? Int(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int(exactly: magnitude)
    }

    var negated: BigInteger { BigInteger(isNegative: !isNegative, limbs: limbs) }

    /// The nearest floating-point number, ties to even; infinite when it is out of range.
    var doubleValue: Double {
        let width = bitWidth
        guard width > 64 else {
            let value = Double(limbs.first ?? 0)
            return isNegative ? -value : value
        }
        guard width <= 1024 else { return isNegative ? -.infinity : .infinity }
        // The highest 64 bits, the lowest of them sticky, so that the one rounding is right.
        let shift = width - 64
        let high = BigInteger(isNegative: false, limbs: limbs).shiftedRight(by: shift)
        var top = high.limbs[0]
        if high.shiftedLeft(by: shift).limbs != limbs { top |= 1 }
        let value = Double(sign: .plus, exponent: shift, significand: Double(top))
        return isNegative ? -value : value
    }
}

// MARK: - Order

extension BigInteger: Comparable {
    static func < (left: BigInteger, right: BigInteger) -> Bool {
        guard left.isNegative == right.isNegative else { return left.isNegative }
        let order = compareMagnitudes(left.limbs, right.limbs)
        return left.isNegative ? order > 0 : order < 0
    }

    /// -1, 0 or 1 for `self` against a number that is not NaN, without rounding either.
    func compare(to other: Double) -> Int {
        guard other.isFinite else { return other < 0 ? 1 : -1 }
        let whole = BigInteger(truncating: other)
        if self != whole { return self < whole ? -1 : 1 }
        let fraction = other - other.rounded(.towardZero)
        return fraction == 0 ? 0 : (fraction > 0 ? -1 : 1)
    }

    private static func compareMagnitudes(_ left: [UInt], _ right: [UInt]) -> Int {
        guard left.count == right.count else { return left.count < right.count ? -1 : 1 }
        for index in left.indices.reversed() where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return 0
    }
}

// MARK: - Arithmetic

extension BigInteger {
    static func + (left: BigInteger, right: BigInteger) -> BigInteger {
        if left.isNegative == right.isNegative {
            return BigInteger(isNegative: left.isNegative, limbs: addMagnitudes(left.limbs, right.limbs))
        }
        if compareMagnitudes(left.limbs, right.limbs) >= 0 {
            return BigInteger(isNegative: left.isNegative, limbs: subtractMagnitudes(left.limbs, right.limbs))
        }
        return BigInteger(isNegative: right.isNegative, limbs: subtractMagnitudes(right.limbs, left.limbs))
    }

    static func - (left: BigInteger, right: BigInteger) -> BigInteger { left + right.negated }

    static func * (left: BigInteger, right: BigInteger) -> BigInteger {
        guard !left.isZero, !right.isZero else { return BigInteger(0) }
        var result = [UInt](repeating: 0, count: left.limbs.count + right.limbs.count)
        for (i, a) in left.limbs.enumerated() {
            var carry: UInt = 0
            for (j, b) in right.limbs.enumerated() {
                let product = a.multipliedFullWidth(by: b)
                let (low, first) = product.low.addingReportingOverflow(result[i + j])
                let (sum, second) = low.addingReportingOverflow(carry)
                result[i + j] = sum
                carry = product.high &+ (first ? 1 : 0) &+ (second ? 1 : 0)
            }
            result[i + right.limbs.count] = carry
        }
        return BigInteger(isNegative: left.isNegative != right.isNegative, limbs: result)
    }

    /// The quotient rounded towards minus infinity and the remainder with the divisor's sign. The divisor is not zero.
    func dividedByFlooring(_ divisor: BigInteger) -> (quotient: BigInteger, remainder: BigInteger) {
        let (quotient, remainder) = Self.divideMagnitudes(limbs, divisor.limbs)
        let truncated = BigInteger(isNegative: isNegative != divisor.isNegative, limbs: quotient)
        let rest = BigInteger(isNegative: isNegative, limbs: remainder)
        guard !rest.isZero, isNegative != divisor.isNegative else { return (truncated, rest) }
        return (truncated - BigInteger(1), rest + divisor)
    }

    private static func addMagnitudes(_ left: [UInt], _ right: [UInt]) -> [UInt] {
        let (long, short) = left.count >= right.count ? (left, right) : (right, left)
        var result = long
        var carry = false
        for index in long.indices where index < short.count || carry {
            let (sum, first) = long[index].addingReportingOverflow(index < short.count ? short[index] : 0)
            let (total, second) = sum.addingReportingOverflow(carry ? 1 : 0)
            result[index] = total
            carry = first || second
        }
        if carry { result.append(1) }
        return result
    }

    /// `left` is not smaller than `right`.
    private static func subtractMagnitudes(_ left: [UInt], _ right: [UInt]) -> [UInt] {
        var result = left
        var borrow = false
        for index in left.indices where index < right.count || borrow {
            let (difference, first) = left[index].subtractingReportingOverflow(index < right.count ? right[index] : 0)
            let (total, second) = difference.subtractingReportingOverflow(borrow ? 1 : 0)
            result[index] = total
            borrow = first || second
        }
        return result
    }

    /// Divides in place by one limb and returns the remainder.
    private static func divide(_ limbs: inout [UInt], by divisor: UInt) -> UInt {
        var remainder: UInt = 0
        for index in limbs.indices.reversed() {
            (limbs[index], remainder) = divisor.dividingFullWidth((remainder, limbs[index]))
        }
        return remainder
    }

    /// Long division. Source: Knuth, The Art of Computer Programming 2, 4.3.1, algorithm D.
    private static func divideMagnitudes(_ dividend: [UInt], _ divisor: [UInt]) -> (quotient: [UInt], remainder: [UInt])
    {
        guard compareMagnitudes(dividend, divisor) >= 0 else { return ([], dividend) }
        if divisor.count == 1 {
            var quotient = dividend
            let remainder = divide(&quotient, by: divisor[0])
            return (quotient, [remainder])
        }
        let shift = divisor[divisor.count - 1].leadingZeroBitCount
        let v = BigInteger(isNegative: false, limbs: divisor).shiftedLeft(by: shift).limbs
        var u = BigInteger(isNegative: false, limbs: dividend).shiftedLeft(by: shift).limbs
        while u.count <= dividend.count { u.append(0) }
        let n = v.count
        var quotient = [UInt](repeating: 0, count: u.count - n)
        for j in (0..<quotient.count).reversed() {
            var digit = quotientDigit(u[j + n], u[j + n - 1], u[j + n - 2], v[n - 1], v[n - 2])
            if subtractProduct(&u, at: j, v, digit) {
                digit -= 1
                addBack(&u, at: j, v)
            }
            quotient[j] = digit
        }
        let remainder = BigInteger(isNegative: false, limbs: Array(u[..<n])).shiftedRight(by: shift).limbs
        return (quotient, remainder)
    }

    /// The quotient digit, or one more than it, of three leading limbs by two.
    private static func quotientDigit(_ u2: UInt, _ u1: UInt, _ u0: UInt, _ v1: UInt, _ v0: UInt) -> UInt {
        var digit: UInt
        var rest: UInt
        if u2 >= v1 {
            digit = .max
            let (sum, overflow) = u1.addingReportingOverflow(v1)  // u2 == v1: the rest of the division by v1
            if overflow { return digit }
            rest = sum
        } else {
            (digit, rest) = v1.dividingFullWidth((u2, u1))
        }
        while true {
            let product = digit.multipliedFullWidth(by: v0)
            guard product.high > rest || (product.high == rest && product.low > u0) else { return digit }
            digit -= 1
            let (sum, overflow) = rest.addingReportingOverflow(v1)
            if overflow { return digit }
            rest = sum
        }
    }

    /// Subtracts `v * digit` from `u` at limb `j`; true when that went below zero.
    private static func subtractProduct(_ u: inout [UInt], at j: Int, _ v: [UInt], _ digit: UInt) -> Bool {
        var carry: UInt = 0
        var borrow: UInt = 0
        for i in v.indices {
            let product = digit.multipliedFullWidth(by: v[i])
            let (low, overflow) = product.low.addingReportingOverflow(carry)
            carry = product.high &+ (overflow ? 1 : 0)
            let (first, under1) = u[i + j].subtractingReportingOverflow(low)
            let (second, under2) = first.subtractingReportingOverflow(borrow)
            u[i + j] = second
            borrow = (under1 ? 1 : 0) &+ (under2 ? 1 : 0)
        }
        let (first, under1) = u[j + v.count].subtractingReportingOverflow(carry)
        let (second, under2) = first.subtractingReportingOverflow(borrow)
        u[j + v.count] = second
        return under1 || under2
    }

    private static func addBack(_ u: inout [UInt], at j: Int, _ v: [UInt]) {
        var carry = false
        for i in v.indices {
            let (sum, first) = u[i + j].addingReportingOverflow(v[i])
            let (total, second) = sum.addingReportingOverflow(carry ? 1 : 0)
            u[i + j] = total
            carry = first || second
        }
        if carry { u[j + v.count] &+= 1 }
    }
}

// MARK: - Bits

extension BigInteger {
    /// `self * 2^count`.
    func shiftedLeft(by count: Int) -> BigInteger {
        let (words, bits) = (count / 64, UInt(count % 64))
        var result = [UInt](repeating: 0, count: words)
        var carry: UInt = 0
        for limb in limbs {
            result.append(limb << bits | carry)
            carry = bits == 0 ? 0 : limb >> (64 - bits)
        }
        result.append(carry)
        return BigInteger(isNegative: isNegative, limbs: result)
    }

    /// The floor of `self / 2^count`.
    func shiftedRight(by count: Int) -> BigInteger {
        let (words, bits) = (count / 64, UInt(count % 64))
        guard words < limbs.count else { return BigInteger(isNegative && !isZero ? -1 : 0) }
        var result = Array(limbs[words...])
        for index in result.indices {
            let above = index + 1 < result.count && bits != 0 ? result[index + 1] << (64 - bits) : 0
            result[index] = result[index] >> bits | above
        }
        let shifted = BigInteger(isNegative: isNegative, limbs: result)
        guard isNegative else { return shifted }
        let lost = limbs[..<words].contains { $0 != 0 } || (bits != 0 && limbs[words] << (64 - bits) != 0)
        return lost ? shifted - BigInteger(1) : shifted
    }

    static func & (left: BigInteger, right: BigInteger) -> BigInteger { combine(left, right, &) }
    static func | (left: BigInteger, right: BigInteger) -> BigInteger { combine(left, right, |) }
    static func ^ (left: BigInteger, right: BigInteger) -> BigInteger { combine(left, right, ^) }
    static prefix func ~ (value: BigInteger) -> BigInteger { value.negated - BigInteger(1) }

    /// Works on two's complements of one length with room for the sign.
    private static func combine(_ left: BigInteger, _ right: BigInteger, _ operation: (UInt, UInt) -> UInt)
        -> BigInteger
    {
        let length = max(left.limbs.count, right.limbs.count) + 1
        let (a, b) = (left.twosComplement(length), right.twosComplement(length))
        var result = (0..<length).map { operation(a[$0], b[$0]) }
        guard result[length - 1] >> 63 == 1 else { return BigInteger(isNegative: false, limbs: result) }
        Self.negateTwosComplement(&result)
        return BigInteger(isNegative: true, limbs: result)
    }

    private func twosComplement(_ length: Int) -> [UInt] {
        var words = limbs + [UInt](repeating: 0, count: length - limbs.count)
        if isNegative { Self.negateTwosComplement(&words) }
        return words
    }

    private static func negateTwosComplement(_ words: inout [UInt]) {
        var carry = true
        for index in words.indices {
            let (sum, overflow) = (~words[index]).addingReportingOverflow(carry ? 1 : 0)
            words[index] = sum
            carry = overflow
        }
    }
}

// MARK: - Text

extension BigInteger {
    /// Reads digits of `radix` (2...36) in either case; nil for an empty text or a character that is no digit.
    init?(digits: some Sequence<UInt8>, radix: Int, isNegative: Bool = false) {
        let (chunk, scale) = Self.chunk(radix)
        var limbs: [UInt] = []
        var pending: UInt = 0
        var count = 0
        var isEmpty = true
        func flush(_ factor: UInt) {
            var carry = pending
            for index in limbs.indices {
                let product = limbs[index].multipliedFullWidth(by: factor)
                let (low, overflow) = product.low.addingReportingOverflow(carry)
                limbs[index] = low
                carry = product.high &+ (overflow ? 1 : 0)
            }
            if carry != 0 { limbs.append(carry) }
        }
        for byte in digits {
            guard let digit = Self.digit(byte), digit < radix else { return nil }
            isEmpty = false
            pending = pending * UInt(radix) + UInt(digit)
            count += 1
            if count == chunk {
                flush(scale)
                (pending, count) = (0, 0)
            }
        }
        guard !isEmpty else { return nil }
        if count > 0 { flush((0..<count).reduce(1) { factor, _ in factor * UInt(radix) }) }
        self.init(isNegative: isNegative, limbs: limbs)
    }

    /// The digits in `radix` (2...36), lower case, with a minus sign where needed and no prefix.
    func text(radix: Int = 10) -> String {
        guard !isZero else { return "0" }
        let (chunk, scale) = Self.chunk(radix)
        var rest = limbs
        var pieces: [String] = []
        while !rest.isEmpty {
            let piece = String(Self.divide(&rest, by: scale), radix: radix)
            while rest.last == 0 { rest.removeLast() }
            pieces.append(rest.isEmpty ? piece : String(repeating: "0", count: chunk - piece.utf8.count) + piece)
        }
        return (isNegative ? "-" : "") + pieces.reversed().joined()
    }

    /// How many digits of `radix` fit a limb, and the power of `radix` they make.
    private static func chunk(_ radix: Int) -> (count: Int, scale: UInt) {
        var (count, scale) = (0, UInt(1))
        while true {
            let (product, overflow) = scale.multipliedReportingOverflow(by: UInt(radix))
            if overflow { return (count, scale) }
            (count, scale) = (count + 1, product)
        }
    }

    private static func digit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }
}
