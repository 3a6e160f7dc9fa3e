import Core
import State
import Synchronization
import Testing

@testable import Jobs

@Suite("Job events")
struct JobEventTests {
    @Test("a follower gets what was, then what comes, and ends with the job")
    func follows() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = try await bench.jobs.submit(request()) { context in
            context.report(.step("one"))
            context.report(.log("a"))
            await latch.wait()
            context.report(.log("b"))
            return ""
        }
        await latch.arrivals()
        var seen: [JobEvent] = []

        for await event in try await bench.jobs.events(of: id, after: 0) {
            seen.append(event)
            if seen.count == 2 { latch.open() }
        }

        #expect(seen.map(\.event) == [.step("one"), .log("a"), .log("b")])
        #expect(seen.map(\.sequence) == [1, 2, 3])
        #expect(try await bench.jobs.job(id)?.state == .succeeded)
    }

    @Test("a follower goes on where it stopped, also after the end and after a restart")
    func resumes() async throws {
        let bench = try Bench()
        let id = JobID.random()
        _ = try await bench.jobs.run(request(id: id)) { context in
            for number in 1...5 { context.report(.log("\(number)")) }
            return ""
        }

        for coordinator in [bench.jobs, bench.restarted()] {
            var seen: [Int] = []
            for await event in try await coordinator.events(of: id, after: 3) { seen.append(event.sequence) }
            #expect(seen == [4, 5])
        }
    }

    @Test("a hundred followers of a silent job cost no place and end with it")
    func manyFollowers() async throws {
        let bench = try Bench(width: 1)
        let latch = Latch()
        let id = try await bench.jobs.submit(request("a")) { context in
            await latch.wait()
            context.report(.log("x"))
            return ""
        }
        await latch.arrivals()

        let counts = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 {
                let events = try await bench.jobs.events(of: id, after: 0)
                group.addTask {
                    var count = 0
                    for await _ in events { count += 1 }
                    return count
                }
            }
            latch.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }

        #expect(counts == Array(repeating: 1, count: 100))
    }

    @Test("a cancelled follower ends, the job does not")
    func cancelledFollower() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = try await bench.jobs.submit(request()) { context in
            context.report(.log("x"))
            await latch.wait()
            return "done"
        }
        await latch.arrivals()
        let events = try await bench.jobs.events(of: id, after: 0)
        let seen = Latch()
        let follower = Task {
            var count = 0
            for await _ in events {
                count += 1
                seen.open()
                await seen.wait()
            }
            return count
        }
        await seen.arrivals()

        follower.cancel()

        #expect(await follower.value == 1)
        latch.open()
        #expect(try await bench.jobs.wait(for: id).result == "done")
    }

    @Test("events of an unknown job are an error")
    func unknown() async throws {
        let bench = try Bench()

        await #expect(throws: JobError.self) { try await bench.jobs.events(of: .random(), after: 0) }
    }

    @Test("what is kept of a chatty job is bounded, in memory and on disk, and keeps steps and the tail")
    func bounded() async throws {
        let bench = try Bench()
        let id = JobID.random()
        _ = try await bench.jobs.run(request(id: id)) { context in
            context.report(.step("pull"))
            for number in 0..<20_000 {
                context.report(.log("line \(number)"))
                context.report(.bytes(item: "layer", done: ByteCount(Int64(number)), total: nil))
            }
            return ""
        }

        let kept = try await bench.store.events(of: id, after: 0)

        #expect(kept.count <= EventRetention().limit + EventRetention().slack)
        #expect(kept.first?.event == .step("pull"))
        #expect(kept.contains { $0.event == .log("line 19999") })
        #expect(kept.last?.sequence == 40_001)
        #expect(try await bench.jobs.job(id)?.lastSequence == 40_001)
    }

    @Test("events are on disk before the job ends, without one write for each")
    func flushes() async throws {
        let bench = try Bench()
        let latch = Latch()
        let id = try await bench.jobs.submit(request()) { context in
            for number in 0..<100 { context.report(.bytes(item: "a", done: ByteCount(Int64(number)), total: nil)) }
            context.report(.step("next"))
            await latch.wait()
            return ""
        }
        await latch.arrivals()
        await bench.time.sleepers(atLeast: 1)

        bench.time.advance(by: .milliseconds(250))
        var stored: [JobEvent] = []
        while stored.isEmpty {
            await Task.yield()
            stored = try await bench.store.events(of: id, after: 0)
        }

        #expect(stored.map(\.sequence) == [100, 101])
        latch.open()
        _ = try await bench.jobs.wait(for: id)
    }

    @Test("events may be reported from any thread")
    func concurrentReports() async throws {
        let bench = try Bench()
        let id = JobID.random()
        _ = try await bench.jobs.run(request(id: id)) { context in
            let sink = context.progress
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<8 {
                    group.addTask { for line in 0..<100 { sink(.log("\(number)/\(line)")) } }
                }
            }
            return ""
        }

        let events = try await bench.store.events(of: id, after: 0)

        #expect(events.map(\.sequence) == Array(1...800))
    }
}
