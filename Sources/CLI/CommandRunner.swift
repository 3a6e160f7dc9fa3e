package import ArgumentParser
internal import Core
internal import Glibc
internal import Wire

/// Runs a command tree: exit status 0 done, 1 failed, 64 wrong usage; failures in the words every command uses.
package enum CommandRunner {
    /// Parses the arguments, runs the command and ends the process.
    package static func main(
        _ root: (some ParsableCommand).Type, arguments: [String] = Array(CommandLine.arguments.dropFirst())
    ) async -> Never {
        signal(SIGPIPE, SIG_IGN)
        exit(await run(root, arguments: arguments))
    }

    /// Parses the arguments and runs the command.
    /// - Returns: the exit status.
    package static func run<Root: ParsableCommand>(_ root: Root.Type, arguments: [String]) async -> Int32 {
        do {
            if let unknown = unknownCommand(arguments, under: root) { throw unknown }
            var command = try root.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return 0
        } catch let error as UsageError {
            Console.report(error)
            return 64
        } catch let error as any MartletError {
            Console.report(error)
            return 1
        } catch is CancellationError {
            return 130
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            return report(error, root)
        }
    }

    private static func report<Root: ParsableCommand>(_ error: any Error, _ root: Root.Type) -> Int32 {
        let code = root.exitCode(for: error).rawValue
        let text = root.fullMessage(for: error)
        guard code != 0 else {
            Console.print(text)
            return 0
        }
        guard code == 64 else {
            Console.report(error)
            return 1
        }
        Console.note(lowerCased(text))
        return 64
    }

    /// `Error: Missing …` becomes `error: missing …`.
    static func lowerCased(_ text: String) -> String {
        guard text.hasPrefix("Error: ") else { return text }
        let message = text.dropFirst(7)
        return "error: \(message.prefix(1).lowercased())\(message.dropFirst())"
    }

    /// A complaint about the first word that should be a command and is none, with the nearest name.
    static func unknownCommand(_ arguments: [String], under root: any ParsableCommand.Type) -> UsageError? {
        var current = root
        var path: [String] = []
        for word in arguments {
            let subcommands = current.configuration.subcommands
            guard !subcommands.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            path.append(word)
            if let next = subcommands.first(where: { names($0).contains(word) }) {
                current = next
                continue
            }
            if current.configuration.defaultSubcommand != nil { return nil }  // the word is that one's argument
            let known = subcommands.filter { $0.configuration.shouldDisplay }.map { $0.configuration.commandName ?? "" }
            let group = path.dropLast().joined(separator: " ")
            let hint =
                if let nearest = NearestName.find(word, in: known) {
                    "did you mean `\(group.isEmpty ? "" : group + " ")\(nearest)`?"
                } else {
                    "known commands: \(known.sorted().joined(separator: ", "))"
                }
            return UsageError("there is no command `\(path.joined(separator: " "))`", hint: hint)
        }
        return nil
    }

    private static func names(_ command: any ParsableCommand.Type) -> [String] {
        [command.configuration.commandName ?? ""] + command.configuration.aliases
    }
}
