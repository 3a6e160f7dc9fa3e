import Core
import Engines
import HTTPTypes
import HummingbirdTesting
import NIOCore
import Testing
import Wire

@testable import API

@Suite("session routes")
struct SessionRouteTests {
    private func frames(_ bytes: ByteBuffer) throws -> [OutputFrame] {
        var reader = OutputFrameReader()
        return try reader.append(bytes.readableBytesView)
    }

    @Test("a further process: output, exit, and nobody reads twice")
    func exec() async throws {
        try await APIHost.run { host in
            try await host.send(.post, "/v1/containers?wait", json: #"{"image": "web:1", "name": "web"}"#)
            let session = try await host.read(
                SessionInfo.self, .post, "/v1/containers/web/exec", json: #"{"command": ["print", "hello"]}"#,
                status: 201)
            let output = try await host.send(.get, "/v1/sessions/\(session.id)/output")
            let exit = try await host.read(ExitInfo.self, .get, "/v1/sessions/\(session.id)/exit")
            let again = try await host.problem(.get, "/v1/sessions/\(session.id)/output", status: 409)
            try await host.read(EmptyResult.self, .delete, "/v1/sessions/\(session.id)")
            let gone = try await host.problem(.get, "/v1/sessions/\(session.id)/exit", status: 404)

            #expect(output.headers[.contentType] == OutputFrame.mediaType)
            let frames = try frames(output.body)
            #expect(frames.dropLast().flatMap(\.payload) == Array("hello\n".utf8))
            #expect(frames.last?.kind == .exit)
            #expect(try WireJSON.decode(ExitInfo.self, from: frames.last?.payload ?? []) == ExitInfo(code: 0))
            #expect(exit == ExitInfo(code: 0))
            #expect(again.code == "session-output-taken" && gone.code == "session-not-found")
        }
    }

    @Test("input reaches the process, and its end too")
    func input() async throws {
        try await APIHost.run { host in
            try await host.send(.post, "/v1/containers?wait", json: #"{"image": "web:1", "name": "web"}"#)
            let session = try await host.read(
                SessionInfo.self, .post, "/v1/containers/web/exec", json: #"{"command": ["cat"], "openInput": true}"#,
                status: 201)
            try await host.send(
                .post, "/v1/sessions/\(session.id)/input?close=false", body: ByteBuffer(string: "one "))
            try await host.send(.post, "/v1/sessions/\(session.id)/resize", json: #"{"columns": 80, "rows": 24}"#)
            try await host.send(.post, "/v1/sessions/\(session.id)/input", body: ByteBuffer(string: "two"))
            let output = try await host.send(.get, "/v1/sessions/\(session.id)/output")

            let frames = try frames(output.body)
            #expect(frames.filter { $0.kind == .standardOutput }.flatMap(\.payload) == Array("one two".utf8))
            #expect(frames.last?.kind == .exit)
        }
    }

    @Test("attach and start: nothing of a short run is lost")
    func attachAndStart() async throws {
        try await APIHost.run { host in
            await host.engine.script(image: "job:1", .exiting(3, lines: ["first", "last"]))
            try await host.send(.post, "/v1/containers?wait&start=false", json: #"{"image": "job:1", "name": "job"}"#)
            let session = try await host.read(
                SessionInfo.self, .post, "/v1/containers/job/attach", json: #"{"start": true}"#, status: 201)
            let output = try await host.send(.get, "/v1/sessions/\(session.id)/output")

            let frames = try frames(output.body)
            #expect(frames.filter { $0.kind == .standardOutput }.flatMap(\.payload) == Array("first\nlast\n".utf8))
            #expect(try WireJSON.decode(ExitInfo.self, from: frames.last?.payload ?? []).code == 3)
        }
    }

    @Test("what cannot be run is a problem, not a session")
    func refusals() async throws {
        try await APIHost.run { host in
            try await host.send(.post, "/v1/containers?wait", json: #"{"image": "web:1", "name": "web"}"#)
            let nothing = try await host.problem(
                .post, "/v1/containers/web/exec", json: #"{"command": []}"#, status: 400)
            let missing = try await host.send(
                .post, "/v1/containers/web/exec", json: #"{"command": ["/no/such"]}"#)
            let unknown = try await host.problem(
                .post, "/v1/containers/none/exec", json: #"{"command": ["a"]}"#, status: 404)

            #expect(nothing.detail.contains("command"))
            #expect(missing.status.code >= 400)
            #expect(unknown.code == "container-not-found")
        }
    }

    @Test("a session that nobody reads is forgotten")
    func forgotten() async throws {
        let registry = SessionRegistry(idleLimit: .milliseconds(1))
        let engine = InMemoryEngine()
        await engine.script(image: "web:1")
        let id = try #require(ContainerID(rawValue: "c"))
        try await engine.createContainer(id, ContainerSpec(image: "web:1"))
        try await engine.startContainer(id)
        let session = try await registry.add(
            try await engine.exec(id, ExecSpec(command: ["cat"])), container: id, now: 0)

        await withTaskGroup(of: Void.self) { group in
            group.addTask { await registry.run() }
            while await registry.count > 0 { await Task.yield() }
            group.cancelAll()
        }

        await #expect(throws: APIError.self) { try await registry.session(session.id) }
    }
}
