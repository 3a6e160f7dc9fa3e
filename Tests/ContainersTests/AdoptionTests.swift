import Core
import Engines
@testable import State
import Testing

@testable import Containers

@Suite("Adoption", .timeLimit(.minutes(1)))
struct AdoptionTests {
    @Test("what runs is taken over as it is, with its process")
    func takesOver() async throws {
        let bench = try await Bench()
        let id = try await bench.started { $0.name = ContainerName(rawValue: "web") }
        let before = try await bench.controller.container("web")
        let calls = await bench.engine.calls

        let next = bench.restarted()
        try await next.adopt()

        let after = try await next.container("web")
        #expect(after == before)
        #expect(await bench.engine.calls == calls)
        try await next.adopt()
        #expect(await next.containers().map(\.id) == [id])
        #expect(await bench.engine.calls == calls)
    }

    @Test("what ended meanwhile is started again as its policy says, and only then")
    func startsAgain() async throws {
        let bench = try await Bench()
        let always = try await bench.started { $0.restart = .always }
        let onFailure = try await bench.started { $0.restart = .onFailure(maximum: nil) }
        let never = try await bench.started()
        let stopped = try await bench.started { $0.restart = .unlessStopped }
        try await bench.controller.stop(stopped)
        for id in [always, onFailure, never] { await bench.engine.exit(id, code: 1) }

        try await bench.supervised(bench.restarted()) { next in
            try await next.until(always, .running)
            try await next.until(onFailure, .running)
            let rests = try await [next.container(never.rawValue), next.container(stopped.rawValue)]
            #expect(rests.map(\.phase) == [.exited, .exited])
            #expect(rests[0].exit?.code == 1)
        }
    }

    @Test("what the engine lost is made and started again")
    func madeAgain() async throws {
        let bench = try await Bench()
        let id = try await bench.started { $0.restart = .unlessStopped }
        await bench.engine.lose(id)

        try await bench.supervised(bench.restarted()) { next in try await next.until(id, .running) }

        #expect(await bench.engine.calls.suffix(2) == [.create(id), .start(id)])
    }

    @Test("a lost database is made up for by what runs: a person's containers come back, an app's are left alone")
    func lostDatabase() async throws {
        let bench = try await Bench()
        let mine = try await bench.started { $0.name = ContainerName(rawValue: "web") }
        let app = try await bench.controller.create(spec(), owner: .app("x")).id
        try await bench.controller.start(app)
        let store = ContainerStore(try Database(path: ":memory:"))

        let next = ContainerController(
            engine: bench.engine, store: store, instance: "0a0b0c0d", time: bench.time, logger: Bench.logger,
            prober: bench.prober)
        try await next.adopt()

        #expect(await next.containers().map(\.id) == [mine])
        #expect(try await next.container("web").phase == .running)
        #expect(try await store.container(mine)?.desired == .running)
        #expect(try await bench.engine.container(app)?.state.isAlive == true)
    }

    @Test("a container with secrets runs on, and can be stopped and started, without them being stored")
    func secrets() async throws {
        let bench = try await Bench()
        let id = try await bench.started {
            $0.environment = ["TOKEN": .secret("x")]
            $0.restart = .always
        }

        let next = bench.restarted()
        try await next.adopt()
        #expect(try await next.container(id.rawValue).phase == .running)
        #expect(try await next.container(id.rawValue).spec.environment["TOKEN"] == .withheld)
        try await next.stop(id)

        #expect(try await next.start(id).phase == .running)
    }

    @Test("an interrupted deletion is finished")
    func finishesDeletion() async throws {
        let bench = try await Bench()
        let running = try await bench.started { $0.restart = .always }
        let gone = try await bench.controller.create(spec(), owner: .user).id
        for id in [running, gone] { try await bench.store.setDesired(.deleted, of: id) }
        await bench.engine.lose(gone)

        let next = bench.restarted()
        try await next.adopt()
        #expect(try await next.container(running.rawValue).phase == .stopping)
        try await bench.supervised(next) { next in
            for id in [running, gone] { try await next.untilDeleted(id) }
        }

        #expect(await next.containers().isEmpty)
        #expect(try await bench.store.containers().records.isEmpty)
        #expect(try await bench.engine.containers().isEmpty)
    }

    @Test("an interrupted stop is finished")
    func finishesStop() async throws {
        let bench = try await Bench()
        let id = try await bench.started()
        try await bench.store.setDesired(.stopped, of: id)

        try await bench.supervised(bench.restarted()) { next in try await next.until(id, .exited) }

        #expect(try await bench.engine.container(id)?.state.isAlive == false)
    }

    @Test("an interrupted stop keeps nobody waiting, though the process ignores it; a start comes after it")
    func stubborn() async throws {
        let gate = Gate()
        let bench = try await Bench(sleep: { _ in try await gate.pass() })
        let web = try await bench.started()
        let stubborn = try await bench.started("stubborn")
        try await bench.store.setDesired(.stopped, of: stubborn)

        let next = bench.restarted()
        try await next.adopt()

        #expect(try await next.container(web.rawValue).phase == .running)
        #expect(try await next.container(stubborn.rawValue).phase == .stopping)
        try await bench.supervised(next) { next in
            await gate.waitForArrival()
            let phase = try await next.container(web.rawValue).phase
            async let started = next.start(stubborn)
            await gate.open()
            let status = try await started
            #expect(phase == .running)
            #expect(status.phase == .running)
        }
        #expect(
            await bench.engine.calls.suffix(2) == [.stop(stubborn), .start(stubborn)])
    }

    @Test("what ended meanwhile is started after everything is known; a stop that comes first cancels that")
    func slowStart() async throws {
        let bench = try await Bench()
        let slow = try await bench.started { $0.restart = .unlessStopped }
        let web = try await bench.started()
        let other = try await bench.started { $0.restart = .unlessStopped }
        for id in [slow, other] { await bench.engine.exit(id, code: 1) }

        let next = bench.restarted()
        try await next.adopt()
        #expect(try await next.container(web.rawValue).phase == .running)
        #expect(try await next.container(slow.rawValue).phase == .restarting)
        try await next.stop(other)
        try await bench.supervised(next) { next in try await next.until(slow, .running) }

        #expect(try await next.container(other.rawValue).phase == .exited)
    }

    @Test("an interrupted creation leaves a container that can be started")
    func interruptedCreation() async throws {
        let bench = try await Bench()
        let id = ContainerID.random()
        try await bench.store.insert(ContainerRecord(id: id, owner: .user, spec: spec(), createdAt: 1))

        let next = bench.restarted()
        try await next.adopt()

        #expect(try await next.container(id.rawValue).phase == .created)
        #expect(try await next.start(id).phase == .running)
    }

    @Test("an interrupted start is finished")
    func interruptedStart() async throws {
        let bench = try await Bench()
        let id = try await bench.controller.create(spec(), owner: .user).id
        try await bench.store.setDesired(.running, of: id)

        try await bench.supervised(bench.restarted()) { next in try await next.until(id, .running) }
    }

    @Test("a record that cannot be read hides no other, and its container is left alone")
    func unreadableRecord() async throws {
        let bench = try await Bench()
        let odd = try await bench.started()
        let good = try await bench.started()
        try await bench.spoil(odd)

        let next = bench.restarted()
        try await next.adopt()

        #expect(await next.containers().map(\.id) == [good])
        #expect(try await bench.engine.container(odd)?.state.isAlive == true)
    }

    @Test("checks of a container that was taken over go on")
    func healthGoesOn() async throws {
        let bench = try await Bench()
        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            try await controller.waitUntilReady(id)
        }
        let id = await bench.controller.containers()[0].id
        bench.prober.answer(.failed("status 500"))

        try await bench.supervised(bench.restarted()) { controller in
            try await controller.until(id, .starting)
            bench.prober.answer(.healthy)
            await bench.time.sleepers(atLeast: 1)
            bench.time.advance(by: .milliseconds(50))
            try await controller.until(id, .running)
        }
    }

    @Test("a thousand containers are adopted and listed")
    func thousand() async throws {
        let bench = try await Bench()
        for number in 0..<1000 {
            let id = try #require(ContainerID(rawValue: "c\(number)"))
            _ = try await bench.controller.create(spec(), id: id, owner: .user)
        }

        let next = bench.restarted()
        let start = ContinuousClock.now
        try await next.adopt()
        let adopted = ContinuousClock.now - start

        print("1000 containers adopted in \(adopted)")
        #expect(await next.containers().count == 1000)
    }
}

extension Bench {
    /// Makes a record unreadable.
    func spoil(_ id: ContainerID) async throws {
        try await database.write { connection in
            try connection.execute("UPDATE containers SET owner = 'martian' WHERE id = ?", .text(id.rawValue))
        }
    }
}
