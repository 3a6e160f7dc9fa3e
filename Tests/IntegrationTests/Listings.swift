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

    /// Waits until a container shows `phase`.
    func until(_ name: String, _ phase: String) async throws {
        try await until("container `\(name)` is \(phase)") {
            try await self.containers().contains { $0.name == name && $0.phase == phase }
        }
    }

    /// Asks again and again, each time with a command, until `condition` holds; gives up after a minute.
    func until(_ what: String, _ condition: () async throws -> Bool) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while try await !condition() {
            guard ContinuousClock.now < end else { throw TestFailure("\(what): it is not so after a minute") }
        }
    }

    /// All images.
    func images() async throws -> [ListedImage] { try await json([ListedImage].self, "image", "list") }
}
