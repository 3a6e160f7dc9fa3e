import OCI
import Testing

@Suite("Names of images")
struct ImageReferenceTests {
    static let digest = "sha256:" + String(repeating: "0a", count: 32)

    @Test(
        "what a person writes has one full form",
        arguments: [
            ("alpine", "docker.io/library/alpine:latest"),
            ("alpine:3.20", "docker.io/library/alpine:3.20"),
            ("org/app", "docker.io/org/app:latest"),
            ("docker.io/alpine", "docker.io/library/alpine:latest"),
            ("index.docker.io/library/alpine:1", "docker.io/library/alpine:1"),
            ("localhost/app:1", "localhost/app:1"),
            ("localhost:5000/app", "localhost:5000/app:latest"),
            ("127.0.0.1:5000/a/b/c:t_1.x-y", "127.0.0.1:5000/a/b/c:t_1.x-y"),
            ("[::1]:5000/app", "[::1]:5000/app:latest"),
            ("Quay.IO/org/app", "quay.io/org/app:latest"),
            ("a__b-c---d.e", "docker.io/library/a__b-c---d.e:latest"),
            ("alpine@\(digest)", "docker.io/library/alpine@\(digest)"),
            ("alpine:3@\(digest)", "docker.io/library/alpine:3@\(digest)"),
        ])
    func parses(text: String, full: String) throws {
        let reference = try #require(ImageReference(parsing: text))

        #expect(reference.description == full)
        #expect(ImageReference(parsing: full) == reference)
    }

    @Test(
        "what is malformed is refused",
        arguments: [
            "", ":", "a:", ":a", "a:b:c", "Alpine", "a//b", "/a", "a/", "a b", "a@", "a@sha256:12", "a@md5:1", "-a",
            "a..b", "a___b", "a._b",
            ":5000/a", "host.:5000/a", "host:port/a", "host:0/a", "[::1/a", "a:.tag", "ä", "a/\u{0}b",
            String(repeating: "a", count: 256), "a:" + String(repeating: "t", count: 129),
        ])
    func refuses(text: String) { #expect(ImageReference(parsing: text) == nil) }

    @Test(
        "the familiar form is short and means the same here",
        arguments: [
            ("alpine:3", "alpine:3"), ("org/app", "org/app:latest"), ("localhost/app", "app:latest"),
            ("quay.io/a/b", "quay.io/a/b:latest"),
        ])
    func familiar(text: String, short: String) throws {
        let reference = try #require(ImageReference(parsing: text))

        #expect(reference.familiar == short)
        #expect(ImageReference(parsing: short)?.localCandidates.contains(reference) == true)
    }

    @Test("a name without host may be local")
    func localCandidates() throws {
        #expect(
            ImageReference(parsing: "app:1")?.localCandidates.map(\.description) == [
                "docker.io/library/app:1", "localhost/app:1",
            ])
        #expect(
            ImageReference(parsing: "o/app:1")?.localCandidates.map(\.description) == [
                "docker.io/o/app:1", "localhost/o/app:1",
            ])
        #expect(ImageReference(parsing: "quay.io/app:1")?.localCandidates.map(\.description) == ["quay.io/app:1"])
        #expect(ImageReference(parsing: "app:1", defaultRegistry: "localhost")?.description == "localhost/app:1")
    }

    @Test(
        "registries on this machine are known",
        arguments: [
            ("localhost:5000/a", true), ("127.0.0.53:1/a", true), ("[::1]:5000/a", true), ("127.example.org/a", false),
            ("a", false),
            ("localhost.example.org/a", false),
        ])
    func loopback(text: String, expected: Bool) { #expect(ImageReference(parsing: text)?.isOnLoopback == expected) }
}

@Suite("Digests")
struct DigestTests {
    @Test("only sha256 in lower case is a digest")
    func parses() {
        let hex = String(repeating: "0f", count: 32)

        #expect(Digest(rawValue: "sha256:" + hex)?.hex == hex)
        for bad in [
            hex, "sha256:" + hex.uppercased(), "sha256:" + hex + "0", "sha512:" + hex + hex,
            "sha256:../" + hex.dropFirst(3),
        ] {
            #expect(Digest(rawValue: bad) == nil)
        }
    }

    @Test("pieces hash like the whole")
    func pieces() {
        var hasher = DigestHasher()
        for piece in ["ab", "", "c"] { Array(piece.utf8).withUnsafeBytes { hasher.update($0) } }

        #expect(hasher.finish() == Digest(of: Array("abc".utf8)))
        #expect(hasher.finish().hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    }
}
