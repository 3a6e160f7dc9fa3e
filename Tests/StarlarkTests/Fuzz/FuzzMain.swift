internal import CFuzz

/// The fuzzer; see `scripts/fuzz`. Its first argument names the target, the others are libFuzzer's.
@main
struct FuzzMain {
    static func main() {
        var words = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?(CommandLine.unsafeArgv)
        guard CommandLine.argc > 1, let target = words?[1] else {
            fatalError("usage: StarlarkFuzz syntax|evaluation …")
        }
        let name = String(cString: target)
        words?[1] = words?[0]
        words = words?.advanced(by: 1)
        var count = CommandLine.argc - 1
        switch name {
        case "syntax":
            _ = LLVMFuzzerRunDriver(&count, &words) { bytes, count in
                FuzzMain.attempt { try FuzzTarget.syntax(UnsafeBufferPointer(start: bytes, count: count)) }
            }
        case "evaluation":
            _ = LLVMFuzzerRunDriver(&count, &words) { bytes, count in
                FuzzMain.attempt { try FuzzTarget.evaluation(UnsafeBufferPointer(start: bytes, count: count)) }
            }
        default: fatalError("no target \(name): syntax, evaluation")
        }
    }

    /// Ends the process when a law is broken, which is how the fuzzer notices.
    private static func attempt(_ work: () throws -> Void) -> CInt {
        do {
            try work()
            return 0
        } catch {
            fatalError("\(error)")
        }
    }
}
