import Testing

@testable import Starlark

@Suite("big integers")
struct BigIntegerTests {
    private static func random(_ generator: inout some RandomNumberGenerator) -> BigInteger {
        let limbs = (0..<Int.random(in: 0...6, using: &generator)).map { _ -> UInt in
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: 0
            case 1: .max
            case 2: 1 << 63
            default: UInt.random(in: 0 ... .max, using: &generator)
            }
        }
        return BigInteger(isNegative: Bool.random(using: &generator), limbs: limbs)
    }

    @Test("the laws of arithmetic hold on awkward operands")
    func laws() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let (a, b, c) = (Self.random(&generator), Self.random(&generator), Self.random(&generator))
            let shift = Int.random(in: 0...200, using: &generator)

            #expect(a + b - b == a)
            #expect((a + b) * c == a * c + b * c)
            #expect((a & b) + (a | b) == a + b)
            #expect((a ^ b) == (a | b) - (a & b))
            #expect(~(~a) == a)
            #expect(a.shiftedLeft(by: shift).shiftedRight(by: shift) == a)
            #expect(
                BigInteger(
                    digits: a.text(radix: 36).utf8.drop { $0 == UInt8(ascii: "-") }, radix: 36, isNegative: a.isNegative
                ) == a)
            guard !b.isZero else { continue }
            let (quotient, remainder) = a.dividedByFlooring(b)
            #expect(quotient * b + remainder == a)
            #expect(remainder.isZero || remainder.isNegative == b.isNegative)
        }
    }

    @Test("the borders of Int", arguments: [Int.min, -1, 0, 1, Int.max])
    func borders(value: Int) {
        #expect(BigInteger(value).int == value)
        #expect((BigInteger(value) + BigInteger(1)).int == (value == .max ? nil : value + 1))
        #expect(BigInteger(value).text() == "\(value)")
    }

    @Test("conversion to and comparison with floating point are exact")
    func floatingPoint() {
        let big = BigInteger(1).shiftedLeft(by: 53)

        #expect((big + BigInteger(1)).doubleValue == 9_007_199_254_740_992)
        #expect((big + BigInteger(3)).doubleValue == 9_007_199_254_740_996)
        #expect((big + BigInteger(1)).compare(to: 9_007_199_254_740_992) == 1)
        #expect(BigInteger(-1).compare(to: -0.5) == -1)
        #expect(BigInteger(1).shiftedLeft(by: 1024).doubleValue == .infinity)
        #expect(BigInteger(truncating: -1e300).doubleValue == -1e300)
        #expect(BigInteger(0).compare(to: -.infinity) == 1)
    }
}
