internal import Core
internal import FoundationEssentials
internal import Synchronization

/// The compiled filters of system calls, by the capabilities they were made for.
///
/// Compiling a profile is half of what crun does at a start. It leaves the result in its state, and takes it back through an
/// annotation, in place of the profile. Only what this engine's crun has compiled itself is kept, in memory.
final class FilterCache: Sendable {
    /// The annotation; a runtime that does not know it compiles the profile.
    static let annotation = "run.oci.seccomp_bpf_data"
    private let filters = Mutex<[Set<String>: String]>([:])

    /// The filter as the annotation wants it; nil before the first start.
    func filter(_ capabilities: Set<String>) -> String? { filters.withLock { $0[capabilities] } }

    /// Keeps what the runtime has compiled for a container.
    func learn(_ capabilities: Set<String>, runtimeState: String) {
        guard filter(capabilities) == nil,
            let bytes = try? Files.read(runtimeState + "/seccomp.bpf"), !bytes.isEmpty  // absent with other runtimes
        else { return }
        let text = Data(bytes).base64EncodedString()
        filters.withLock { $0[capabilities] = text }
    }
}
