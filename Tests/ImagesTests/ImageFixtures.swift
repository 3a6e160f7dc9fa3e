import Core
import Glibc
import LinuxKernel
import Logging
import OCI
import Synchronization

@testable import Images

/// Writes an OCI image layout into a directory of a test.
struct LayoutBuilder {
    let scratch: ScratchDirectory
    let folder: String
    private var entries: [Descriptor] = []

    init(_ scratch: ScratchDirectory, _ folder: String) {
        self.scratch = scratch
        self.folder = folder
        scratch.write("\(folder)/oci-layout", Array(#"{"imageLayoutVersion":"1.0.0"}"#.utf8))
        finish()
    }

    @discardableResult
    func blob(_ bytes: [UInt8], _ type: String) -> Descriptor {
        let digest = Digest(of: bytes)
        scratch.write("\(folder)/blobs/sha256/\(digest.hex)", bytes)
        return Descriptor(mediaType: type, digest: digest, size: Int64(bytes.count))
    }

    /// An image of uncompressed layers; `blobs` stands in for the layers' own bytes where given.
    @discardableResult
    mutating func image(
        _ layers: [[UInt8]], name: String?, platform: Platform = .current, blobs: [[UInt8]]? = nil,
        config: ImageRunParameters = ImageRunParameters()
    ) -> Digest {
        let manifest = manifest(layers, platform: platform, blobs: blobs, config: config)
        add(manifest, name: name)
        return manifest.digest
    }

    func manifest(
        _ layers: [[UInt8]], platform: Platform = .current, blobs: [[UInt8]]? = nil,
        config: ImageRunParameters = ImageRunParameters()
    ) -> Descriptor {
        let configuration = ImageConfiguration(
            platform: platform, layers: layers.map { Digest(of: $0) }, config: config)
        let configDescriptor = blob(try! ImageDocument.encode(configuration), MediaType.imageConfiguration)
        let descriptors = (blobs ?? layers).map { blob($0, MediaType.layer) }
        let manifest = ImageManifest(config: configDescriptor, layers: descriptors)
        return blob(try! ImageDocument.encode(manifest), MediaType.imageManifest)
    }

    mutating func add(_ descriptor: Descriptor, name: String?) {
        var descriptor = descriptor
        if let name { descriptor.annotations = [Descriptor.referenceAnnotation: name] }
        entries.append(descriptor)
        finish()
    }

    private func finish() {
        scratch.write("\(folder)/index.json", try! ImageDocument.encode(ImageIndex(manifests: entries)))
    }
}

/// Collects progress.
final class ProgressRecorder: Sendable {
    private let stored = Mutex<[ProgressEvent]>([])
    var sink: ProgressSink { { event in self.stored.withLock { $0.append(event) } } }
    var events: [ProgressEvent] { stored.withLock { $0 } }
    var steps: [String] {
        events.compactMap { event in
            guard case .step(let text) = event else { return nil }
            return text
        }
    }
}

let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
let noProgress: ProgressSink = { _ in }

/// A store in a directory of a test.
func makeStore(_ scratch: ScratchDirectory, limits: LayerLimits = LayerLimits()) async throws -> ImageStore {
    try await ImageStore(directory: scratch.file("store"), logger: silent, limits: limits)
}

/// A tar archive of a directory tree of the scratch directory, made by ourselves: files only.
func archive(of folder: String, in scratch: ScratchDirectory) throws -> [UInt8] {
    var tar = TarBuilder()
    func add(_ prefix: String) throws {
        for name in scratch.names(prefix.isEmpty ? folder : "\(folder)/\(prefix)") {
            let path = prefix.isEmpty ? name : "\(prefix)/\(name)"
            let status = scratch.status("\(folder)/\(path)")!
            if status.st_mode & S_IFMT == S_IFDIR {
                try add(path)
            } else {
                tar.add(path, .file, content: try DirectoryHandle(path: scratch.file(folder)).contents(path))
            }
        }
    }
    try add("")
    return tar.finished()
}

/// Compresses with a program of the system; nil when it is not installed.
func compressed(_ bytes: [UInt8], with name: String) async throws -> [UInt8]? {
    guard let program = Program.find(name) else { return nil }
    return try await Program.run(ProgramInvocation(program, ["-c"]), input: bytes, outputLimit: 64 << 20).output
}
