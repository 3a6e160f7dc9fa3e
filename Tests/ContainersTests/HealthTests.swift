import Core
import Engines
import Testing

@testable import Containers

@Suite("Health", .timeLimit(.minutes(1)))
struct HealthTests {
    @Test("pauses between attempts double from 50 ms to 2 s")
    func pauses() {
        var pauses = ProbePauses()
        let milliseconds = (0..<8).map { _ in pauses.pause() / .milliseconds(1) }
        #expect(milliseconds == [50, 100, 200, 400, 800, 1600, 2000, 2000])
    }

    @Test("a container with a check is ready only when the check has passed")
    func becomesReady() async throws {
        let bench = try await Bench()
        bench.prober.answer(.failed("status 503"), .failed("status 503"), .healthy)

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            #expect(try await controller.container(id.rawValue).phase == .starting)
            for milliseconds in [50, 100] {
                await bench.time.sleepers(atLeast: 1)
                #expect(bench.time.untilNextSleeper == .milliseconds(milliseconds))
                bench.time.advance(by: .milliseconds(milliseconds))
            }
            #expect(try await controller.waitUntilReady(id).phase == .running)
        }
        #expect(bench.prober.asked.count == 3)
        #expect(bench.prober.asked.first?.hasSuffix(":80/up") == true)
    }

    @Test("as soon as somebody listens the next attempt is made, without the rest of the pause")
    func listening() async throws {
        let bench = try await Bench()
        bench.prober.answer(.refused("connection refused"), .healthy)

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            await bench.time.sleepers(atLeast: 1)
            bench.prober.listen(true)
            bench.time.advance(by: .milliseconds(10))
            try await controller.waitUntilReady(id)
        }
        #expect(bench.time.uptime == .milliseconds(10))
    }

    @Test("when the attempts are used up the error names URL, attempts, last answer and log")
    func usedUp() async throws {
        let bench = try await Bench()
        bench.prober.answer(.failed("status 503"))

        try await bench.supervised { controller in
            var check = check
            check.startAttempts = 3
            let health = check
            let id = try await bench.started { $0.health = health }
            await bench.engine.emit(id, "cannot reach the database")
            let waiting = Task { try await controller.waitUntilReady(id) }
            for milliseconds in [50, 100] {
                await bench.time.sleepers(atLeast: 1)
                bench.time.advance(by: .milliseconds(milliseconds))
            }
            let error = await #expect(throws: ContainerError.self) { try await waiting.value }
            #expect(error?.stableCode == "HEALTH-FAIL")
            #expect(error?.code == .unhealthy(attempts: 3))
            for token in ["http://", ":80/up", "3 attempts", "status 503"] {
                #expect(error?.message.contains(token) == true, "\(token)")
            }
            #expect(error?.logTail == ["cannot reach the database"])
            let status = try await controller.container(id.rawValue)
            #expect(status.phase == .unhealthy)
            #expect(status.processID != nil)
        }
    }

    @Test("a container that ends while it is awaited aborts the wait at once with its exit code")
    func exitsWhileProbed() async throws {
        let bench = try await Bench()
        bench.prober.answer(.failed("status 503"))

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            let waiting = Task { try await controller.waitUntilReady(id) }
            await bench.time.sleepers(atLeast: 1)
            await bench.engine.emit(id, "bye")
            await bench.engine.exit(id, code: 4)
            let error = await #expect(throws: ContainerError.self) { try await waiting.value }
            #expect(error?.code == .exitedEarly(ContainerExit(code: 4)))
            #expect(error?.logTail == ["bye"])
        }
    }

    @Test("a healthy container turns unhealthy after three failed checks in a row, and recovers")
    func intervals() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            try await controller.waitUntilReady(id)
            bench.prober.answer(.failed("status 500"), .failed("status 500"), .healthy, .failed("status 500"))
            for number in 1...5 {
                await bench.time.sleepers(atLeast: 1)
                #expect(try await controller.container(id.rawValue).phase == .running, "check \(number)")
                bench.time.advance(by: .seconds(20))
            }
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .seconds(20))
            let status = try await controller.until(id, .unhealthy)
            #expect(status.message?.contains("status 500") == true)
            bench.prober.answer(.healthy)
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .seconds(20))
            #expect(try await controller.until(id, .running).message == nil)
        }
    }

    @Test(
        "a command inside decides by its exit code",
        arguments: [("true", ContainerPhase.running), ("fail", .unhealthy)])
    func command(program: String, phase: ContainerPhase) async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            var health = HealthCheck(probe: .command([program, "5"]))
            health.startAttempts = 1
            let check = health
            let id = try await bench.started { $0.health = check }
            let status = try await controller.until(id) { $0.phase != .starting }
            #expect(status.phase == phase)
            if phase == .unhealthy { #expect(status.message?.contains("exit code 5") == true) }
        }
    }

    @Test("a command that does not end in time counts as failed and is killed")
    func commandTimesOut() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            var health = HealthCheck(probe: .command(["run"]))
            health.startAttempts = 1
            let check = health
            let id = try await bench.started { $0.health = check }
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .seconds(5))
            let status = try await controller.until(id, .unhealthy)
            #expect(status.message?.contains("no end after") == true)
        }
    }

    @Test("a stopped container is not probed any more")
    func stops() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            try await controller.waitUntilReady(id)
            await bench.time.sleepers(atLeast: 1)
            try await controller.stop(id)
            let asked = bench.prober.asked.count
            bench.time.advance(by: .seconds(60))
            let other = try await bench.started { $0.health = check }
            try await controller.waitUntilReady(other)
            #expect(bench.prober.asked.count == asked + 1)
        }
    }
}
