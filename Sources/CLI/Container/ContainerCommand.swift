internal import ArgumentParser

/// `martlet container …`.
struct ContainerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "container", abstract: "Look at containers and change them.",
        subcommands: [
            ContainerList.self, ContainerShow.self, ContainerStart.self, ContainerStop.self, ContainerRestart.self,
            ContainerPause.self, ContainerResume.self, ContainerKill.self, ContainerDelete.self, ContainerLogs.self,
            ContainerExec.self, ContainerAttach.self, ContainerStatsCommand.self, ContainerWait.self,
        ])
}
