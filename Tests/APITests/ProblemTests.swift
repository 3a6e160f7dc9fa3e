import Core
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import Jobs
import NIOCore
import Testing
import Wire

@testable import API

@Suite("problems")
struct ProblemTests {
    @Test("every kind has a status of its own sense")
    func statuses() {
        let found = Dictionary(
            uniqueKeysWithValues: ErrorKind.allCases.map { ($0, ProblemMapping.status($0, code: nil).code) })

        #expect(
            found == [
                .invalidArgument: 400, .notFound: 404, .alreadyExists: 409, .invalidState: 409, .permissionDenied: 403,
                .unavailable: 503, .timedOut: 504, .cancelled: 499, .unsupported: 501, .internalError: 500,
            ])
    }

    @Test("too many requests say when to come again")
    func retryAfter() {
        let response = ProblemMapping.response(
            JobError.tooFrequent(.containerStart, target: "container/a", retryAfter: 7), requestID: "r")

        #expect(response.status == .tooManyRequests)
        #expect(response.headers[.retryAfter] == "7")
    }

    @Test("a problem names kind, code, hint and the request")
    func unknownContainer() async throws {
        try await APIHost.run { host in
            let response = try await host.send(.get, "/v1/containers/web")
            let problem = try WireJSON.decode(Problem.self, from: response.body.readableBytesView)

            #expect(response.status == .notFound)
            #expect(problem.status == 404 && problem.kind == .notFound && problem.code == "container-not-found")
            #expect(problem.detail == "no container `web`" && problem.hint != nil)
            #expect(problem.type == "urn:martlet:error:container-not-found")
            #expect(problem.requestID == response.headers[.martletRequest])
        }
    }

    @Test("unknown routes, methods, query parameters and fields are named")
    func refusals() async throws {
        try await APIHost.run { host in
            let route = try await host.problem(.get, "/v1/contaners", status: 404)
            let other = try await host.problem(.get, "/v2/containers", status: 404)
            let empty = try await host.problem(.get, "/v1/containers/", status: 404)
            let method = try await host.send(.put, "/v1/containers")
            let parameter = try await host.problem(.get, "/v1/containers?ownr=user", status: 400)
            let field = try await host.problem(.post, "/v1/containers", json: #"{"imag": "a"}"#, status: 400)
            let json = try await host.problem(.post, "/v1/containers", json: "{", status: 400)
            let flag = try await host.problem(.delete, "/v1/images/a?force=maybe", status: 400)
            let number = try await host.problem(.get, "/v1/jobs?limit=0", status: 400)

            #expect(route.code == "route-not-found" && route.detail.contains("GET /v1/contaners"))
            #expect(other.code == "route-not-found" && empty.code == "route-not-found")
            #expect(method.status == .methodNotAllowed && method.headers[.allow] == "GET, POST")
            #expect(parameter.detail.contains("`ownr`") && parameter.hint == "did you mean `owner`?")
            #expect(field.code == "field-missing" || field.code == "field-unknown")
            #expect(json.detail.contains("line 1, column 2"))
            #expect(flag.detail.contains("`maybe`") && number.detail.contains("`0`"))
        }
    }

    @Test("a body beyond the limit is refused")
    func bodyLimit() async throws {
        try await APIHost.run { host in
            let long = #"{"image": "\#(String(repeating: "a", count: 2 << 20))"}"#

            let problem = try await host.problem(.post, "/v1/containers", json: long, status: 413)

            #expect(problem.code == "body-too-large")
        }
    }

    @Test("a token is asked for where one is set")
    func token() async throws {
        try await APIHost.run(access: .token("0123456789abcdef")) { host in
            let none = try await host.send(.get, "/v1/version")
            let wrong = try await host.send(.get, "/v1/version", headers: [.authorization: "Bearer 0123456789abcdeg"])
            let short = try await host.send(.get, "/v1/version", headers: [.authorization: "Bearer 0"])
            let right = try await host.send(.get, "/v1/version", headers: [.authorization: "Bearer 0123456789abcdef"])

            #expect(none.status == .unauthorized && none.headers[.wwwAuthenticate] == "Bearer")
            #expect(wrong.status == .unauthorized && short.status == .unauthorized)
            #expect(right.status == .ok)
        }
    }

    @Test(
        "tokens compare by all of their bytes",
        arguments: [("a", "a", true), ("a", "b", false), ("", "a", false), ("ab", "a", false), ("a", "ab", false)])
    func constantTime(left: String, right: String, equal: Bool) {
        #expect(AccessPolicy.isEqual(left, right) == equal)
    }
}
