import Foundation
import Testing

@testable import Starlark

/// The same sequence in every run.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 29
    }
}

/// A short form of what `scripts/fuzz` does at length.
@Suite("hostile programs")
struct FuzzTests {
    private static let corpus: [(name: String, bytes: [UInt8])] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fuzz/corpus")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []  // a test counts them
        return names.sorted().compactMap { name in
            (try? Data(contentsOf: folder.appendingPathComponent(name))).map { (name, Array($0)) }  // as above
        }
    }()

    private static let fragments = [
        "(", ")", "[", "]", "{", "}", ":", ",", ".", "=", "+", "-", "*", "**", "/", "//", "%", "<", ">", "==", "not ",
        " in ", " if ", " else ", "for x in ", "lambda: ", "def f():\n    ", "return ", "break\n", "\n", "    ", "\t",
        "'", "\"", "\"\"\"", "\\", "#", "0", "1e309", "0x", "99999999999999999999", "x", "None", "True",
        "load('a', 'b')", "\u{e9}", "\u{1F600}", "\0", "[][0]", "{}['k']", "f(*x, **y)", "x[1:2:0]", "''.join",
        ".append(x)", "range(1 << 62)", "(x,)", "set(", "-1 << 70",
    ]

    /// Only errors of the language may come of any input.
    private func attempt(_ bytes: [UInt8]) {
        do {
            try bytes.withUnsafeBufferPointer { try FuzzTarget.syntax($0) }
            try bytes.withUnsafeBufferPointer { try FuzzTarget.evaluation($0) }
        } catch {
            Issue.record("\(error): \(String(decoding: bytes, as: UTF8.self).debugDescription)")
        }
    }

    @Test("the corpus breaks no law")
    func corpus() {
        #expect(Self.corpus.count > 20)
        for file in Self.corpus { attempt(file.bytes) }
    }

    @Test("mutated programs neither crash nor hang", arguments: 0..<4)
    func mutations(seed: Int) {
        var generator = Generator(state: UInt64(seed) &+ 77)
        let deadline = ContinuousClock.now + .seconds(2)
        for _ in 0..<500 where ContinuousClock.now < deadline {
            var text = Self.corpus.randomElement(using: &generator)?.bytes ?? []
            for _ in 0..<Int.random(in: 1...6, using: &generator) {
                if text.isEmpty { text = [0x78] }
                let at = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text.remove(at: at)
                case 1: text.insert(contentsOf: Self.fragments.randomElement(using: &generator)!.utf8, at: at)
                case 2: text[at] = UInt8.random(in: 0..<128, using: &generator)
                default:
                    let end = min(text.count, at + Int.random(in: 1...20, using: &generator))
                    text.insert(contentsOf: text[at..<end], at: Int.random(in: 0..<text.count, using: &generator))
                }
            }
            attempt(text)
        }
    }

    @Test("generated programs neither crash nor hang", arguments: 0..<4)
    func generated(seed: Int) {
        var generator = Generator(state: UInt64(seed) &+ 991)
        let deadline = ContinuousClock.now + .seconds(2)
        for _ in 0..<300 where ContinuousClock.now < deadline {
            let bytes = (0..<Int.random(in: 20...300, using: &generator)).map { _ in
                UInt8.random(in: 0...255, using: &generator)
            }
            attempt([0x80] + bytes)
        }
    }
}
