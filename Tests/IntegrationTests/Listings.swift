/// What the tests read of `--json` listings.
struct ListedContainer: Decodable, Sendable {
    let id: String
    let name: String?
    let phase: String
}

/// What the tests read of an image.
struct ListedImage: Decodable, Sendable {
    let digest: String
    let references: [String]
}

extension TestHost {
    /// All containers, also those that do not run.
    func containers() async throws -> [ListedContainer] {
        try await json([ListedContainer].self, "container", "list", "--all")
    }

    /// All images.
    func images() async throws -> [ListedImage] { try await json([ListedImage].self, "image", "list") }
}
