internal import ArgumentParser

/// `martlet job …`.
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job", abstract: "Look at changes under way and those that were.",
        subcommands: [JobList.self, JobShow.self, JobFollow.self, JobCancel.self])
}
