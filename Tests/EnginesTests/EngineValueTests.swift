import Core
import Engines
import Testing

@Suite("engine values")
struct EngineValueTests {
    @Test(
        "log times read back",
        arguments: [0, 1, 951_782_400_000, 1_709_164_800_123, 1_767_225_599_999, 4_102_444_800_000] as [Int64])
    func logTimes(milliseconds: Int64) {
        #expect(LogTime.milliseconds(LogTime.text(milliseconds: milliseconds)) == milliseconds)
    }

    @Test(
        "log times of other zones and precisions",
        arguments: [
            ("1970-01-01T00:00:01Z", 1000), ("1970-01-01T01:00:00.5+01:00", 500),
            ("2026-01-01T00:00:00.000000000+00:00", 1_767_225_600_000),
        ] as [(String, Int64)])
    func zones(text: String, milliseconds: Int64) {
        #expect(LogTime.milliseconds(text) == milliseconds)
    }

    @Test(
        "malformed log times",
        arguments: ["", "2026", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "x026-01-01T00:00:00Z"])
    func malformed(text: String) {
        #expect(LogTime.milliseconds(text) == nil)
    }

    @Test(
        "signals by name and number",
        arguments: [("SIGTERM", 15), ("term", 15), ("9", 9), ("SIGRTMIN+3", 37), ("RTMIN", 34), ("WINCH", 28)]
            as [(String, Int32)])
    func signals(text: String, number: Int32) {
        #expect(SignalNumber(parsing: text)?.rawValue == number)
    }

    @Test("unknown signals", arguments: ["", "0", "65", "SIGNOPE", "RTMIN-1", "RTMIN+99"])
    func unknownSignals(text: String) {
        #expect(SignalNumber(parsing: text) == nil)
    }

    @Test("words of the process follow the rules of ENTRYPOINT and CMD")
    func words() throws {
        var image = ImageRunConfiguration()
        image.entrypoint = ["entry"]
        image.command = ["default"]
        var spec = ContainerSpec(image: "x")
        #expect(try spec.processArguments(image) == ["entry", "default"])
        spec.command = ["given"]
        #expect(try spec.processArguments(image) == ["entry", "given"])
        spec.entrypoint = ["other"]
        #expect(try spec.processArguments(image) == ["other", "given"])
        spec.command = nil
        #expect(try spec.processArguments(image) == ["other"])
        spec.entrypoint = []
        #expect(throws: EngineError.self) { _ = try spec.processArguments(image) }
    }

    @Test("a withheld secret is equivalent to its value")
    func equivalence() {
        var one = ContainerSpec(image: "x")
        one.environment = ["A": .secret("1"), "B": "2"]
        var two = one
        two.environment["A"] = .withheld
        #expect(one.isEquivalent(to: two))
        two.environment["B"] = "3"
        #expect(!one.isEquivalent(to: two))
    }

    @Test("a full channel holds its writer until somebody reads")
    func channel() async {
        let channel = BoundedChannel<Int>(capacity: 1)
        let writer = Task {
            for number in 0..<100 { await channel.send(number) }
            channel.close()
        }
        var numbers: [Int] = []
        while let number = await channel.next() { numbers.append(number) }
        await writer.value

        #expect(numbers == Array(0..<100))
        #expect(await channel.send(1) == false)
    }
}
