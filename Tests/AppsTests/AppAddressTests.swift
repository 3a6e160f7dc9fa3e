import Testing

@testable import Apps

@Suite("addresses of apps")
struct AppAddressTests {
    @Test(
        "addresses are normalised",
        arguments: [
            ("/", "/"), ("/a/", "/a"), ("/a//", "/a"), ("X.test:/a", "x.test:/a"), ("app.:/", "app.localhost:/"),
            ("localhost:/b", "/b"),
        ])
    func normalised(text: String, expected: String) throws {
        #expect(try AppAddress(parsing: text).description == expected)
    }

    @Test(
        "EX-32 what is no address is refused",
        arguments: [
            "", "a", "/a/..", "/a/./b", "/a/.", "/x_cl_y", "a:b:/c", "/a//b", "/a b", "/a?b", "/_martlet/x",
            "/_openrun/x",
            ":/a", "bad_.:", "/\u{7F}",
        ])
    func refused(text: String) {
        let error = #expect(throws: AppError.self) { try AppAddress(parsing: text) }
        #expect(error?.code == .appAddress)
    }

    @Test("EX-32 a path that begins another one overlaps with it, on segment borders and within a domain")
    func overlap() throws {
        let a = try AppAddress(parsing: "/a")

        #expect(a.overlaps(try AppAddress(parsing: "/a/b")))
        #expect(a.overlaps(try AppAddress(parsing: "/")))
        #expect(!a.overlaps(try AppAddress(parsing: "/ab")))
        #expect(!a.overlaps(try AppAddress(parsing: "x.test:/a")))
    }

    @Test("identifiers are sortable by time and of the agreed shape")
    func identifiers() {
        let early = AppNames.newIdentifier(now: 1_700_000_000_000)
        let late = AppNames.newIdentifier(now: 1_700_000_000_001)

        #expect(early.wholeMatch(of: /app_prd_[0-9a-z]{27}/) != nil)
        #expect(early < late)
        #expect(AppNames.runContainer(app: early).utf8.count <= 63)
        #expect(AppNames.container(app: early, versionHash: String(repeating: "a", count: 64)).utf8.count <= 63)
    }
}
