internal import AsyncHTTPClient
package import NIOCore
internal import NIOHTTP1
package import Wire

extension DaemonClient {
    /// All images, newest first.
    package func images() async throws -> [ImageInfo] {
        try await send(Call(.GET, "images"), as: ListPage<ImageInfo>.self).items
    }

    /// One image by reference, digest or identifier prefix.
    package func image(_ name: String) async throws -> ImageInfo { try await send(Call(.GET, "images", name)) }

    /// Fetches an image; with `onEvent` its progress is reported.
    package func pullImage(_ request: PullImageRequest, onEvent: ((JobEventInfo) -> Void)? = nil) async throws
        -> ImageInfo
    {
        try await perform(Call(.POST, "images", "pull").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Builds from a directory of the daemon's machine.
    package func buildImage(_ request: BuildImageRequest, onEvent: ((JobEventInfo) -> Void)? = nil) async throws
        -> ImageInfo
    {
        try await perform(Call(.POST, "images", "build").with { try $0.setBody(request) }, onEvent: onEvent)
    }

    /// Loads images from a path of the daemon's machine.
    package func loadImages(path: String, onEvent: ((JobEventInfo) -> Void)? = nil) async throws -> [ImageInfo] {
        try await perform(
            Call(.POST, "images", "load").with { try $0.setBody(LoadImagesRequest(path: path)) },
            as: ListPage<ImageInfo>.self, onEvent: onEvent
        ).items
    }

    /// Loads images from an archive that is uploaded.
    package func loadImages(
        uploading archive: some AsyncSequence<ByteBuffer, any Error> & Sendable,
        onEvent: ((JobEventInfo) -> Void)? = nil
    ) async throws -> [ImageInfo] {
        let call = Call(.POST, "images", "load").with {
            $0.body = .stream(archive, length: .unknown)
            $0.mediaType = "application/x-tar"
        }
        return try await perform(call, as: ListPage<ImageInfo>.self, onEvent: onEvent).items
    }

    /// Removes a name, and the image with its last name.
    package func deleteImage(_ name: String, force: Bool = false) async throws {
        try await sendIgnoringAnswer(
            Call(.DELETE, "images", name).with {
                $0.query = [("force", force ? "true" : nil)]
                $0.wait = true
            })
    }

    /// Removes images that no container uses.
    package func pruneImages(all: Bool) async throws -> PruneImagesResult {
        try await send(
            Call(.POST, "images", "prune").with {
                try $0.setBody(PruneImagesRequest(all: all))
                $0.wait = true
            })
    }
}
