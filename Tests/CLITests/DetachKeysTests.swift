import Testing

@testable import CLI

@Suite("detach keys")
struct DetachKeysTests {
    @Test(
        "names",
        arguments: [
            ("ctrl-p,ctrl-q", [16, 17]), ("ctrl-P,x", [16, 0x78]), ("ctrl-@,ctrl-_", [0, 31]), ("", []),
        ] as [(String, [UInt8])])
    func names(text: String, keys: [UInt8]) {
        #expect(DetachKeys(argument: text)?.keys == keys)
    }

    @Test("what cannot be typed so is refused", arguments: ["ctrl-", "ctrl-1", "ab", "a,,b", ",", "ctrl-é"])
    func refused(text: String) {
        #expect(DetachKeys(argument: text) == nil)
    }

    @Test("written as it is read")
    func description() {
        #expect("\(DetachKeys.standard)" == "ctrl-p,ctrl-q")
    }

    @Test("they are found over several pieces, what only began like them is passed on")
    func filter() throws {
        var keys = try #require(DetachKeys(argument: "a,a,b"))

        let first = keys.filter("xa".utf8)
        let second = keys.filter("ca".utf8)
        let third = keys.filter("a".utf8)
        let fourth = keys.filter("by".utf8)

        #expect(String(decoding: first.passed, as: UTF8.self) == "x" && !first.detached)
        #expect(String(decoding: second.passed, as: UTF8.self) == "ac" && !second.detached)
        #expect(third.passed.isEmpty && !third.detached)
        #expect(fourth.passed.isEmpty && fourth.detached)
    }

    @Test("without keys everything is passed on")
    func none() throws {
        var keys = try #require(DetachKeys(argument: ""))

        #expect(keys.filter([16, 17]).passed == [16, 17])
    }
}
