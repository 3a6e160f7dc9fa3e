internal import Core
internal import Glibc

/// Signals by name.
enum SignalName {
    private static let numbers: [String: Int32] = [
        "HUP": SIGHUP, "INT": SIGINT, "QUIT": SIGQUIT, "KILL": SIGKILL, "USR1": SIGUSR1, "USR2": SIGUSR2,
        "TERM": SIGTERM, "CONT": SIGCONT, "STOP": SIGSTOP, "WINCH": SIGWINCH, "PIPE": SIGPIPE, "ALRM": SIGALRM,
        "ABRT": SIGABRT, "TSTP": SIGTSTP, "TTIN": SIGTTIN, "TTOU": SIGTTOU, "CHLD": SIGCHLD, "SEGV": SIGSEGV,
    ]

    /// The number of `SIGTERM`, `TERM` or `15`.
    static func number(_ text: String, field: String = "signal") throws -> Int32 {
        if let number = Int32(text), (1...64).contains(number) { return number }
        let upper = text.uppercased()
        let name = upper.hasPrefix("SIG") ? String(upper.dropFirst(3)) : upper
        if let number = numbers[name] { return number }
        if name.hasPrefix("RTMIN+"), let offset = Int32(name.dropFirst(6)), (0...30).contains(offset) {
            return 34 + offset
        }
        throw InvalidArgument(field: field, value: text, rule: "it is a name such as TERM, or a number from 1 to 64")
    }
}
