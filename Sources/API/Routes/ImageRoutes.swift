internal import Core
internal import Engines
internal import Hummingbird
internal import Jobs
internal import OCI
internal import Wire

/// Images.
struct ImageRoutes: Sendable {
    let services: APIServices

    var routes: [APIRoute] {
        [
            APIRoute(
                .get, "/images", "listImages", "All images, newest first.", query: [.limit, .after],
                answers: [.json(200, ListPage<ImageInfo>.self, "A part of the list.")]
            ) { request in
                try .json(
                    try Paging.page(
                        of: try await services.engine.images(), request, id: { $0.digest.rawValue }, as: ImageInfo.init)
                )
            },
            APIRoute(
                .get, "/images/{image}", "getImage", "One image by name, digest or unique prefix of its digest.",
                answers: [.json(200, ImageInfo.self, "The image.")]
            ) { request in
                let name = request.parameter("image")
                guard let record = try await services.engine.image(name) else { throw APIError.imageNotFound(name) }
                return try .json(ImageInfo(record))
            },
            APIRoute(
                .delete, "/images/{image}", "deleteImage", "Remove a name, and the image with its last name.",
                query: [.wait, .force], answers: [.json(200, EmptyResult.self, "It is gone."), .accepted]
            ) { request in
                let name = request.parameter("image")
                let force = try request.flag("force") ?? false
                return try await services.change(
                    request, .imageDelete, target: "image/\(name)", fingerprint: "\(force)"
                ) { _ in
                    try await services.engine.removeImage(name, force: force)
                    return EmptyResult()
                }
            },
            APIRoute(
                .post, "/images/pull", "pullImage", "Fetch an image from a registry.", query: [.wait],
                body: .json(PullImageRequest.self), answers: [.json(200, ImageInfo.self, "The image."), .accepted],
                handle: pull),
            APIRoute(
                .post, "/images/build", "buildImage", "Build an image from a directory of the server's machine.",
                query: [.wait], body: .json(BuildImageRequest.self),
                answers: [.json(200, ImageInfo.self, "The image."), .accepted], handle: build),
            APIRoute(
                .post, "/images/load", "loadImages",
                "Load images from a path of the server's machine, or from an upload.",
                query: [.wait],
                body: .init(
                    isRequired: true,
                    contents: [
                        ("application/json", { @Sendable builder in builder.schema(of: LoadImagesRequest.self) }),
                        ("application/x-tar", nil),
                        ("application/octet-stream", nil),
                    ]), answers: [.json(200, ListPage<ImageInfo>.self, "The images."), .accepted], handle: load),
            APIRoute(
                .post, "/images/prune", "pruneImages", "Remove images that no container uses.", query: [.wait],
                body: .optional(PruneImagesRequest.self),
                answers: [.json(200, PruneImagesResult.self, "What was removed."), .accepted]
            ) { request in
                let all = try await request.body(orElse: PruneImagesRequest()).all ?? false
                return try await services.change(request, .imagePrune, target: "image/*", fingerprint: "\(all)") { _ in
                    let report = try await services.engine.pruneImages(all: all)
                    return PruneImagesResult(removed: report.removed, freedBytes: report.freed.rawValue)
                }
            },
        ]
    }

    /// Reads a name as a person writes it.
    static func reference(_ text: String, field: String) throws -> ImageReference {
        guard let reference = ImageReference(parsing: text) else {
            throw InvalidArgument(
                field: field, value: text, rule: "it is an image name such as `registry.example.com/team/web:1`")
        }
        return reference
    }

    /// Makes sure that an image is in the local store, fetching it as the policy says.
    static func provide(
        _ name: String, policy: PullPolicy, _ engine: any Engine, progress: @escaping ProgressSink
    ) async throws {
        if policy != .always, try await engine.image(name) != nil { return }
        guard policy != .never else { throw EngineError.imageNotFound(name) }
        var options = ImagePullOptions()
        options.policy = policy
        _ = try await engine.pullImage(try reference(name, field: "image"), options: options, progress: progress)
    }

    private func pull(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(PullImageRequest.self)
        let reference = try Self.reference(body.reference, field: "reference")
        var options = ImagePullOptions()
        options.policy = PullPolicy(body.policy ?? .always)
        options.insecure = body.insecure ?? false
        options.credentials = body.credentials
        let final = options
        // Credentials are no part of what makes two pulls equal, and are stored nowhere.
        return try await services.change(
            request, .imagePull, target: "image/\(reference)", fingerprint: "\(final.policy) \(final.insecure)"
        ) { context in
            ImageInfo(try await services.engine.pullImage(reference, options: final, progress: context.progress))
        }
    }

    private func build(_ request: APIRequest) async throws -> Response {
        let body = try await request.body(BuildImageRequest.self)
        guard body.context.hasPrefix("/") else {
            throw InvalidArgument(field: "context", value: body.context, rule: "it is an absolute path on the server")
        }
        let file = try ContainerFiles.find(body.containerFile, in: body.context)
        var build = ImageBuildRequest(
            contextDirectory: body.context, containerFile: file, tag: try Self.reference(body.tag, field: "tag"))
        build.arguments = body.arguments ?? [:]
        build.target = body.target
        build.labels = body.labels ?? [:]
        build.noCache = body.noCache ?? false
        let final = build
        return try await services.change(request, .imageBuild, target: "image/\(final.tag)", fingerprint: nil) {
            context in
            ImageInfo(try await services.engine.buildImage(final, progress: context.progress))
        }
    }

    private func load(_ request: APIRequest) async throws -> Response {
        let engine = services.engine
        switch request.mediaType {
        case "application/json":
            let path = try await request.body(LoadImagesRequest.self).path
            guard path.hasPrefix("/") else {
                throw InvalidArgument(field: "path", value: path, rule: "it is an absolute path on the server")
            }
            return try await services.change(request, .imageLoad, target: "path\(path)", fingerprint: nil) { context in
                ListPage(items: try await engine.loadImages(from: path, progress: context.progress).map(ImageInfo.init))
            }
        case "application/x-tar", "application/octet-stream":
            let upload = try await Upload.receive(request, below: services.layout.stateDirectory)
            return try await services.change(request, .imageLoad, target: "upload/\(upload.name)", fingerprint: nil) {
                context in
                defer { upload.remove() }
                return ListPage(
                    items: try await engine.loadImages(from: upload.path, progress: context.progress).map(
                        ImageInfo.init))
            }
        case let other:
            throw APIError.unsupportedMediaType(other, accepted: ["application/json", "application/x-tar"])
        }
    }
}
