import Testing

@testable import Core

@Suite("ManualTimeSource")
struct ManualTimeSourceTests {
    @Test("sleepers wake when the time is moved past their deadline, and not before")
    func wakes() async throws {
        let time = ManualTimeSource(milliseconds: 1000)
        async let slept: Void = time.sleep(for: .seconds(3))
        await time.sleepers(atLeast: 1)

        time.advance(by: .seconds(2))
        #expect(time.untilNextSleeper == .seconds(1))
        time.advance(by: .seconds(1))
        try await slept

        #expect(time.untilNextSleeper == nil)
        #expect(time.milliseconds == 4000)
        #expect(time.uptime == .seconds(3))
    }

    @Test("a cancelled sleeper wakes at once with an error")
    func cancels() async {
        let time = ManualTimeSource()
        let task = Task { try await time.sleep(for: .seconds(3)) }
        await time.sleepers(atLeast: 1)

        task.cancel()

        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(time.untilNextSleeper == nil)
    }

    @Test("the machine's clocks move forward")
    func system() async throws {
        let time = SystemTimeSource()
        let before = (time.uptime, time.milliseconds)

        try await time.sleep(for: .microseconds(1))

        #expect(time.uptime > before.0)
        #expect(before.1 > 1_600_000_000_000)
    }
}
