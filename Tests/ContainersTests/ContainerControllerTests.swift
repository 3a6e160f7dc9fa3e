import Core
import Engines
import State
import Synchronization
import Testing

@testable import Containers

@Suite("ContainerController", .timeLimit(.minutes(1)))
struct ContainerControllerTests {
    // MARK: Create

    @Test("each step of a container's life is told once")
    func toldOnce() async throws {
        let log = RecordedLog()
        let bench = try await Bench(logger: log.logger)

        try await bench.supervised { controller in
            let id = try await bench.started()
            try await controller.stop(id)
            try await controller.start(id)
            await bench.engine.exit(id, code: 1)
            try await controller.until(id, .exited)
            try await controller.delete(id)
        }

        #expect(
            log.messages == [
                "container created", "container started", "container exited", "container started",
                "container exited", "container deleted",
            ])
    }

    @Test("a created container is recorded, labelled, in the engine and not running")
    func create() async throws {
        let bench = try await Bench()

        let status = try await bench.controller.create(
            spec { $0.name = ContainerName(rawValue: "web") }, owner: .app("a1"))

        #expect(status.phase == .created)
        #expect(status.spec.labels["martlet.instance"] == "0a0b0c0d")
        #expect(status.spec.labels["martlet.owner"] == "app/a1")
        #expect(try await bench.store.container(status.id)?.desired == .stopped)
        #expect(try await bench.engine.container(status.id)?.state == .created)
        #expect(try await bench.controller.container("web") == status)
        #expect(await bench.controller.containers(owner: .app("a1")) == [status])
        #expect(await bench.controller.containers(owner: .user).isEmpty)
    }

    @Test("creating the same again returns it, something else under its identifier is refused")
    func createTwice() async throws {
        let bench = try await Bench()
        let id = ContainerID.random()
        let wanted = spec { $0.environment = ["A": "1", "S": .secret("x")] }
        let first = try await bench.controller.create(wanted, id: id, owner: .user)

        let second = try await bench.controller.create(wanted, id: id, owner: .user)

        #expect(second == first)
        for (other, owner) in [(spec("job"), ContainerOwner.user), (wanted, .app("x"))] {
            let error = await #expect(throws: ContainerError.self) {
                try await bench.controller.create(other, id: id, owner: owner)
            }
            #expect(error?.code == .exists)
        }
    }

    @Test("equal creations at the same time make one container")
    func createAtOnce() async throws {
        let bench = try await Bench()
        let id = ContainerID.random()

        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 {
                group.addTask { _ = try await bench.controller.create(spec(), id: id, owner: .user) }
            }
            try await group.waitForAll()
        }

        #expect(await bench.controller.containers().count == 1)
        #expect(await bench.engine.calls == [.create(id)])
    }

    @Test("a taken name is refused, with nothing left")
    func nameTaken() async throws {
        let bench = try await Bench()
        let named = spec { $0.name = ContainerName(rawValue: "web") }
        let first = try await bench.controller.create(named, owner: .user)

        let error = await #expect(throws: ContainerError.self) {
            try await bench.controller.create(named, owner: .user)
        }

        #expect(error?.code == .nameTaken)
        #expect(error?.message.contains(first.id.rawValue) == true)
        #expect(await bench.controller.containers().count == 1)
        #expect(try await bench.store.containers().records.count == 1)
        #expect(try await bench.controller.container("web") == first)
    }

    @Test("what the engine refuses leaves neither record nor name")
    func engineRefuses() async throws {
        let bench = try await Bench()
        let id = ContainerID.random()
        let wanted = spec("missing") { $0.name = ContainerName(rawValue: "web") }

        let error = await #expect(throws: EngineError.self) {
            try await bench.controller.create(wanted, id: id, owner: .user)
        }

        #expect(error?.code == .imageNotFound)
        #expect(await bench.controller.containers().isEmpty)
        #expect(try await bench.store.containers().records.isEmpty)
        _ = try await bench.controller.create(
            spec { $0.name = ContainerName(rawValue: "web") }, id: id, owner: .user)
    }

    // MARK: Start and stop

    @Test("start records the wish, runs the process and shows it; again, it changes nothing")
    func start() async throws {
        let bench = try await Bench()
        let id = try await bench.started()

        let again = try await bench.controller.start(id)

        #expect(again.phase == .running)
        #expect(again.processID != nil)
        #expect(again.startedAt != nil)
        #expect(again.address != nil)
        #expect(try await bench.store.container(id)?.desired == .running)
        #expect(await bench.engine.calls.count { $0 == .start(id) } == 1)
        #expect(try await bench.controller.waitUntilReady(id) == again)
    }

    @Test("stop records the wish before it acts, shows the exit, and can be repeated")
    func stop() async throws {
        let bench = try await Bench()
        let id = try await bench.started { $0.restart = .always }

        try await bench.supervised { controller in
            let status = try await controller.stop(id)
            #expect(status.phase == .exited)
            #expect(status.exit == ContainerExit(code: 0))
            #expect(status.processID == nil)
            #expect(try await bench.store.container(id)?.desired == .stopped)
            #expect(try await controller.stop(id).phase == .exited)
        }
        #expect(await bench.engine.calls.count { $0 == .stop(id) } == 1)
        #expect(bench.time.untilNextSleeper == nil)
    }

    @Test("a restart is a stop and a start, and stays wanted in between")
    func restart() async throws {
        let bench = try await Bench()
        let id = try await bench.started()

        let status = try await bench.controller.restart(id)

        #expect(status.phase == .running)
        #expect(await bench.engine.calls == [.create(id), .start(id), .stop(id), .start(id)])
        #expect(try await bench.store.container(id)?.desired == .running)
    }

    @Test("a start which the engine refuses says so, with the code of the catalogue")
    func startRefused() async throws {
        let bench = try await Bench()
        await bench.engine.script(image: "bad", .failing(EngineError(.startFailed, "no such file `run`")))
        let id = try await bench.controller.create(spec("bad"), owner: .user).id

        let error = await #expect(throws: ContainerError.self) { try await bench.controller.start(id) }

        #expect(error?.stableCode == "RUN-START")
        #expect(error?.description.contains("no such file `run`") == true)
        let status = try await bench.controller.container(id.rawValue)
        #expect(status.phase == .failed)
        #expect(status.message?.contains("RUN-START") == true)
        let waiting = await #expect(throws: ContainerError.self) { try await bench.controller.waitUntilReady(id) }
        #expect(waiting?.code == .startFailed)
    }

    @Test("a cancelled start leaves a container that is not wanted and can be started")
    func startCancelled() async throws {
        let bench = try await Bench()
        let gate = Gate()
        var script = ImageScript()
        script.startGate = gate
        await bench.engine.script(image: "slow", script)
        let id = try await bench.controller.create(spec("slow"), owner: .user).id
        let starting = Task { try await bench.controller.start(id) }
        await gate.waitForArrival()

        starting.cancel()

        await #expect(throws: CancellationError.self) { try await starting.value }
        #expect(try await bench.store.container(id)?.desired == .stopped)
        await gate.open()
        #expect(try await bench.controller.start(id).phase == .running)
    }

    @Test("changes of one container are serial, those of another do not wait")
    func serial() async throws {
        let bench = try await Bench()
        let gate = Gate()
        var script = ImageScript()
        script.startGate = gate
        await bench.engine.script(image: "slow", script)
        let slow = try await bench.controller.create(spec("slow"), owner: .user).id
        let starting = Task { try await bench.controller.start(slow) }
        await gate.waitForArrival()
        let stopping = Task { try await bench.controller.stop(slow) }

        let other = try await bench.started()

        #expect(try await bench.controller.container(other.rawValue).phase == .running)
        #expect(try await bench.controller.container(slow.rawValue).phase == .starting)
        #expect(await !bench.engine.calls.contains(.stop(slow)))
        await gate.open()
        #expect(try await starting.value.phase == .running)
        #expect(try await stopping.value.phase == .exited)
    }

    @Test("a paused container says so and goes on")
    func pause() async throws {
        let bench = try await Bench()
        let id = try await bench.started()

        try await bench.controller.pause(id)
        #expect(try await bench.controller.container(id.rawValue).phase == .paused)
        await #expect(throws: ContainerError.self) { try await bench.controller.start(id) }
        try await bench.controller.resume(id)

        #expect(try await bench.controller.container(id.rawValue).phase == .running)
    }

    @Test("SIGKILL ends it for good although its policy says always")
    func kill() async throws {
        let bench = try await Bench()
        let id = try await bench.started { $0.restart = .always }

        try await bench.supervised { controller in
            try await controller.kill(id, signal: 9)
            let status = try await controller.until(id, .exited)
            #expect(status.exit?.code == 137)
        }
        #expect(try await bench.store.container(id)?.desired == .stopped)
    }

    // MARK: Delete

    @Test("delete removes engine container and record; a missing one is fine")
    func delete() async throws {
        let bench = try await Bench()
        let id = try await bench.controller.create(
            spec { $0.name = ContainerName(rawValue: "web") }, owner: .user
        ).id
        let updates = bench.controller.updates()

        try await bench.controller.delete(id)
        try await bench.controller.delete(id)

        #expect(try await bench.engine.container(id) == nil)
        #expect(try await bench.store.container(id) == nil)
        #expect(await bench.controller.containers().isEmpty)
        let last = await updates.first { _ in true }
        #expect(last?.phase == .deleted)
        _ = try await bench.controller.create(
            spec { $0.name = ContainerName(rawValue: "web") }, id: id, owner: .user)
    }

    @Test("a running container is deleted only with force")
    func deleteRunning() async throws {
        let bench = try await Bench()
        let id = try await bench.started()

        let error = await #expect(throws: ContainerError.self) { try await bench.controller.delete(id) }
        #expect(error?.code == .running)
        try await bench.controller.delete(id, force: true)

        #expect(try await bench.engine.container(id) == nil)
    }

    @Test("a container that is to be removed on exit disappears with its end")
    func removeOnExit() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started { $0.removeOnExit = true }
            let updates = controller.updates()
            await bench.engine.exit(id, code: 0)
            _ = await updates.first { $0.phase == .deleted }
            #expect(try await bench.store.container(id) == nil)
            #expect(try await bench.engine.container(id) == nil)
        }
    }

    @Test("who waits for a container that is deleted hears it")
    func deletedWhileWaiting() async throws {
        let bench = try await Bench()
        bench.prober.answer(.failed("status 503"))

        try await bench.supervised { controller in
            let id = try await bench.started { $0.health = check }
            let waiting = Task { try await controller.waitUntilReady(id) }
            await bench.time.sleepers(atLeast: 1)
            try await controller.delete(id, force: true)
            let error = await #expect(throws: ContainerError.self) { try await waiting.value }
            #expect(error?.code == .notFound)
        }
    }

    // MARK: Ends

    @Test("an own end is seen by event and shown with its code")
    func ownEnd() async throws {
        let bench = try await Bench()

        try await bench.supervised { controller in
            let id = try await bench.started()
            await bench.engine.exit(id, code: 7, outOfMemory: true)
            let status = try await controller.until(id, .exited)
            #expect(status.exit == ContainerExit(code: 7, outOfMemory: true))
            #expect(status.finishedAt != nil)
        }
    }

    @Test("a process that ends right after its start is told with code and log, not as ready")
    func exitsAtOnce() async throws {
        let bench = try await Bench()
        let id = try await bench.started("crash")

        let error = await #expect(throws: ContainerError.self) { try await bench.controller.waitUntilReady(id) }

        #expect(error?.code == .exitedEarly(ContainerExit(code: 3)))
        #expect(error?.stableCode == "RUN-EXITED")
        #expect(error?.message.contains("exit code 3") == true)
        #expect(error?.logTail == ["first", "last words"])
        #expect(error?.description.contains("last words") == true)
    }

    @Test("lost events are made up for by looking again")
    func lostEvents() async throws {
        let bench = try await Bench()
        let id = try await bench.started()
        await bench.engine.lose(id)

        try await bench.supervised { controller in
            let status = try await controller.until(id, .exited)
            #expect(status.processID == nil)
        }
    }

    @Test("waiting for a container that nobody started is an error that says how to")
    func notStarted() async throws {
        let bench = try await Bench()
        let id = try await bench.controller.create(spec(), owner: .user).id

        let error = await #expect(throws: ContainerError.self) { try await bench.controller.waitUntilReady(id) }

        #expect(error?.code == .notRunning)
        #expect(error?.hint?.contains("container start") == true)
    }
}
