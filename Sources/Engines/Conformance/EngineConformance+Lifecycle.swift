package import Core

extension EngineConformance {
    static let lifecycle: [Check] = [
        Check("a created container is listed with its specification and has no process") { engine, fixture in
            var spec = fixture.spec("run")
            spec.labels = ["martlet.owner": "user"]
            try await withContainer(engine, spec, start: false) { id in
                let observed = try await engine.container(id)
                try expectEqual(observed?.state, .created, "state")
                try expectEqual(observed?.spec, spec, "specification")
                try expect(observed?.imageDigest != nil, "the image's digest is missing")
                try expect(observed?.startedAt == nil, "it has never started")
                let all = try await engine.containers()
                try expect(all.contains { $0.id == id }, "it is not listed")
            }
        },
        Check("creating the same container twice changes nothing, another specification is refused") {
            engine, fixture in
            let spec = fixture.spec("run")
            try await withContainer(engine, spec) { id in
                try await engine.createContainer(id, spec)
                try expect(try await state(engine, id).isAlive, "it was stopped")
                try await expectError(.containerExists, "other specification") {
                    try await engine.createContainer(id, fixture.spec("run", "other"))
                }
            }
        },
        Check("two containers cannot have one name") { engine, fixture in
            var spec = fixture.spec("run")
            spec.name = ContainerName(rawValue: "conformance-\(ContainerID.random())")
            try await withContainer(engine, spec, start: false) { _ in
                try await expectError(.nameTaken, "second container") {
                    try await engine.createContainer(.random(), spec)
                }
            }
            try await withContainer(engine, spec, start: false) { _ in }  // free again
        },
        Check("an unknown image is refused before anything changes") { engine, fixture in
            let id = ContainerID.random()
            var spec = fixture.spec("run")
            spec.image = "localhost/conformance/missing:1"
            try await expectError(.imageNotFound, "create") { try await engine.createContainer(id, spec) }
            try expect(try await engine.container(id) == nil, "a container was made")
        },
        Check("an invalid specification is refused") { engine, fixture in
            var spec = fixture.spec("run")
            spec.mounts = [BindMount(source: "relative", target: "/x")]
            try await expectError(.invalidSpec, "relative mount") { try await engine.createContainer(.random(), spec) }
            spec = fixture.spec("run")
            spec.environment = ["A=B": "c"]
            try await expectError(.invalidSpec, "variable name") { try await engine.createContainer(.random(), spec) }
        },
        Check("calls on an unknown container say so") { engine, _ in
            let id = ContainerID.random()
            try expect(try await engine.container(id) == nil, "it exists")
            try await expectError(.containerNotFound, "start") { try await engine.startContainer(id) }
            try await expectError(.containerNotFound, "stop") { try await engine.stopContainer(id, grace: .zero) }
            try await expectError(.containerNotFound, "kill") { try await engine.killContainer(id, signal: 9) }
            try await expectError(.containerNotFound, "wait") { _ = try await engine.waitForExit(id) }
            try await expectError(.containerNotFound, "logs") { _ = try await engine.logs(id, options: LogOptions()) }
            try await expectError(.containerNotFound, "exec") {
                _ = try await engine.exec(id, ExecSpec(command: ["env"]))
            }
        },
        Check("starting twice leaves one process") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                let first = try await state(engine, id)
                try expect(first.isAlive, "it does not run")
                try await engine.startContainer(id)
                try expectEqual(try await state(engine, id), first, "state after the second start")
            }
        },
        Check("the exit status is reported, also to those who ask later") { engine, fixture in
            try await withContainer(engine, fixture.spec("fail", "7")) { id in
                try expectEqual(try await engine.waitForExit(id), ContainerExit(code: 7), "first wait")
                try expectEqual(try await engine.waitForExit(id), ContainerExit(code: 7), "second wait")
                let observed = try await engine.container(id)
                try expectEqual(observed?.state, .exited(ContainerExit(code: 7)), "state")
                try expect(observed?.finishedAt != nil, "the time of its end is missing")
            }
        },
        Check("an exited container starts again and keeps its log") { engine, fixture in
            try await withContainer(engine, fixture.spec("print", "once")) { id in
                _ = try await engine.waitForExit(id)
                try await engine.startContainer(id)
                _ = try await engine.waitForExit(id)
                try expectEqual(try await lines(engine, id), ["once", "once"], "log")
            }
        },
        Check("stop asks politely, and stopping again changes nothing") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                try await waitForLine(engine, id, "ready")
                let exit = try await engine.stopContainer(id, grace: .seconds(30))
                try expectEqual(exit, ContainerExit(code: 0), "exit")
                try expectEqual(try await engine.stopContainer(id, grace: .zero), exit, "second stop")
                try expectEqual(try await state(engine, id), .exited(exit), "state")
            }
        },
        Check("stop kills what does not listen") { engine, fixture in
            try await withContainer(engine, fixture.spec("ignore-term", "ready")) { id in
                try await waitForLine(engine, id, "ready")
                let exit = try await engine.stopContainer(id, grace: .milliseconds(50))
                try expectEqual(exit.code, 137, "status")
            }
        },
        Check("concurrent stops share one") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                try await waitForLine(engine, id, "ready")
                async let first = engine.stopContainer(id, grace: .seconds(30))
                async let second = engine.stopContainer(id, grace: .seconds(30))
                try expectEqual(try await first, try await second, "exits")
            }
        },
        Check("stopping a created container changes nothing") { engine, fixture in
            try await withContainer(engine, fixture.spec("run"), start: false) { id in
                try await engine.stopContainer(id, grace: .zero)
                try expectEqual(try await state(engine, id), .created, "state")
            }
        },
        Check("kill sends its signal") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                try await waitForLine(engine, id, "ready")
                try await engine.killContainer(id, signal: 9)
                try expectEqual(try await engine.waitForExit(id).code, 137, "status")
                try await expectError(.containerNotRunning, "kill of an exited one") {
                    try await engine.killContainer(id, signal: 9)
                }
            }
        },
        Check("waiting ends with the wait's task") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                let waiter = Task { try await engine.waitForExit(id) }
                waiter.cancel()
                do {
                    _ = try await waiter.value
                    throw Violation(message: "a cancelled wait returned an exit")
                } catch is CancellationError {}
            }
        },
        Check("a program that is not in the image fails the start and leaves the container startable") {
            engine, fixture in
            try await withContainer(engine, fixture.spec("/no/such/program"), start: false) { id in
                try await expectError(.startFailed, "start") { try await engine.startContainer(id) }
                let observed = try await state(engine, id)
                try expect(!observed.isAlive, "it counts as running")
                try await expectError(.startFailed, "second start") { try await engine.startContainer(id) }
            }
        },
        Check("pause freezes, resume thaws, stop works from both") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                guard engine.capabilities.contains(.pause) else {
                    try await expectError(.unsupported, "pause") { try await engine.pauseContainer(id) }
                    return
                }
                try await waitForLine(engine, id, "ready")
                try await engine.pauseContainer(id)
                try await engine.pauseContainer(id)
                guard case .paused = try await state(engine, id) else { throw Violation(message: "it is not paused") }
                try await expectError(.containerNotRunning, "exec while paused") {
                    _ = try await engine.exec(id, ExecSpec(command: ["env"]))
                }
                try await engine.resumeContainer(id)
                try await engine.resumeContainer(id)
                guard case .running = try await state(engine, id) else { throw Violation(message: "it is not running") }
                try await engine.pauseContainer(id)
                try expectEqual(try await engine.stopContainer(id, grace: .seconds(30)).code, 0, "status")
                try await expectError(.containerNotRunning, "pause of an exited one") {
                    try await engine.pauseContainer(id)
                }
            }
        },
        Check("events tell a life in order") { engine, fixture in
            var events = engine.events().makeAsyncIterator()
            var mine: [EngineEvent] = []
            let id = ContainerID.random()
            try await engine.createContainer(id, fixture.spec("fail", "3"))
            try await engine.startContainer(id)
            _ = try await engine.waitForExit(id)
            try await engine.removeContainer(id, force: false)
            while mine.last != .removed(id), let event = await events.next() {
                if event.container == id { mine.append(event) }
            }
            try expectEqual(mine.count, 4, "number of events in \(mine)")
            try expectEqual(mine[0], .created(id), "first event")
            guard case .started(id, _) = mine[1] else { throw Violation(message: "second event is \(mine[1])") }
            try expectEqual(mine[2], .exited(id, ContainerExit(code: 3)), "third event")
        },
    ]

    /// Follows the log until `line` has been written.
    static func waitForLine(_ engine: any Engine, _ id: ContainerID, _ line: String) async throws {
        for try await entry in try await engine.logs(id, options: LogOptions(follow: true)) where entry.text == line {
            return
        }
        throw Violation(message: "the log ended before `\(line)`")
    }
}

extension EngineEvent {
    /// The container it is about; nil for an overflow.
    package var container: ContainerID? {
        switch self {
        case .created(let id), .started(let id, _), .exited(let id, _), .paused(let id), .resumed(let id),
            .removed(let id):
            id
        case .overflow: nil
        }
    }
}
