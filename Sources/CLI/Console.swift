package import Core
internal import Glibc

/// Standard output and standard error of this process.
package enum Console {
    /// Whether standard output goes to a terminal.
    package static var outputIsTerminal: Bool { isatty(1) == 1 }
    /// Whether standard error goes to a terminal.
    package static var errorIsTerminal: Bool { isatty(2) == 1 }
    /// Whether standard input comes from a terminal.
    package static var inputIsTerminal: Bool { isatty(0) == 1 }

    /// Writes a line of the answer.
    package static func print(_ line: String) { write(Array((line + "\n").utf8), to: 1) }

    /// Writes a line that is not the answer.
    package static func note(_ line: String) { write(Array((line + "\n").utf8), to: 2) }

    /// Writes bytes as they are; a closed pipe ends the process quietly, as it does for every filter.
    package static func write(_ bytes: [UInt8], to descriptor: CInt) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = Glibc.poll(&poll, 1, -1)
            } else if errno != EINTR {
                if errno == EPIPE, descriptor == 1 { exit(141) }
                return
            }
        }
    }

    /// Columns of the terminal behind standard error; 80 when there is none.
    package static var columns: Int {
        var size = winsize()
        guard ioctl(2, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Reports a failure the way every command does: `error:` and, when there is a way out, `hint:`.
    package static func report(_ error: any Error, about object: String? = nil) {
        for line in ErrorText.lines(error, about: object) { note(line) }
    }

    /// Asks a question that is answered with yes or no; only on a terminal.
    package static func confirm(_ question: String) -> Bool {
        write(Array("\(question) [y/N] ".utf8), to: 2)
        let answer = (readLine() ?? "").lowercased()
        return answer == "y" || answer == "yes"
    }
}

/// The lines in which failures are told.
package enum ErrorText {
    /// `error: …`, and `hint: …` when there is a way out.
    package static func lines(_ error: any Error, about object: String? = nil) -> [String] {
        let prefix = object.map { "\($0): " } ?? ""
        guard let error = error as? any MartletError else { return ["error: \(prefix)\(error)"] }
        var text = error.description
        if let object, text.contains("`\(object)`") == false { text = prefix + text }
        let code = error.stableCode.map { code in
            // Catalogue codes such as BUILD-FAIL are part of what a user greps for.
            code == code.uppercased() && !text.hasPrefix(code) ? "\(code) " : ""
        }
        return ["error: \(code ?? "")\(text)"] + (error.hint.map { ["hint: \($0)"] } ?? [])
    }
}

/// The command line itself is wrong; exit status 64.
package struct UsageError: MartletError {
    package let kind = ErrorKind.invalidArgument
    package let message: String
    package let hint: String?

    /// A complaint that names the option, the value and the rule.
    package init(_ message: String, hint: String? = nil) {
        self.message = message
        self.hint = hint
    }
}
