internal import ArgumentParser

/// `martlet image …`.
struct ImageCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image", abstract: "Fetch, build, load and remove images.",
        subcommands: [
            ImageList.self, ImageShow.self, ImagePull.self, ImageBuild.self, ImageLoad.self, ImageDelete.self,
            ImagePrune.self,
        ])

    /// The line that a command which made an image prints: a name, else the digest.
    static func name(of image: String, references: [String]) -> String {
        references.first.map(Formats.familiar) ?? image
    }
}
