import Core
import Engines
import FoundationEssentials
import HTTPTypes
import HummingbirdTesting
import Logging
import NIOCore
import Testing
import Wire

@testable import API

@Suite("image, job, app and system routes")
struct OtherRouteTests {
    @Test("images: list, show, pull, load from an upload, delete, prune")
    func images() async throws {
        try await APIHost.run { host in
            await host.engine.publish(image: "remote:1")
            let list = try await host.read(ListPage<ImageInfo>.self, .get, "/v1/images")
            let shown = try await host.read(ImageInfo.self, .get, "/v1/images/web:1")
            let missing = try await host.problem(.get, "/v1/images/nothing:1", status: 404)
            let pulled = try await host.read(
                ImageInfo.self, .post, "/v1/images/pull?wait", json: #"{"reference": "remote:1"}"#)
            let malformed = try await host.problem(
                .post, "/v1/images/pull", json: #"{"reference": "UPPER CASE"}"#, status: 400)
            let media = try await host.send(
                .post, "/v1/images/load?wait", body: ByteBuffer(string: "x"), headers: [.contentType: "text/plain"])
            let broken = try await host.send(
                .post, "/v1/images/load?wait", body: ByteBuffer(string: "x"),
                headers: [.contentType: "application/x-tar"])
            let removed = try await host.send(.delete, "/v1/images/remote:1?wait")
            let pruned = try await host.read(
                PruneImagesResult.self, .post, "/v1/images/prune?wait", json: #"{"all": true}"#)

            #expect(list.items.count == 1 && shown.digest == list.items.first?.digest)
            #expect(missing.code == "image-not-found")
            #expect(pulled.references.contains { $0.contains("remote:1") })
            #expect(malformed.detail.contains("UPPER CASE"))
            #expect(media.status == .unsupportedMediaType)
            #expect(broken.status.code >= 400)
            #expect(removed.status == .ok)
            #expect(pruned.removed.count == 1)
            let leftovers =
                (try? FileManager.default.contentsOfDirectory(atPath: host.directory + "/lib/uploads")) ?? []
            #expect(leftovers.isEmpty)
        }
    }

    @Test("what uploads a crash has left is gone after the next start")
    func leftoverUploads() async throws {
        try await APIHost.run { host in
            let directory = host.directory + "/lib/uploads"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try "half".write(toFile: directory + "/left", atomically: false, encoding: .utf8)

            Upload.collect(below: host.directory + "/lib", Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })

            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
        }
    }

    @Test("dates of answers")
    func dates() {
        #expect(HTTPDate.text(784_111_777) == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.text(1_795_305_600) == "Sun, 22 Nov 2026 00:00:00 GMT")
    }

    @Test("a build needs a directory with a container file")
    func build() async throws {
        try await APIHost.run { host in
            let relative = try await host.problem(
                .post, "/v1/images/build", json: #"{"context": "here", "tag": "a:1"}"#, status: 400)
            let nowhere = try await host.problem(
                .post, "/v1/images/build", json: #"{"context": "/nowhere", "tag": "a:1"}"#, status: 400)
            let empty = try await host.problem(
                .post, "/v1/images/build", json: #"{"context": "\#(host.directory)", "tag": "a:1"}"#, status: 400)

            #expect(relative.detail.contains("absolute") && nowhere.detail.contains("/nowhere"))
            #expect(empty.detail.contains("Containerfile"))
        }
    }

    @Test("jobs: unknown ones, and a header that names none")
    func jobs() async throws {
        try await APIHost.run { host in
            let unknown = try await host.problem(.get, "/v1/jobs/ffffffffffffffffffffffffffffffff", status: 404)
            let short = try await host.problem(.post, "/v1/jobs/ff/cancel", status: 404)
            let header = try await host.send(
                .post, "/v1/images/prune", json: "{}", headers: [.martletJob: "not a job"])

            #expect(unknown.code == "job-not-found" && short.code == "job-not-found")
            #expect(header.status == .badRequest && header.text.contains("Martlet-Job"))
        }
    }

    @Test("apps: create, show by encoded address, list, delete; unknown ones")
    func apps() async throws {
        try await APIHost.run { host in
            let source = host.directory + "/source"
            try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
            let star = """
                app = ace.app("Hello", routes=[], permissions=[])
                """
            try star.write(toFile: source + "/app.star", atomically: true, encoding: .utf8)
            let created = try await host.send(
                .post, "/v1/apps?wait", json: #"{"source": "\#(source)", "address": "/hello", "approve": true}"#)
            let shown = try await host.send(.get, "/v1/apps/%2Fhello")
            let list = try await host.read(ListPage<AppInfo>.self, .get, "/v1/apps")
            let deleted = try await host.send(.delete, "/v1/apps/%2Fhello?wait")
            let unknown = try await host.problem(.get, "/v1/apps/%2Fhello", status: 404)
            let refused = try await host.problem(
                .post, "/v1/apps?wait", json: #"{"source": "/nowhere", "address": "/x"}"#, status: 400)

            #expect(created.status == .created, "\(created.text)")
            let change = try WireJSON.decode(AppChangeInfo.self, from: created.body.readableBytesView)
            #expect(change.address == "/hello" && change.version == 1 && change.changed)
            let detail = try WireJSON.decode(AppDetail.self, from: shown.body.readableBytesView)
            #expect(detail.summary.name == "Hello" && detail.summary.url == "http://127.0.0.1:1/hello")
            #expect(list.items.map(\.address) == ["/hello"])
            #expect(deleted.status == .ok, "\(deleted.text)")
            #expect(unknown.code == "APP-NOTFOUND")
            #expect(refused.code == "APP-SOURCE")
        }
    }

    @Test("an app change that nobody waits for is a job, whose result the client understands")
    func appJob() async throws {
        try await APIHost.run { host in
            let source = host.directory + "/source"
            try FileManager.default.createDirectory(atPath: source, withIntermediateDirectories: true)
            try #"app = ace.app("Hello", routes=[], permissions=[])"#.write(
                toFile: source + "/app.star", atomically: true, encoding: .utf8)
            let job = try await host.read(
                JobInfo.self, .post, "/v1/apps", json: #"{"source": "\#(source)", "address": "/hello"}"#, status: 202)
            _ = try await host.send(.get, "/v1/jobs/\(job.id)/events")
            let ended = try await host.read(JobInfo.self, .get, "/v1/jobs/\(job.id)")

            #expect(ended.state == .succeeded, "\(ended)")
            #expect(try WireJSON.decode(AppChangeInfo.self, from: (ended.result ?? "").utf8).address == "/hello")
        }
    }
}
