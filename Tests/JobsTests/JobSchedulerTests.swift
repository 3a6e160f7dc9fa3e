import Core
import Testing

@testable import Jobs

@Suite("JobScheduler")
struct JobSchedulerTests {
    let ids = (0..<8).map { _ in JobID.random() }

    @Test("jobs of one target run one at a time, in order")
    func serial() {
        var scheduler = JobScheduler(width: 4)
        for id in ids.prefix(3) { scheduler.enqueue(id, target: "a") }

        #expect(scheduler.next() == ids[0])
        #expect(scheduler.next() == nil)
        scheduler.finished(target: "a")
        #expect(scheduler.next() == ids[1])
        scheduler.finished(target: "a")
        #expect(scheduler.next() == ids[2])
        #expect(scheduler.waiting == 0)
    }

    @Test("targets take turns, so that a long queue holds up nobody")
    func fair() {
        var scheduler = JobScheduler(width: 1)
        for id in ids.prefix(3) { scheduler.enqueue(id, target: "a") }
        scheduler.enqueue(ids[3], target: "b")
        var order: [JobID] = []

        while let id = scheduler.next() {
            order.append(id)
            scheduler.finished(target: id == ids[3] ? "b" : "a")
        }

        #expect(order == [ids[0], ids[3], ids[1], ids[2]])
    }

    @Test("no more than the width run at once")
    func width() {
        var scheduler = JobScheduler(width: 2)
        for (index, id) in ids.enumerated() { scheduler.enqueue(id, target: "\(index)") }

        #expect(scheduler.next() == ids[0])
        #expect(scheduler.next() == ids[1])
        #expect(scheduler.next() == nil)
        scheduler.lendPlace()
        #expect(scheduler.next() == ids[2])
        scheduler.takePlaceBack()
        #expect(scheduler.running == 3)
        #expect(scheduler.next() == nil)
    }

    @Test("a removed job is not run, and its target takes no turn")
    func remove() {
        var scheduler = JobScheduler(width: 4)
        scheduler.enqueue(ids[0], target: "a")
        scheduler.enqueue(ids[1], target: "b")

        scheduler.remove(ids[0], target: "a")

        #expect(scheduler.waiting == 1)
        #expect(scheduler.next() == ids[1])
        #expect(scheduler.next() == nil)
    }
}

@Suite("JobThrottle")
struct JobThrottleTests {
    @Test("restarts need a pause between them")
    func restarts() {
        var throttle = JobThrottle(policy: ThrottlePolicy())

        #expect(throttle.accept(.containerRestart, target: "a", at: .seconds(1)) == nil)
        #expect(throttle.accept(.containerRestart, target: "a", at: .milliseconds(1100)) == .milliseconds(300))
        #expect(throttle.accept(.containerRestart, target: "b", at: .milliseconds(1100)) == nil)
        #expect(throttle.accept(.containerRestart, target: "a", at: .milliseconds(1400)) == nil)
    }

    @Test("a burst of changes is bounded and refills with time", arguments: [JobKind.containerStart, .containerStop])
    func burst(kind: JobKind) {
        var throttle = JobThrottle(policy: ThrottlePolicy())
        for _ in 0..<10 { #expect(throttle.accept(kind, target: "a", at: .zero) == nil) }

        #expect(throttle.accept(kind, target: "a", at: .milliseconds(250)) == .milliseconds(750))
        #expect(throttle.accept(kind, target: "a", at: .seconds(1)) == nil)
        #expect(throttle.accept(kind, target: "a", at: .seconds(1)) == .seconds(1))
    }

    @Test("other changes are not counted")
    func others() {
        var throttle = JobThrottle(policy: ThrottlePolicy())
        for _ in 0..<100 { #expect(throttle.accept(.appReload, target: "a", at: .zero) == nil) }
    }
}

@Suite("EventRetention")
struct EventRetentionTests {
    func event(_ sequence: Int, _ event: ProgressEvent) -> JobEvent {
        JobEvent(sequence: sequence, time: 0, event: event)
    }

    func bytes(_ item: String, _ done: Int64) -> ProgressEvent {
        .bytes(item: item, done: ByteCount(done), total: nil)
    }

    @Test("byte counts go before log lines, and steps stay")
    func order() {
        var events = [
            event(1, .step("pull")), event(2, bytes("a", 1)), event(3, .log("one")), event(4, bytes("a", 2)),
            event(5, bytes("b", 1)), event(6, .log("two")), event(7, .step("unpack")), event(8, bytes("a", 3)),
        ]

        let dropped = EventRetention(limit: 5, slack: 0).compact(&events)

        #expect(events.map(\.sequence) == [1, 5, 6, 7, 8])
        #expect(dropped == [2, 3, 4])
    }

    @Test("nothing is kept without bound")
    func bound() {
        var events = (1...50).map { event($0, .step("\($0)")) }

        _ = EventRetention(limit: 10, slack: 0).compact(&events)

        #expect(events.map(\.sequence) == Array(41...50))
    }

    @Test("long lines are cut")
    func longLines() {
        let line = String(repeating: "x", count: 100_000)

        guard case .log(let kept) = EventRetention.shortened(.log(line)) else {
            Issue.record("another event")
            return
        }
        #expect(kept.utf8.count <= EventRetention.longestText + 3)
    }
}
