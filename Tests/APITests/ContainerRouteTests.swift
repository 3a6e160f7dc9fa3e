import Core
import Engines
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import API

@Suite("container routes")
struct ContainerRouteTests {
    @Test("create, list, show, stop, start, delete")
    func life() async throws {
        try await APIHost.run { host in
            let made = try await host.read(
                ContainerInfo.self, .post, "/v1/containers?wait",
                json: """
                    {"image": "web:1", "name": "web", "ports": [{"containerPort": 80}], "secretEnvironment": {"KEY": "s3cret"},
                     "restart": "on-failure:3", "limits": {"memoryBytes": 33554432}, "labels": {"a": "b"}}
                    """, status: 201)
            let id = made.summary.id
            let list = try await host.read(ListPage<ContainerSummary>.self, .get, "/v1/containers")
            let shown = try await host.read(ContainerInfo.self, .get, "/v1/containers/web")
            let stopped = try await host.read(
                ContainerInfo.self, .post, "/v1/containers/web/stop?wait=true", json: #"{"graceSeconds": 1}"#)
            let started = try await host.read(
                ContainerInfo.self, .post, "/v1/containers/\(id.prefix(8))/start?wait=true")
            let refused = try await host.problem(.delete, "/v1/containers/web?wait", status: 409)
            try await host.read(EmptyResult.self, .delete, "/v1/containers/web?wait&force")
            let gone = try await host.send(.get, "/v1/containers/web")

            #expect(made.summary.phase == .running && made.summary.owner == "user")
            #expect(list.items.map(\.id) == [id] && list.next == nil)
            #expect(shown.settings.secretEnvironment == ["KEY": "******"])
            #expect(shown.settings.restart == "on-failure:3" && shown.settings.limits?.memoryBytes == 33_554_432)
            #expect(shown.settings.labels?["a"] == "b")
            #expect(stopped.summary.phase == .exited)
            #expect(started.summary.phase == .running)
            #expect(refused.hint?.contains("force") == true)
            #expect(gone.status == .notFound)
        }
    }

    @Test("without waiting the answer is the job, which leads to the result")
    func job() async throws {
        try await APIHost.run { host in
            let id = "000102030405060708090a0b0c0d0e0f"
            let response = try await host.send(
                .post, "/v1/containers", json: #"{"image": "web:1"}"#, headers: [.martletJob: id])
            let again = try await host.send(
                .post, "/v1/containers?wait", json: #"{"image": "web:1"}"#, headers: [.martletJob: id])
            let events = try await host.send(.get, "/v1/jobs/\(id)/events")
            let job = try await host.read(JobInfo.self, .get, "/v1/jobs/\(id.prefix(8))")
            let jobs = try await host.read(ListPage<JobInfo>.self, .get, "/v1/jobs")

            #expect(response.status == .accepted && response.headers[.location] == "/v1/jobs/\(id)")
            #expect(again.status == .created)
            #expect(events.status == .ok)
            #expect(job.state == .succeeded && job.kind == "container-create")
            let made = try WireJSON.decode(ContainerInfo.self, from: (job.result ?? "").utf8)
            #expect(made.summary.id == String(id.prefix(24)))
            #expect(
                try WireJSON.decode(ContainerInfo.self, from: again.body.readableBytesView).summary.id
                    == made.summary.id)
            #expect(jobs.items.map(\.id).contains(id))
        }
    }

    @Test(
        "bad values are refused by field, value and rule, and nothing is created",
        arguments: [
            (#"{"image": ""}"#, "image"), (#"{"image": "a", "name": "-x"}"#, "name"),
            (#"{"image": "a", "restart": "often"}"#, "often"), (#"{"image": "a", "id": "../x"}"#, "id"),
            (#"{"image": "a", "mounts": [{"source": "data", "target": "/d"}]}"#, "mounts[0].source"),
            (#"{"image": "a", "ports": [{"containerPort": 0}]}"#, "ports[0].containerPort"),
            (#"{"image": "a", "ports": [{"containerPort": 1, "hostAddress": "here"}]}"#, "here"),
            (#"{"image": "a", "limits": {"memoryBytes": 5}}"#, "limits.memoryBytes"),
            (#"{"image": "a", "limits": {"processes": 0}}"#, "limits.processes"),
            (#"{"image": "a", "health": {}}"#, "exactly one"), (#"{"image": "a", "stopSignal": "SIGNOPE"}"#, "SIGNOPE"),
            (#"{"image": "a", "environment": {"A=B": "c"}}"#, "A=B"),
            (#"{"image": "a", "labels": {"martlet.owner": "me"}}"#, "reserved"),
            (#"{"image": "a", "removeOnExit": true, "restart": "always"}"#, "removeOnExit"),
        ])
    func refusals(json: String, token: String) async throws {
        try await APIHost.run { host in
            let problem = try await host.problem(.post, "/v1/containers?wait", json: json, status: 400)

            #expect(problem.detail.contains(token), "\(problem.detail)")
            #expect(try await host.read(ListPage<ContainerSummary>.self, .get, "/v1/containers").items.isEmpty)
        }
    }

    @Test("an image that is not there is said to be so")
    func missingImage() async throws {
        try await APIHost.run { host in
            let never = try await host.problem(
                .post, "/v1/containers?wait", json: #"{"image": "nothing:1", "pull": "never"}"#, status: 404)

            #expect(never.code == "image-not-found" && never.detail.contains("nothing:1"))
        }
    }

    @Test("logs, stats and wait")
    func reports() async throws {
        try await APIHost.run { host in
            await host.engine.script(image: "job:1", .exiting(3, lines: ["one", "two", "three"]))
            try await host.send(.post, "/v1/containers?wait", json: #"{"image": "job:1", "name": "job"}"#)
            let exit = try await host.read(ExitInfo.self, .get, "/v1/containers/job/wait")
            let logs = try await host.send(.get, "/v1/containers/job/logs?tail=2")
            let followed = try await host.send(.get, "/v1/containers/job/logs?follow")
            let stats = try await host.problem(.get, "/v1/containers/job/stats", status: 409)

            #expect(exit == ExitInfo(code: 3))
            #expect(logs.headers[.contentType] == "application/x-ndjson")
            #expect(try logs.lines.map { try WireJSON.decode(LogLine.self, from: $0.utf8).text } == ["two", "three"])
            #expect(followed.lines.count == 3)
            #expect(stats.kind == .invalidState)
        }
    }

    @Test("lists come in parts")
    func paging() async throws {
        try await APIHost.run { host in
            for index in 0..<5 {
                try await host.send(.post, "/v1/containers?wait", json: #"{"image": "web:1", "name": "c\#(index)"}"#)
            }
            let first = try await host.read(ListPage<ContainerSummary>.self, .get, "/v1/containers?limit=2")
            let second = try await host.read(
                ListPage<ContainerSummary>.self, .get, "/v1/containers?limit=2&after=\(first.next ?? "")")
            let third = try await host.read(
                ListPage<ContainerSummary>.self, .get, "/v1/containers?limit=2&after=\(second.next ?? "")")
            let wrong = try await host.problem(.get, "/v1/containers?after=nobody", status: 400)

            #expect([first, second, third].map(\.items.count) == [2, 2, 1] && third.next == nil)
            #expect(Set([first, second, third].flatMap { $0.items.map(\.id) }).count == 5)
            #expect(wrong.detail.contains("nobody"))
        }
    }

    @Test("the quick writer of lists writes what Codable writes")
    func listWriter() throws {
        var spec = ContainerSpec(image: "weird \"name\"\\\n")
        spec.name = ContainerName(rawValue: "web")
        var full = ContainerStatus(
            id: try #require(ContainerID(rawValue: "abc")), spec: spec, owner: .app("app_1"), createdAt: 1)
        full.phase = .exited
        full.startedAt = 2
        full.finishedAt = 3
        full.exit = ContainerExit(code: 137, outOfMemory: true)
        full.restarts = 4
        full.address = "10.88.0.2"
        full.ports = [PublishedPort(hostPort: 1, containerPort: 80), PublishedPort(containerPort: 53, transport: .udp)]
        full.message = "ümlaut \u{1}"
        let bare = ContainerStatus(
            id: try #require(ContainerID(rawValue: "def")), spec: ContainerSpec(image: "a"), owner: .user, createdAt: 5)
        for (statuses, next) in [([full, bare], "def"), ([], nil), ([bare], nil)] as [([ContainerStatus], String?)] {
            let expected = ListPage(items: statuses.map(ContainerSummary.init), next: next)

            let written = ContainerListWriter.write(statuses, next: next)

            #expect(try WireJSON.decode(ListPage<ContainerSummary>.self, from: written) == expected)
            #expect(try JSONDocument(parsing: written) == JSONDocument(parsing: try WireJSON.encode(expected)))
        }
    }

    @Test("a specification survives the way to the client and back")
    func settings() throws {
        var settings = ContainerSettings(image: "a")
        settings.entrypoint = []
        settings.command = ["x"]
        settings.environment = ["A": "1"]
        settings.mounts = [MountSettings(source: "/a", target: "/b", readOnly: true)]
        settings.limits = LimitSettings()
        settings.limits?.processes = -1
        settings.health = HealthSettings()
        settings.health?.http = HTTPProbeSettings(port: 80)
        settings.restart = "always"

        let spec = try ContainerSpec(settings)

        #expect(try ContainerSpec(ContainerSettings(spec)) == spec)
        #expect(spec.limits.processes == nil && spec.entrypoint == [])
        #expect(spec.health?.probe == .http(scheme: "http", port: 80, path: "/", statuses: 200...299))
    }

    @Test(
        "signals by name and number",
        arguments: [("SIGTERM", 15), ("term", 15), ("9", 9), ("RTMIN+3", 37)] as [(String, Int32)])
    func signals(text: String, number: Int32) throws {
        #expect(try SignalName.number(text) == number)
        #expect(throws: InvalidArgument.self) { try SignalName.number("65") }
        #expect(throws: InvalidArgument.self) { try SignalName.number("SIG") }
    }
}
