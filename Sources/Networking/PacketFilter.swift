internal import CNFTables
internal import Dispatch

/// Applies scripts through libnftables, one at a time, off the thread pool.
final class PacketFilter: Sendable {
    private let queue = DispatchQueue(label: "martlet.network.filter")
    // Only used on `queue`, which is serial; libnftables' context is not safe for two threads.
    private nonisolated(unsafe) let context: OpaquePointer

    init() throws {
        guard let context = nft_ctx_new(UInt32(NFT_CTX_DEFAULT)) else {
            throw NetworkError.ruleset("libnftables gave no context")
        }
        nft_ctx_buffer_error(context)
        nft_ctx_buffer_output(context)
        self.context = context
    }

    deinit { nft_ctx_free(context) }

    /// Carries out a script in one transaction: all of it, or nothing and an error.
    /// - Returns: what listing statements in it printed.
    @discardableResult
    func apply(_ script: String) async throws -> String {
        // Resumed exactly once, by the block itself.
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result { try self.run(script) }) }
        }
    }

    /// Has the kernel check a script without carrying it out.
    func check(_ script: String) async throws {
        // Resumed exactly once, by the block itself.
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.async {
                nft_ctx_set_dry_run(self.context, true)
                defer { nft_ctx_set_dry_run(self.context, false) }
                continuation.resume(with: Result { _ = try self.run(script) })
            }
        }
    }

    private func run(_ script: String) throws -> String {
        let result = nft_run_cmd_from_buffer(context, script)
        let output = nft_ctx_get_output_buffer(context).map { String(cString: $0) } ?? ""
        let errors = nft_ctx_get_error_buffer(context).map { String(cString: $0) } ?? ""
        guard result == 0 else {
            throw NetworkError.ruleset(errors.split(separator: "\n").first.map(String.init) ?? "no reason given")
        }
        return output
    }
}
