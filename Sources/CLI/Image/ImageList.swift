internal import ArgumentParser
internal import Client
internal import Wire

/// `martlet image list`.
struct ImageList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the images of the local store.",
        discussion: """
            Examples:
              martlet image list
              martlet image list --quiet
            """, aliases: ["ls"])

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var list: ListOptions

    func run() async throws {
        let images = try await connection.withClient { try await $0.images() }
        try list.print(images, id: \.digest) { Self.table(images) }
    }

    static func table(_ images: [ImageInfo], now: Int64 = Formats.now) -> Table {
        var table = Table("NAME", "DIGEST", "SIZE", "ARCHITECTURE", "ADDED")
        for image in images {
            for name in image.references.isEmpty ? ["-"] : image.references.map(Formats.familiar) {
                table.rows.append([
                    name, Formats.short(image.digest), Formats.bytes(image.sizeBytes), image.architecture,
                    Formats.age(image.createdAt, now: now),
                ])
            }
        }
        return table
    }
}
