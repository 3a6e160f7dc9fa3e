internal import ArgumentParser

/// The keys that leave a container running and give the terminal back; two control characters unless told otherwise.
struct DetachKeys: Equatable, ExpressibleByArgument {
    /// What is typed, in order; empty for none.
    let keys: [UInt8]
    private var matched = 0

    /// Ctrl-P, Ctrl-Q, as in the other container tools.
    static let standard = DetachKeys(keys: [16, 17])

    private init(keys: [UInt8]) { self.keys = keys }

    /// `ctrl-p,ctrl-q`: single characters, or `ctrl-` and one of `a`–`z`, `@`, `[`, `\`, `]`, `^`, `_`; empty for none.
    init?(argument: String) {
        var keys: [UInt8] = []
        for word in argument.split(separator: ",", omittingEmptySubsequences: false) where !argument.isEmpty {
            let name = word.hasPrefix("ctrl-") ? word.dropFirst(5) : word
            guard name.utf8.count == 1, let byte = name.utf8.first, (0x21..<0x7F).contains(byte) else { return nil }
            guard name.startIndex != word.startIndex else {
                keys.append(byte)
                continue
            }
            let upper = (0x61...0x7A).contains(byte) ? byte - 0x20 : byte
            guard (0x40...0x5F).contains(upper) else { return nil }
            keys.append(upper - 0x40)
        }
        guard keys.count <= 16 else { return nil }
        self.init(keys: keys)
    }

    /// Looks for the keys in what is typed. What may be their beginning is held back until the next byte decides.
    /// - Returns: what goes to the program, and whether the keys were complete; the rest is then dropped.
    mutating func filter(_ typed: some Sequence<UInt8>) -> (passed: [UInt8], detached: Bool) {
        var passed: [UInt8] = []
        for byte in typed {
            if keys.isEmpty {
                passed.append(byte)
                continue
            }
            if byte != keys[matched] {
                passed += keys[..<matched]
                matched = 0
            }
            guard byte == keys[matched] else {
                passed.append(byte)
                continue
            }
            matched += 1
            if matched == keys.count {
                matched = 0
                return (passed, true)
            }
        }
        return (passed, false)
    }
}
