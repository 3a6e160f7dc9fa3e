internal import Core
internal import Engines
internal import Jobs
internal import Logging
internal import OCI
internal import State
internal import Synchronization

/// Makes images available: builds, pulls, finds; each piece of long work is a job that equal ones join.
struct ImageResolver: Sendable {
    let world: AppWorld

    /// The image of a plan, built or pulled when it is missing.
    /// - Throws: ``AppError`` `.buildFailed`, `.buildWait`, `.imagePull`.
    func image(of plan: ServicePlan) async throws -> ImageRecord {
        switch plan.image {
        case .build(let tag, let file, let context, let arguments):
            let development = plan.development
            if let image = try await world.engine.image(tag.description), development?.isCurrent(image) ?? true {
                return image
            }
            var request = ImageBuildRequest(contextDirectory: context, containerFile: file, tag: tag)
            for (name, value) in arguments {
                switch value {
                case .plain(let text): request.arguments[name] = text
                case .secret(let text): request.secretArguments[name] = text
                case .withheld: break  // only records withhold
                }
            }
            request.labels = ["martlet.app": plan.version.appID]
            request.target = development?.mounted?.target
            if let content = development?.imageContent { request.labels[DevelopmentPlan.contentLabel] = content }
            return try await build(request)
        case .pinned(let name, let digest):
            if let image = try await world.engine.image(digest.rawValue) { return image }
            guard let reference = ImageReference(parsing: name) else { throw AppError(.imagePull, "`\(name)`") }
            return try await pull(reference.pinned(to: digest), policy: .missing)
        case .unpinned(let name): return try await resolve(name, policy: .missing)
        }
    }

    /// The image behind a name: with `.missing` a local one is enough, with `.always` the registry is asked first and
    /// a local one is the fallback.
    func resolve(_ name: String, policy: PullPolicy) async throws -> ImageRecord {
        let local = try await world.engine.image(name)
        if policy == .missing, let local { return local }
        guard let reference = ImageReference(parsing: name) else {
            throw AppError(.imagePull, "`\(name)` is no image reference")
        }
        do {
            return try await pull(reference, policy: policy)
        } catch let error as AppError {
            guard let local else { throw error }
            world.logger.warning(
                "image could not be fetched; the local one is kept",
                metadata: ["image": "\(name)", "error": "\(error.message)"])
            return local
        }
    }

    private func pull(_ reference: ImageReference, policy: PullPolicy) async throws -> ImageRecord {
        let box = Box<ImageRecord>(nil)
        let request = JobRequest(
            kind: .imagePull, target: "image/\(reference.familiar)", fingerprint: "\(reference) \(policy.rawValue)",
            initiator: "apps")
        let outer = JobProgress.sink
        do {
            _ = try await world.jobs.run(request) { [engine = world.engine] context in
                var options = ImagePullOptions()
                options.policy = policy
                let image = try await engine.pullImage(reference, options: options) { event in
                    outer?(event)
                    context.report(event)
                }
                box.value = image
                return try Stored.text(image)
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            throw AppError(
                .imagePull, "image `\(reference.familiar)` cannot be fetched and is not here: \(Self.text(error))")
        }
        if let image = box.value { return image }
        guard let image = try await world.engine.image(reference.description) else {
            throw AppError(.imagePull, "image `\(reference.familiar)` is gone right after it was fetched")
        }
        return image
    }

    private func build(_ request: ImageBuildRequest) async throws -> ImageRecord {
        let slots = world.builds
        let seconds = world.configuration.maxBuildWaitSeconds
        let time = world.time
        let tail = Tail(limit: 200)
        let failure = Box<AppError>(nil)
        let outer = JobProgress.sink
        let job = JobRequest(
            kind: .imageBuild, target: "image/\(request.tag.familiar)",
            fingerprint: "\(request.tag) \(request.labels[DevelopmentPlan.contentLabel] ?? "")",
            initiator: "apps")
        do {
            _ = try await world.jobs.run(job) { [engine = world.engine] context in
                do {
                    try await slots.enter(within: seconds, time: time)
                } catch let error as AppError {
                    failure.value = error
                    throw error
                }
                do {
                    let image = try await engine.buildImage(request) { event in
                        if case .log(let line) = event { tail.append(line) }
                        outer?(event)
                        context.report(event)
                    }
                    await slots.leave()
                    return try Stored.text(image)
                } catch {
                    await slots.leave()
                    throw error
                }
            }
        } catch is CancellationError {
            throw CancellationError()
        } catch {
            if let error = failure.value { throw error }
            var failed = AppError(
                .buildFailed, "building image `\(request.tag.familiar)` failed: \(Self.text(error))",
                hint: "the output of the build is in its log")
            failed.logTail = tail.lines
            throw failed
        }
        guard let image = try await world.engine.image(request.tag.description) else {
            throw AppError(.buildFailed, "image `\(request.tag.familiar)` is missing right after its build")
        }
        return image
    }

    private static func text(_ error: any Error) -> String {
        (error as? any MartletError)?.description ?? String(describing: error)
    }
}

/// A value handed out of a closure that runs elsewhere.
final class Box<T: Sendable>: Sendable {
    private let content: Mutex<T?>
    init(_ value: T?) { content = Mutex(value) }

    var value: T? {
        get { content.withLock { $0 } }
        set { content.withLock { $0 = newValue } }
    }
}

/// The last lines of something.
final class Tail: Sendable {
    private let limit: Int
    private let content = Mutex<[String]>([])
    init(limit: Int) { self.limit = limit }

    var lines: [String] { content.withLock { $0 } }

    func append(_ line: String) {
        content.withLock { lines in
            if lines.count == limit { lines.removeFirst() }
            lines.append(line)
        }
    }
}
