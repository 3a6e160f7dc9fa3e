package import ArgumentParser

/// The commands that talk with a daemon; the executable adds those that are one.
package enum CLICommands {
    /// In the order of the help.
    package static var all: [any ParsableCommand.Type] {
        [
            AppCommand.self, RunCommand.self, ContainerCommand.self, ImageCommand.self, JobCommand.self,
            StarlarkCommand.self, ConfigCommand.self, DoctorCommand.self, VersionCommand.self, ShutdownCommand.self,
        ]
    }
}
