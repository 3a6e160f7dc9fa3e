internal import ArgumentParser

/// Commands that take several objects: all are done, each is reported, and one failure makes the command fail.
enum ManyObjects {
    /// Works on all names, eight at a time; prints each name that succeeded, in the order given.
    static func forEach(_ names: [String], _ action: @escaping @Sendable (String) async throws -> Void) async throws {
        let failures = await withTaskGroup(of: (Int, (any Error)?).self) { group in
            var failures: [Int: any Error] = [:]
            var next = 0
            func addOne() {
                guard next < names.count else { return }
                let index = next
                next += 1
                group.addTask {
                    do {
                        try await action(names[index])
                        return (index, nil)
                    } catch {
                        return (index, error)
                    }
                }
            }
            for _ in 0..<8 { addOne() }
            while let (index, error) = await group.next() {
                if let error { failures[index] = error }
                addOne()
            }
            return failures
        }
        for (index, name) in names.enumerated() {
            if let error = failures[index] {
                Console.report(error, about: names.count > 1 ? name : nil)
            } else {
                Console.print(name)
            }
        }
        if !failures.isEmpty { throw ExitCode(1) }
    }
}

/// Asks before something is lost.
struct ConfirmOption: ParsableArguments {
    @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false

    /// Asks on a terminal; elsewhere nothing is asked.
    func confirm(_ question: String) throws {
        guard !yes, Console.inputIsTerminal, Console.errorIsTerminal else { return }
        guard Console.confirm(question) else { throw ExitCode(1) }
    }
}
