import Core
import Engines
import State
import Testing

@testable import Containers

@Suite("Restarts", .timeLimit(.minutes(1)))
struct RestartTests {
    @Test("a container that keeps ending is started after 1, 2, 4 … seconds, on the record")
    func backOff() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.restart = .always }
            for (number, seconds) in [1, 2, 4, 8].enumerated() {
                await bench.engine.exit(id, code: 1)
                try await controller.until(id, .restarting)
                await bench.time.sleepers(atLeast: 1)
                #expect(bench.time.untilNextSleeper == .seconds(seconds))
                bench.time.advance(by: .seconds(seconds))
                let status = try await controller.until(id) { $0.phase == .running && $0.restarts == number + 1 }
                #expect(status.restarts == number + 1)
            }
            #expect(try await bench.store.container(id)?.restarts == 4)
            #expect(try await bench.store.container(id)?.failedInARow == 4)
        }
    }

    @Test("a run of ten seconds clears the back-off")
    func reset() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.restart = .always }
            await bench.engine.exit(id, code: 1)
            try await controller.until(id, .restarting)
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .seconds(1))
            try await controller.until(id, .running)
            bench.time.advance(by: .seconds(10))
            await bench.engine.exit(id, code: 1)
            try await controller.until(id, .restarting)
            await bench.time.sleepers(atLeast: 1)
            #expect(bench.time.untilNextSleeper == .seconds(1))
        }
    }

    @Test("a stop during the pause ends the matter")
    func stopWhileWaiting() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.restart = .always }
            await bench.engine.exit(id, code: 1)
            try await controller.until(id, .restarting)
            await bench.time.sleepers(atLeast: 1)
            #expect(try await controller.stop(id).phase == .exited)
            bench.time.advance(by: .seconds(60))
            #expect(try await controller.start(id).phase == .running)
        }
        #expect(await bench.engine.calls.count { if case .start = $0 { true } else { false } } == 2)
    }

    @Test("on-failure with a bound gives up and says why; a start by request begins anew")
    func givesUp() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started("crash") { $0.restart = .onFailure(maximum: 2) }
            for (restarts, seconds) in [1, 2].enumerated() {
                try await controller.until(id) { $0.phase == .restarting && $0.restarts == restarts }
                await bench.time.sleepers(atLeast: 1)
                bench.time.advance(by: .seconds(seconds))
            }
            let status = try await controller.until(id, .failed)
            #expect(status.restarts == 2)
            #expect(status.message?.contains("3 times") == true)
            try await controller.start(id)
            try await controller.until(id, .restarting)
        }
    }

    @Test("an automatic start which the engine refuses is tried again later")
    func refusedAgain() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.restart = .always }
            await bench.engine.exit(id, code: 1)
            try await controller.until(id, .restarting)
            await bench.engine.lose(id)
            await bench.engine.script(image: "app", .failing(EngineError(.runtimeFailed, "no memory")))
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .seconds(1))
            let status = try await controller.until(id) { $0.phase == .restarting && $0.restarts == 1 }
            #expect(status.message?.contains("no memory") == true)
            await bench.time.sleepers(atLeast: 1)
            #expect(bench.time.untilNextSleeper == .seconds(2))
            await bench.engine.lose(id)
            await bench.engine.script(image: "app")
            bench.time.advance(by: .seconds(2))
            try await controller.until(id, .running)
        }
    }

    @Test("a container that is gone and whose secrets are not stored is not made again")
    func withheldSecrets() async throws {
        let bench = try await Bench()
        let id = try await bench.started {
            $0.restart = .always
            $0.environment = ["TOKEN": .secret("x")]
        }
        await bench.engine.lose(id)

        try await bench.supervised(bench.restarted()) { controller in
            let status = try await controller.until(id, .failed)
            #expect(status.message?.contains("TOKEN") == true)
            let error = await #expect(throws: ContainerError.self) { try await controller.start(id) }
            #expect(error?.code == .secretsWithheld)
        }
    }
}
