/// Shifts and the bitwise operators, which see negative numbers as endless two's complements.
extension BigInt {
    static func << (value: BigInt, count: Int) -> BigInt {
        if value.isZero || count == 0 { return value }
        var limbs = [UInt](repeating: 0, count: count / 64)
        let shift = UInt(count % 64)
        var carry: UInt = 0
        for limb in value.limbs {
            limbs.append(shift == 0 ? limb : limb << shift | carry)
            carry = shift == 0 ? 0 : limb >> (64 - shift)
        }
        if carry != 0 { limbs.append(carry) }
        return BigInt(limbs: limbs, isNegative: value.isNegative)
    }

    /// Arithmetic shift: rounds towards negative infinity.
    static func >> (value: BigInt, count: Int) -> BigInt {
        if count == 0 { return value }
        if count >= value.bitWidth { return BigInt(value.isNegative ? -1 : 0) }
        let result = BigInt(limbs: value.magnitudeShiftedRight(count), isNegative: value.isNegative)
        return value.isNegative && value.hasBits(below: count) ? result - BigInt(1) : result
    }

    func magnitudeShiftedRight(_ count: Int) -> [UInt] {
        let skip = count / 64
        let shift = UInt(count % 64)
        guard skip < limbs.count else { return [0] }
        var result = Array(limbs[skip...])
        if shift > 0 {
            for index in result.indices {
                let next = index + 1 < result.count ? result[index + 1] : 0
                result[index] = result[index] >> shift | next << (64 - shift)
            }
        }
        return result
    }

    /// Two's complement of a given number of limbs.
    private func twosComplement(_ count: Int) -> [UInt] {
        var result = limbs + [UInt](repeating: 0, count: count - limbs.count)
        if isNegative {
            var carry = true
            for index in result.indices {
                let (sum, overflow) = (~result[index]).addingReportingOverflow(carry ? 1 : 0)
                result[index] = sum
                carry = overflow
            }
        }
        return result
    }

    private static func bitwise(_ a: BigInt, _ b: BigInt, _ operation: (UInt, UInt) -> UInt) -> BigInt {
        let count = max(a.limbs.count, b.limbs.count) + 1
        let x = a.twosComplement(count)
        let y = b.twosComplement(count)
        let result = zip(x, y).map(operation)
        if result[count - 1] >> 63 == 0 { return BigInt(limbs: result, isNegative: false) }
        let magnitude = BigInt(limbs: result, isNegative: true)
        // Back from two's complement: invert and add one.
        let inverted = BigInt(limbs: magnitude.padded(count).map { ~$0 }, isNegative: false)
        return -(inverted + BigInt(1))
    }

    private func padded(_ count: Int) -> [UInt] { limbs + [UInt](repeating: 0, count: count - limbs.count) }

    static func & (a: BigInt, b: BigInt) -> BigInt { bitwise(a, b, &) }
    static func | (a: BigInt, b: BigInt) -> BigInt { bitwise(a, b, |) }
    static func ^ (a: BigInt, b: BigInt) -> BigInt { bitwise(a, b, ^) }
}
