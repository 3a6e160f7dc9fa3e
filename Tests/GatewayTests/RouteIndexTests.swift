import Testing

@testable import Gateway

@Suite("routes")
struct RouteIndexTests {
    private func index(_ routes: [(host: String?, prefix: String)]) -> RouteIndex {
        RouteIndex(
            routes: routes.map { route in
                let responder = ClosureResponder { _ in .text(200, "") }
                return CompiledRoute(
                    Route(
                        id: "\(route.host ?? "*")\(route.prefix)", host: route.host, pathPrefix: route.prefix,
                        target: .respond(responder)),
                    target: .respond(responder))
            }, fallback: nil)
    }

    private func find(_ index: RouteIndex, _ host: String, _ path: String) -> String? {
        Array(host.utf8).withUnsafeBufferPointer { host in
            Array(path.utf8).withUnsafeBufferPointer { path in
                index.route(host: host, path: path, hasEscapes: path.contains(UInt8(ascii: "%")))?.id
            }
        }
    }

    @Test(
        "the exact host goes first, then the longest prefix on a segment border",
        arguments: [
            ("x.test", "/", "*/"), ("x.test", "/a", "*/a"), ("x.test", "/a/", "*/a"), ("x.test", "/ab", "*/"),
            ("x.test", "/a/b/c", "*/a/b"), ("x.test", "/a/bc", "*/a"), ("x.test", "/%61/b", "*/a/b"),
            ("x.test", "/%61", "*/a"),
            ("x.test", "/a%2Fb", "*/"), ("x.test", "/A", "*/"),
            ("A.Test", "/q", "a.test/"), ("a.test", "/z/1", "A.test/z/"), ("a.test.", "/z", "A.test/z/"),
            ("b.test", "/a", "*/a"), ("b.test", "/only", "b.test/only"),
            ("127.0.0.1", "/l", "localhost/l"), ("LOCALHOST", "/l", "localhost/l"), ("[::1]", "/l", "localhost/l"),
            ("", "/", "*/"),
        ])
    func matches(host: String, path: String, expected: String) {
        let index = index([
            (nil, "/"), (nil, "/a"), (nil, "/a/b"), ("a.test", "/"), ("A.test", "/z/"), ("b.test", "/only"),
            ("localhost", "/l"),
        ])

        #expect(find(index, host, path) == expected)
    }

    @Test("nothing matches where no prefix does")
    func noMatch() {
        let index = index([("a.test", "/a"), (nil, "/b")])

        #expect(find(index, "a.test", "/") == nil)
        #expect(find(index, "c.test", "/a") == nil)
    }

    @Test("of two equal routes the first wins, and many routes are told apart")
    func many() {
        let index = index([(nil, "/x")] + (0..<2000).map { (nil, "/app\($0)") } + [(nil, "/x")])

        #expect(find(index, "h", "/app1234/deep/path") == "*/app1234")
        #expect(find(index, "h", "/app12345") == nil)
        #expect(find(index, "h", "/x/y") == "*/x")
    }
}
