internal import Containers
internal import Core
internal import Engines
internal import Logging
internal import OCI
internal import State

/// One app as a change finds it.
struct AppContext: Sendable {
    let record: AppRecord
    let settings: AppSettings
    let runtime: AppRuntime
}

extension AppService {
    func context(_ id: String) async throws -> AppContext {
        guard let record = try await world.apps.app(id) else { throw AppError.unknownApp(id) }
        return AppContext(
            record: record, settings: try Stored.value(AppSettings.self, record.settingsJSON), runtime: try runtime(id))
    }

    func runtime(_ id: String) throws -> AppRuntime {
        guard let runtime = runtimes[id] else { throw AppError.unknownApp(id) }
        return runtime
    }

    func makeRuntime(_ live: LiveVersion) -> AppRuntime {
        let store = world.apps
        return AppRuntime(live: live, world: world) { version in try await store.save(version.record(.live)) }
    }

    // MARK: Evaluating

    /// Audits a version and notes what it asks for.
    func inspect(_ version: inout AppVersion) async throws {
        let evaluator = try await evaluator(version, loads: [], permissions: [])
        let audited = try await world.threads.run { try evaluator.audit($0) }
        version.details.name = audited.name
        version.details.loads = audited.loads
        version.details.permissions = audited.permissions
    }

    /// Evaluates a version for real, with what is approved.
    func load(_ version: AppVersion, _ settings: AppSettings, _ record: AppRecord) async -> LiveVersion {
        var approved: [Grant] = []
        let outcome: Result<LoadedApp, AppError>
        do {
            approved = try Stored.value([Grant].self, record.approvedPermissionsJSON)
            let evaluator = try await evaluator(
                version, loads: settings.approvedLoads, permissions: approved,
                refusesWrites: settings.refusesWrites ?? false)
            outcome = .success(try await world.threads.run { try evaluator.load($0) })
        } catch {
            outcome = .failure(AppError(any: error).naming(app: version.address.description))
        }
        return LiveVersion(
            version: version, approvedLoads: settings.approvedLoads, approvedPermissions: approved,
            refusesWrites: settings.refusesWrites ?? false, outcome: outcome)
    }

    private func evaluator(
        _ version: AppVersion, loads: [String], permissions: [Grant], refusesWrites: Bool = false
    ) async throws -> AppEvaluator {
        AppEvaluator(
            files: try await world.sources.programs(of: version), given: version.details.params,
            check: CallCheck(approved: permissions, policy: world.policy, refusesWrites: refusesWrites),
            approvedLoads: loads, secrets: world.secrets, node: world.node(of: version), logger: world.logger)
    }

    // MARK: Collecting

    /// Removes versions beyond those kept, with their images.
    func collectVersions(_ record: AppRecord) async {
        do {
            let versions = try await world.apps.versions(of: record.id)
            for old in versions.filter({ $0.number != record.currentVersion }).dropFirst(configuration.retainVersions) {
                try await world.apps.removeVersion(old.number, of: record.id)
                try await world.sources.remove(app: record.id, version: old.number)
            }
        } catch {
            world.logger.warning(
                "old versions could not be removed", metadata: ["app.id": "\(record.id)", "error": "\(error)"])
        }
    }

    /// Removes images built for versions before the previous one.
    func collectImages(live: LiveVersion, previous: LiveVersion) async {
        let id = live.version.appID
        let before = await builtImage(of: previous)
        await runtimes[id]?.noteReplaced(image: before)
        var kept: [String?] = [await builtImage(of: live), before]
        // Production and staging share their images.
        let partner = AppNames.isStaging(id) ? AppNames.production(of: id) : AppNames.twin(of: id)
        if let runtime = runtimes[partner] {
            kept += [await builtImage(of: runtime.live), await runtime.replacedImage]
        }
        await removeImages(of: id, except: Set(kept.compactMap { $0 }))
    }

    /// The name of the image that is built for a version; nil where none is.
    private func builtImage(of version: LiveVersion) async -> String? {
        guard case .success(let loaded) = version.outcome, let config = loaded.declaration.container,
            // What cannot be planned has no image.
            let plan = try? await ServicePlanner(world: world, version: version.version, loaded: loaded).plan(config),
            case .build(let tag, _, _, _) = plan.image
        else { return nil }
        return tag.description
    }

    /// Removes the images that were built for an app.
    /// - Parameter shared: whether those are among them that production and staging share.
    func removeImages(of id: String, shared: Bool = true, except kept: Set<String>) async {
        let prefixes =
            (shared ? [AppNames.imageRepository(of: id)] : []).map { "localhost/\($0):" } + ["localhost/cli-\(id):"]
        do {
            for image in try await world.engine.images() {
                for name in image.references where prefixes.contains(where: name.hasPrefix) && !kept.contains(name) {
                    do {
                        try await world.engine.removeImage(name, force: false)
                    } catch let error as EngineError where error.code == .imageInUse {
                        continue  // a container that is about to go; the next deploy tries again
                    }
                }
            }
        } catch {
            world.logger.warning("images could not be removed", metadata: ["app.id": "\(id)", "error": "\(error)"])
        }
    }
}
