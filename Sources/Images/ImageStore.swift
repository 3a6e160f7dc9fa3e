package import Core
package import Logging
package import OCI

/// The local image store.
package actor ImageStore {
    /// The directory that holds everything.
    package nonisolated let directory: String
    let logger: Logger

    /// Opens the store in `directory`, which is made if it is missing.
    package init(directory: String, logger: Logger) async throws {
        self.directory = directory
        self.logger = logger
    }

    /// Brings an image into the store.
    package func pull(
        _ reference: ImageReference, options: ImagePullSettings = ImagePullSettings(), progress: @escaping ProgressSink
    ) async throws -> StoredImage { throw ImageError.notFound(reference.familiar) }

    /// Loads every image of an OCI layout (directory), an OCI archive or a docker archive, compressed or not.
    package func load(from path: String, progress: @escaping ProgressSink) async throws -> [StoredImage] {
        throw ImageError.notFound(path)
    }

    /// Takes one image over from an OCI layout, such as a builder writes, and names it `reference`.
    package func ingest(
        layout path: String, reference: ImageReference, progress: @escaping ProgressSink
    ) async throws -> StoredImage { throw ImageError.notFound(path) }

    /// All images, newest first.
    package func images() async throws -> [StoredImage] { [] }

    /// The image by reference, digest or unique prefix (6 digits or more) of its digest; nil when absent.
    package func image(_ name: String) async throws -> StoredImage? { nil }

    /// Gives an image a further name; the name leaves the image that had it.
    @discardableResult
    package func tag(_ name: String, as reference: ImageReference) async throws -> StoredImage {
        throw ImageError.notFound(name)
    }

    /// Takes a name away; the image stays. An unknown name is no error.
    package func untag(_ reference: ImageReference) async throws {}

    /// Removes a name, and the image with its last name.
    @discardableResult
    package func remove(_ name: String, force: Bool = false) async throws -> ImageRemoval { ImageRemoval() }

    /// Removes images that are not in `inUse`: those without name, or all.
    @discardableResult
    package func prune(inUse: Set<Digest>, all: Bool) async throws -> ImageRemoval { ImageRemoval() }

    /// Mounts the file system of a container at `mountPoint`, which is made if it is missing. Idempotent.
    package func prepareSnapshot(id: String, image: Digest, mountPoint: String) async throws -> Snapshot {
        throw ImageError.notFound(image.rawValue)
    }

    /// Unmounts a snapshot; its changes stay. Idempotent.
    package func unmountSnapshot(id: String, mountPoint: String) async throws {}

    /// Removes a snapshot with its changes; it must not be mounted. Idempotent.
    package func removeSnapshot(id: String) async throws {}
}
