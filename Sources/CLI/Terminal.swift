internal import ArgumentParser
@preconcurrency internal import Dispatch
internal import Glibc
internal import Wire

/// The terminal this process runs in.
enum Terminal {
    /// The size of the terminal, of the first standard stream that is one.
    static var size: SizeSettings? {
        for descriptor: CInt in [0, 1, 2] {
            var size = winsize()
            if ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 {
                return SizeSettings(columns: size.ws_col, rows: size.ws_row)
            }
        }
        return nil
    }

    /// Complains when standard input is no terminal.
    static func requireInput() throws {
        guard Console.inputIsTerminal else {
            throw UsageError("--tty needs a terminal, and standard input is none", hint: "leave out -t")
        }
    }

    /// Runs `body` with standard input in raw mode, when it is a terminal; the mode is restored whatever happens.
    static func withRawMode<Result>(_ body: () async throws -> Result) async throws -> Result {
        var saved = termios()
        guard tcgetattr(0, &saved) == 0 else { return try await body() }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(0, TCSANOW, &raw)
        defer { tcsetattr(0, TCSANOW, &saved) }
        return try await body()
    }

    /// The same for code that may block its thread.
    static func whileRaw<Result>(_ body: () throws -> Result) rethrows -> Result {
        var saved = termios()
        guard tcgetattr(0, &saved) == 0 else { return try body() }
        var raw = saved
        cfmakeraw(&raw)
        tcsetattr(0, TCSADRAIN, &raw)
        defer { tcsetattr(0, TCSADRAIN, &saved) }
        return try body()
    }

    /// The numbers of signals that arrive from now on, instead of what they would do.
    static func signals(_ numbers: [CInt]) -> AsyncStream<CInt> {
        AsyncStream(bufferingPolicy: .bufferingNewest(16)) { continuation in
            let sources = numbers.map { number in
                Glibc.signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
                source.setEventHandler { continuation.yield(number) }
                source.resume()
                return source
            }
            continuation.onTermination = { _ in
                for source in sources { source.cancel() }
                for number in numbers { Glibc.signal(number, SIG_DFL) }
            }
        }
    }
}
