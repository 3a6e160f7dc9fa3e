import Core
import Testing

@testable import Containers

@Suite("StatusBoard")
struct StatusBoardTests {
    let board = StatusBoard()

    func post(_ id: String, name: String? = nil, createdAt: Int64 = 1, owner: ContainerOwner = .user) throws {
        let id = try #require(ContainerID(rawValue: id))
        let spec = spec { $0.name = name.flatMap(ContainerName.init(rawValue:)) }
        try board.reserve(spec.name, for: id)
        board.post(ContainerStatus(id: id, spec: spec, owner: owner, createdAt: createdAt))
    }

    @Test("the number of a list changes with its content, and only then")
    func version() async throws {
        let bench = try await Bench()
        let empty = bench.controller.listVersion
        let id = try await bench.started()
        let started = bench.controller.listVersion
        _ = await bench.controller.containers()
        let same = bench.controller.listVersion
        try await bench.controller.delete(id, force: true)

        #expect(empty < started && started == same && bench.controller.listVersion > same)
    }

    @Test("a container is found by identifier, name and unique beginning", arguments: ["abc1", "web", "abc1d", "ab"])
    func finds(text: String) throws {
        try post("abc1", name: "web")
        try post("abd2", name: "db")
        try post("abc1d3")

        switch text {
        case "ab":
            let error = #expect(throws: ContainerError.self) { try board.find(text) }
            #expect(error?.code == .ambiguous)
            #expect(error?.message.contains("`abd2`") == true)
        case "abc1d": #expect(try board.find(text).id.rawValue == "abc1d3")
        default: #expect(try board.find(text).id.rawValue == "abc1")
        }
    }

    @Test("an unknown name gets the nearest one as a hint")
    func nearest() throws {
        try post("abc1", name: "frontend")
        try post("abd2", name: "database")

        let error = #expect(throws: ContainerError.self) { try board.find("fronted") }
        let far = #expect(throws: ContainerError.self) { try board.find("zzzzzz") }

        #expect(error?.kind == .notFound)
        #expect(error?.hint == "did you mean `frontend`?")
        #expect(far?.hint?.contains("container list") == true)
    }

    @Test("a name belongs to one container until that is gone")
    func names() throws {
        try post("a1", name: "web")
        let other = try #require(ContainerID(rawValue: "b2"))
        let web = ContainerName(rawValue: "web")

        let error = #expect(throws: ContainerError.self) { try board.reserve(web, for: other) }
        board.remove(try #require(ContainerID(rawValue: "a1")))

        #expect(error?.code == .nameTaken)
        #expect(throws: Never.self) { try board.reserve(web, for: other) }
    }

    @Test("lists are oldest first and by owner")
    func lists() throws {
        try post("late", createdAt: 9)
        try post("early", createdAt: 1, owner: .app("x"))
        try post("middle", createdAt: 5)

        #expect(board.statuses(owner: nil).map(\.id.rawValue) == ["early", "middle", "late"])
        #expect(board.statuses(owner: .app("x")).map(\.id.rawValue) == ["early"])
    }

    @Test("followers get each change once, and the end of the container")
    func follows() async throws {
        let updates = board.updates()
        try post("a1")
        var status = try board.find("a1")
        status.phase = .running
        board.post(status)
        board.post(status)
        board.remove(status.id)

        var phases: [ContainerPhase] = []
        for await update in updates {
            phases.append(update.phase)
            if update.phase == .deleted { break }
        }

        #expect(phases == [.created, .running, .deleted])
        #expect(board.statuses(owner: nil).isEmpty)
    }

    @Test("a slow follower misses phases in between, never the last one, and costs no memory without bound")
    func slowFollower() async throws {
        let updates = board.updates()
        for number in 0..<10 { try post("c\(number)") }
        for round in 0..<2000 {
            for var status in board.statuses(owner: nil) {
                status.restarts = round + 1
                board.post(status)
            }
        }

        var last: [ContainerID: Int] = [:]
        var count = 0
        for await update in updates {
            count += 1
            last[update.id] = update.restarts
            if last.count == 10, last.values.allSatisfy({ $0 == 2000 }) { break }
        }

        #expect(count <= UpdateFeed.limit)
    }

    @Test("a cancelled follower ends")
    func cancelledFollower() async {
        let board = board
        let task = Task {
            for await _ in board.updates() {}
            return true
        }
        task.cancel()
        #expect(await task.value)
    }

    @Test("a list of a thousand containers is quick")
    func thousand() throws {
        for number in 0..<1000 { try post("container-\(number)", name: "name-\(number)", createdAt: Int64(number)) }
        var times: [Duration] = []

        for _ in 0..<200 {
            let start = ContinuousClock.now
            #expect(board.statuses(owner: nil).count == 1000)
            times.append(ContinuousClock.now - start)
        }

        let p99 = times.sorted()[197]
        print("list of 1000 containers: p99 \(p99)")
        #expect(p99 < .milliseconds(100), "far above the 5 ms which a release build has to keep")
    }
}
