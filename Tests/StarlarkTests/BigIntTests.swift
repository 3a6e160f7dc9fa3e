import Testing

@testable import Starlark

@Suite("big integers")
struct BigIntTests {
    private static func random(_ generator: inout some RandomNumberGenerator) -> BigInt {
        let limbs = (0..<Int.random(in: 0...6, using: &generator)).map { _ -> UInt in
            switch Int.random(in: 0..<5, using: &generator) {
            case 0: 0
            case 1: .max
            case 2: 1 << 63
            default: UInt.random(in: 0 ... .max, using: &generator)
            }
        }
        return BigInt(limbs: limbs, isNegative: Bool.random(using: &generator))
    }

    @Test("the laws of arithmetic hold on awkward operands")
    func laws() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let (a, b, c) = (Self.random(&generator), Self.random(&generator), Self.random(&generator))
            let shift = Int.random(in: 0...200, using: &generator)

            #expect((a + b - b).compare(to: a) == 0)
            #expect(((a + b) * c).compare(to: a * c + b * c) == 0)
            #expect(((a & b) + (a | b)).compare(to: a + b) == 0)
            #expect(((a ^ b)).compare(to: (a | b) - (a & b)) == 0)
            #expect((((a << shift) >> shift)).compare(to: a) == 0)
            #expect((-(-a) - a).isZero)
            let digits = Array(a.text(radix: 36).utf8.drop { $0 == UInt8(ascii: "-") })
            let read = digits.withUnsafeBufferPointer { BigInt(digits: $0, radix: 36, isNegative: a.isNegative) }
            #expect(read.compare(to: a) == 0)
            guard !b.isZero else { continue }
            let (quotient, remainder) = a.flooredDivision(by: b)
            #expect((quotient * b + remainder).compare(to: a) == 0)
            #expect(remainder.isZero || remainder.isNegative == b.isNegative)
        }
    }

    @Test("the borders of Int", arguments: [Int.min, -1, 0, 1, Int.max])
    func borders(value: Int) {
        #expect(BigInt(value).intValue == value)
        #expect((BigInt(value) + BigInt(1)).intValue == (value == .max ? nil : value + 1))
        #expect(BigInt(value).description == "\(value)")
    }

    @Test("conversion to and comparison with floating point are exact")
    func floatingPoint() {
        let big = BigInt(1) << 53

        #expect((big + BigInt(1)).doubleValue == 9_007_199_254_740_992)
        #expect((big + BigInt(3)).doubleValue == 9_007_199_254_740_996)
        #expect((big + BigInt(1)).compare(to: 9_007_199_254_740_992) == 1)
        #expect(BigInt(-1).compare(to: -0.5) == -1)
        #expect((BigInt(1) << 1024).doubleValue == .infinity)
        #expect(BigInt(truncating: -1e300).doubleValue == -1e300)
        #expect(BigInt(0).compare(to: -.infinity) == 1)
    }
}
