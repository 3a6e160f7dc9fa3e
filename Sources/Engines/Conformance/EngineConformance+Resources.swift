internal import Core
internal import OCI

extension EngineConformance {
    static let resources: [Check] = [
        Check("a running container on the bridge has an address") { engine, fixture in
            guard engine.capabilities.contains(.bridge) else { return }
            var spec = fixture.spec("run")
            spec.network = .bridge
            spec.command = ["run", "ready"]
            spec.ports = [PublishedPort(containerPort: 8080)]
            try await withContainer(engine, spec) { id in
                try await waitForLine(engine, id, "ready")
                let endpoint = try await engine.address(of: id, port: 8080)
                try expectEqual(endpoint.port, 8080, "port")
                let observed = try await engine.container(id)
                try expect(observed?.address != nil, "the address is missing")
                try expect(observed?.ports.first?.hostPort ?? 0 != 0, "no host port was chosen")
                try await engine.stopContainer(id, grace: .seconds(30))
                try await expectError(.containerNotRunning, "address of a stopped one") {
                    _ = try await engine.address(of: id, port: 8080)
                }
            }
        },
        Check("containers on the bridge have different addresses and names") { engine, fixture in
            guard engine.capabilities.contains(.bridge) else { return }
            var spec = fixture.spec("run")
            spec.network = .bridge
            try await withContainer(engine, spec) { first in
                try await withContainer(engine, spec) { second in
                    let one = try await engine.container(first)?.address
                    let two = try await engine.container(second)?.address
                    try expect(one != nil && two != nil && one != two, "addresses \(one ?? "-") and \(two ?? "-")")
                }
            }
        },
        Check("the host's network is reached through the host") { engine, fixture in
            var spec = fixture.spec("run")
            spec.network = .host
            try await withContainer(engine, spec) { id in
                try expectEqual(try await engine.address(of: id, port: 80).host, "127.0.0.1", "host")
            }
        },
        Check("limits are accepted or refused by name") { engine, fixture in
            var spec = fixture.spec("run")
            spec.limits.memory = .mebibytes(64)
            spec.limits.milliCPUs = 500
            spec.limits.processes = 32
            guard engine.capabilities.contains(.limits) else {
                try await expectError(.unsupported, "create") { try await engine.createContainer(.random(), spec) }
                return
            }
            try await withContainer(engine, spec) { id in
                guard engine.capabilities.contains(.stats) else { return }
                try expectEqual(try await engine.stats(id).memoryLimit, .mebibytes(64), "memory limit")
            }
        },
        Check("statistics are those of a living container") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                guard engine.capabilities.contains(.stats) else {
                    try await expectError(.unsupported, "statistics") { _ = try await engine.stats(id) }
                    return
                }
                try await waitForLine(engine, id, "ready")
                let stats = try await engine.stats(id)
                try expect(stats.processes >= 1, "it has \(stats.processes) processes")
                try expect(stats.readAt > 1_500_000_000_000, "time \(stats.readAt)")
                try await engine.stopContainer(id, grace: .seconds(30))
                try await expectError(.containerNotRunning, "statistics of a stopped one") {
                    _ = try await engine.stats(id)
                }
            }
        },
    ]

    static let images: [Check] = [
        Check("an image is found by name, digest and prefix of its digest") { engine, fixture in
            guard let image = try await engine.image(fixture.image) else {
                throw Violation(message: "the fixture's image is missing")
            }
            try expectEqual(try await engine.image(image.digest.rawValue)?.digest, image.digest, "by digest")
            try expectEqual(
                try await engine.image(String(image.digest.hex.prefix(12)))?.digest, image.digest, "by prefix")
            try expect(try await engine.images().contains { $0.digest == image.digest }, "it is not listed")
            try expect(try await engine.image("localhost/conformance/missing:1") == nil, "a missing image was found")
        },
        Check("an image in use is not removed") { engine, fixture in
            try await withContainer(engine, fixture.spec("run"), start: false) { _ in
                try await expectError(.imageInUse, "removal") {
                    try await engine.removeImage(fixture.image, force: false)
                }
                let report = try await engine.pruneImages(all: false)
                try expect(!report.removed.contains(fixture.image), "it was pruned")
                try expect(try await engine.image(fixture.image) != nil, "it is gone")
            }
        },
        Check("removing a missing image says so") { engine, _ in
            try await expectError(.imageNotFound, "removal") {
                try await engine.removeImage("localhost/conformance/missing:1", force: false)
            }
        },
        Check("a present image is not fetched, and never means never") { engine, fixture in
            guard engine.capabilities.contains(.pull), let present = ImageReference(parsing: fixture.image) else {
                return
            }
            let image = try await engine.pullImage(present, options: ImagePullOptions()) { _ in }
            try expectEqual(image.digest, try await engine.image(fixture.image)?.digest, "digest")
            var never = ImagePullOptions()
            never.policy = .never
            let missing = ImageReference(
                registry: "localhost", repository: "conformance/missing", tag: "1", digest: nil)
            try await expectError(.imageNotFound, "policy never") {
                _ = try await engine.pullImage(missing, options: never) { _ in }
            }
        },
        Check("loading from nothing is an error") { engine, _ in
            try await expectError(.loadFailed, "load") {
                _ = try await engine.loadImages(from: "/no/such/archive") { _ in }
            }
        },
    ]
}
