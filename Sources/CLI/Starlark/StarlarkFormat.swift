internal import ArgumentParser
internal import Core
internal import Glibc
internal import Starlark

/// `martlet starlark fmt`.
struct StarlarkFormat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fmt", abstract: "Lay programs out in one way, in place.",
        discussion: """
            Prints the names of the files that changed. Comments and meaning stay. `-` formats standard input to
            standard output. With --check nothing is written, and the exit status is 1 when a file would change.

            Examples:
              martlet starlark fmt app.star lib/util.star
              martlet starlark fmt --check app.star
              martlet starlark fmt -
            """)

    @Flag(help: "Write nothing; list the files that would change.") var check = false
    @Argument(help: ArgumentHelp("The programs; `-` is standard input.", valueName: "file")) var files: [String]

    func run() async throws {
        var failed = false
        for file in files {
            do {
                let isChanged = try format(file)
                if isChanged, check { failed = true }
            } catch {
                failed = true
                guard let error = error as? StarlarkCommandError else { throw error }
                Console.report(error)
            }
        }
        if failed { throw ExitCode(1) }
    }

    /// Formats one file. Mistakes in it have been reported when this throws `ExitCode`.
    /// - Returns: whether the layout changes anything.
    private func format(_ file: String) throws -> Bool {
        let source = try StarlarkSource.read(file)
        let formatted: String
        do {
            formatted = try Formatter.format(source.text, name: source.name)
        } catch {
            for line in StarlarkDiagnostics.lines(error, source: source.text) { Console.note(line) }
            throw StarlarkCommandError(
                kind: .invalidArgument, message: "`\(source.name)` is left as it is", hint: nil)
        }
        // Swift's `==` would take different spellings of a letter, and CRLF, for one.
        let isChanged = !formatted.utf8.elementsEqual(source.text.utf8)
        if file == "-", !check {
            Console.write(Array(formatted.utf8), to: 1)
            return false
        }
        guard isChanged else { return false }
        if !check { try Self.replace(file, with: Array(formatted.utf8)) }
        Console.print(source.name)
        return true
    }

    /// Replaces a file's contents at once, keeping its mode; a link stays and its target changes.
    static func replace(_ path: String, with bytes: [UInt8]) throws {
        func failure() -> StarlarkCommandError { .unwritable(path, String(cString: strerror(errno)).lowercased()) }
        guard let resolved = realpath(path, nil) else { throw failure() }
        defer { free(resolved) }
        let target = String(cString: resolved)
        var status = stat()
        guard stat(target, &status) == 0, access(target, W_OK) == 0 else { throw failure() }
        let sibling = "\(target).\(getpid())~"
        let descriptor = open(sibling, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, status.st_mode & 0o7777)
        guard descriptor >= 0 else { throw failure() }
        var isDone = false
        defer { if !isDone { unlink(sibling) } }
        // The owner can be kept by root only; the mode was subject to the mask.
        _ = fchown(descriptor, status.st_uid, status.st_gid)
        _ = fchmod(descriptor, status.st_mode & 0o7777)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                defer { close(descriptor) }
                throw failure()
            }
            rest = rest.dropFirst(count)
        }
        let isSynced = fsync(descriptor) == 0
        guard close(descriptor) == 0, isSynced, rename(sibling, target) == 0 else { throw failure() }
        isDone = true
    }
}
