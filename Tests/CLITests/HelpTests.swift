import ArgumentParser
import Client
import Core
import Testing

@testable import CLI

@Suite("help and names")
struct HelpTests {
    /// The whole tree, as the executable has it but for the commands that are a daemon.
    private struct Tree: ParsableCommand {
        static let configuration = CommandConfiguration(commandName: "martlet", subcommands: CLICommands.all)
    }

    private func leaves(
        _ command: any ParsableCommand.Type = Tree.self, path: [String] = []
    ) -> [(path: [String], command: any ParsableCommand.Type)] {
        let subcommands = command.configuration.subcommands
        guard !subcommands.isEmpty else { return [(path, command)] }
        return subcommands.flatMap { leaves($0, path: path + [$0.configuration.commandName ?? "?"]) }
    }

    @Test("every command says what it does, in a sentence, and shows how, with its own name")
    func everyCommand() {
        let all = leaves()
        #expect(all.count >= 35)
        for (path, command) in all {
            let name = path.joined(separator: " ")
            #expect(command.configuration.abstract.contains("."), "\(name)")
            #expect(command.configuration.discussion.contains("Examples:\n"), "\(name)")
            #expect(command.configuration.discussion.contains("martlet \(name)"), "\(name)")
        }
    }

    @Test("the examples parse")
    func examplesParse() {
        for (path, command) in leaves() {
            for line in command.configuration.discussion.split(separator: "\n") {
                let words = line.drop { $0 == " " }.split(separator: " ").map(String.init)
                guard words.first == "martlet", !line.contains("$("), !line.contains("|") else { continue }
                #expect(throws: Never.self, "\(path): \(line)") { try Tree.parseAsRoot(Array(words.dropFirst())) }
            }
        }
    }

    @Test("every option and argument has help")
    func optionsHaveHelp() {
        for (path, command) in leaves() {
            let lines = Tree.helpMessage(for: command, columns: 200).split(separator: "\n")
            for (line, following) in zip(lines, lines.dropFirst()) where line.hasPrefix("  -") || line.hasPrefix("  <")
            {
                let isOnOneLine = line.dropFirst(2).contains("  ")
                #expect(isOnOneLine || following.hasPrefix("       "), "\(path): \(line)")
            }
        }
    }

    @Test("the help of one command, to the letter")
    func golden() {
        #expect(
            Tree.helpMessage(for: ContainerWait.self, columns: 100) == """
                OVERVIEW: Wait until a container has ended and print its exit status.

                Examples:
                  martlet container wait worker

                USAGE: martlet container wait [--root <dir>] [--socket <path>] [--host <host:port>] [--token-file <file>] [--json] <container>

                ARGUMENTS:
                  <container>             A container by identifier, unique prefix or name.

                OPTIONS:
                  --root <dir>            Directory of the instance (environment MARTLET_ROOT).
                  --socket <path>         The daemon's Unix socket (environment MARTLET_SOCKET).
                  --host <host:port>      The daemon's TCP address (environment MARTLET_HOST).
                  --token-file <file>     File with the token for --host (environment MARTLET_TOKEN holds the
                                          token).
                  --json                  Print the answer as JSON.
                  -h, --help              Show help information.

                """)
    }

    @Test(
        "an unknown command gets the nearest one",
        arguments: [
            (["contaner", "list"], "contaner", "container"), (["container", "lst"], "container lst", "container list"),
            (["image", "buidl"], "image buidl", "image build"),
        ])
    func unknown(words: [String], named: String, nearest: String) {
        let error = CommandRunner.unknownCommand(words, under: Tree.self)

        #expect(error?.message == "there is no command `\(named)`")
        #expect(error?.hint == "did you mean `\(nearest)`?")
    }

    @Test(
        "known commands, aliases and help are left alone",
        arguments: [["container", "ls"], ["help"], ["--help"], ["run", "x"], []])
    func known(words: [String]) {
        #expect(CommandRunner.unknownCommand(words, under: Tree.self) == nil)
    }

    @Test("options win over the environment, and a socket or address over a root")
    func addresses() throws {
        let environment = ["MARTLET_ROOT": "/r", "MARTLET_SOCKET": "", "MARTLET_TOKEN": "t"]
        func address(_ words: String...) throws -> DaemonAddress {
            try ConnectionOptions.parse(words).address(environment: environment)
        }

        #expect(try address() == .unixSocket(path: "/r/run/martlet.sock"))
        #expect(try address("--root", "/x") == .unixSocket(path: "/x/run/martlet.sock"))
        #expect(try address("--root", "/x", "--socket", "/s") == .unixSocket(path: "/s"))
        #expect(try address("--host", "[::1]:1") == .tcp(host: "::1", port: 1, token: "t"))
        let standard = try ConnectionOptions.parse([]).address(environment: [:])
        #expect(standard == .unixSocket(path: "/run/martlet/martlet.sock"))
        for bad in ["here", "here:0", "here:99999", ":1", "http://a:1/b"] {
            #expect(throws: InvalidArgument.self, "\(bad)") { try address("--host", bad) }
        }
    }

    @Test("no daemon: who is missing, where, and what to do")
    func noDaemon() async throws {
        let error = await #expect(throws: ClientError.self) {
            try await DaemonClient.with(.unixSocket(path: "/nowhere/martlet.sock")) { _ = try await $0.version() }
        }

        #expect(error?.message == "no daemon at `/nowhere/martlet.sock`: there is no such socket")
        #expect(error?.hint?.contains("martlet serve") == true)
    }
}
