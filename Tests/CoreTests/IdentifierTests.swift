import Core
import Testing

@Suite("identifiers")
struct IdentifierTests {
    @Test("a container identifier keeps to its alphabet", arguments: ["a", "web-1", "clc-app_prd_x-0123", "A.b_c-d"])
    func validContainerIDs(text: String) {
        #expect(ContainerID(rawValue: text)?.rawValue == text)
    }

    @Test(
        "a malformed container identifier is refused",
        arguments: ["", "-a", ".a", "_a", "a/b", "a b", "a\n", "é", "../x", String(repeating: "a", count: 129)])
    func malformedContainerIDs(text: String) {
        #expect(ContainerID(rawValue: text) == nil)
    }

    @Test("a container name has at most 63 characters")
    func nameLength() {
        #expect(ContainerName(rawValue: String(repeating: "n", count: 63)) != nil)
        #expect(ContainerName(rawValue: String(repeating: "n", count: 64)) == nil)
    }

    @Test("random identifiers are valid and differ")
    func randomIdentifiers() {
        let all = Set((0..<100).map { _ in ContainerID.random() })

        #expect(all.count == 100)
        #expect(all.allSatisfy { ContainerID(rawValue: $0.rawValue) == $0 })
    }

    @Test(
        "a job identifier is 16 bytes, in hexadecimal or base64url",
        arguments: [
            ("00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"),
            ("00112233445566778899AABBCCDDEEFF", "00112233445566778899aabbccddeeff"),
            ("ABEiM0RVZneImaq7zN3u_w", "00112233445566778899aabbccddeeff"),
        ])
    func jobIdentifiers(text: String, expected: String) {
        #expect(JobID(rawValue: text)?.rawValue == expected)
    }

    @Test(
        "a malformed job identifier is refused",
        arguments: ["", "00", "ABEiM0RVZneImaq7zN3u+w", "0011223344556677889900112233445g"])
    func malformedJobIdentifiers(text: String) {
        #expect(JobID(rawValue: text) == nil)
    }
}
