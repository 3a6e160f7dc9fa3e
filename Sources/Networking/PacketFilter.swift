internal import LinuxKernel

/// Applies scripts with the `nft` program.
///
/// Not with libnftables: that waits for the kernel with `select(2)`, which ends the whole process as soon as a descriptor
/// above 1023 is open in it, and a gateway with a thousand connections has those.
struct PacketFilter: Sendable {
    private let program: String

    init() throws {
        guard let program = Program.find("nft") else {
            throw NetworkError.ruleset("no program `nft`; `apt-get install nftables` brings it")
        }
        self.program = program
    }

    /// Carries out a script in one transaction: all of it, or nothing and an error.
    /// - Returns: what listing statements in it printed.
    @discardableResult
    func apply(_ script: String) async throws -> String { try await run(["-f", "-"], script) }

    /// Has the kernel check a script without carrying it out.
    func check(_ script: String) async throws { _ = try await run(["-c", "-f", "-"], script) }

    private func run(_ arguments: [String], _ script: String) async throws -> String {
        let result = try await Program.run(ProgramInvocation(program, arguments), input: Array(script.utf8))
        guard result.exitCode == 0 else {
            throw NetworkError.ruleset(
                result.errorText.split(separator: "\n").first.map(String.init) ?? "no reason given")
        }
        return result.outputText
    }
}
