internal import Core

extension EngineConformance {
    static let removal: [Check] = [
        Check("a running container is removed only by force") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                try await expectError(.containerRunning, "removal") {
                    try await engine.removeContainer(id, force: false)
                }
                try expect(try await state(engine, id).isAlive, "it was stopped")
                try await engine.removeContainer(id, force: true)
                try expect(try await engine.container(id) == nil, "it is still there")
                try await engine.removeContainer(id, force: false)  // again
            }
        },
        Check("a created container is removed without force") { engine, fixture in
            try await withContainer(engine, fixture.spec("run"), start: false) { id in
                try await engine.removeContainer(id, force: false)
                try expect(try await engine.container(id) == nil, "it is still there")
            }
        },
        Check("an identifier can be used again after removal") { engine, fixture in
            let id = ContainerID.random()
            for word in ["one", "two"] {
                try await engine.createContainer(id, fixture.spec("print", word))
                try await engine.startContainer(id)
                _ = try await engine.waitForExit(id)
                try expectEqual(try await lines(engine, id), [word], "log")
                try await engine.removeContainer(id, force: false)
            }
        },
        Check("eight containers live side by side") { engine, fixture in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 0..<8 {
                    group.addTask {
                        try await withContainer(engine, fixture.spec("fail", "\(index)")) { id in
                            try expectEqual(try await engine.waitForExit(id).code, Int32(index), "status")
                        }
                    }
                }
                try await group.waitForAll()
            }
        },
    ]

    static let streams: [Check] = [
        Check("logs keep streams, order and empty lines") { engine, fixture in
            try await withContainer(engine, fixture.spec("print", "one", "", "three")) { id in
                _ = try await engine.waitForExit(id)
                try expectEqual(try await lines(engine, id), ["one", "", "three"], "log")
            }
            try await withContainer(engine, fixture.spec("print-error", "bad")) { id in
                _ = try await engine.waitForExit(id)
                var entries: [LogEntry] = []
                for try await entry in try await engine.logs(id, options: LogOptions()) { entries.append(entry) }
                try expectEqual(entries.map(\.stream), [.standardError], "stream")
                try expect(LogTime.milliseconds(entries[0].time) != nil, "time `\(entries[0].time)` is malformed")
            }
        },
        Check("tail yields the last lines, since the later ones") { engine, fixture in
            let words = (1...20).map { "line \($0)" }
            var spec = fixture.spec("print")
            spec.command = ["print"] + words
            try await withContainer(engine, spec) { id in
                _ = try await engine.waitForExit(id)
                try expectEqual(try await lines(engine, id, LogOptions(tail: 3)), Array(words.suffix(3)), "tail 3")
                try expectEqual(try await lines(engine, id, LogOptions(tail: 0)), [], "tail 0")
                try expectEqual(try await lines(engine, id, LogOptions(tail: 100)), words, "tail 100")
                try expectEqual(try await lines(engine, id, LogOptions(since: 0)), words, "since the beginning")
                try expectEqual(try await lines(engine, id, LogOptions(since: 9_000_000_000_000)), [], "since later")
            }
        },
        Check("following ends with the container") { engine, fixture in
            try await withContainer(engine, fixture.spec("run", "ready")) { id in
                let follower = Task { try await lines(engine, id, LogOptions(follow: true)) }
                try await waitForLine(engine, id, "ready")
                _ = try await engine.stopContainer(id, grace: .seconds(30))
                try expectEqual(try await follower.value, ["ready"], "log")
            }
        },
        Check("attach shows output and leaves the container running") { engine, fixture in
            var spec = fixture.spec("cat")
            spec.openInput = true
            try await withContainer(engine, spec) { id in
                let session = try await engine.attach(id)
                try await session.write(Array("hello\n".utf8))
                _ = try await read(session, until: "hello")
                await session.detach()
                try expect(try await state(engine, id).isAlive, "it was ended by detaching")
                let second = try await engine.attach(id)
                try await second.closeInput()
                try expectEqual(try await second.waitForExit().code, 0, "status after the end of input")
            }
        },
    ]

    static let processes: [Check] = [
        Check("the environment is the image's with the specification's on top") { engine, fixture in
            var spec = fixture.spec("env")
            spec.environment = ["MARTLET_TEST": "a b=c", "SECRET": .secret("s3cret")]
            try await withContainer(engine, spec) { id in
                _ = try await engine.waitForExit(id)
                let all = try await lines(engine, id)
                try expect(all.contains("MARTLET_TEST=a b=c"), "variable is missing in \(all)")
                try expect(all.contains("SECRET=s3cret"), "secret is missing")
            }
        },
        Check("exec separates output and errors and reports the status") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                let session = try await engine.exec(id, ExecSpec(command: ["print", "one", "two"]))
                try expectEqual(try await text(session), "one\ntwo\n", "output")
                try expectEqual(try await session.waitForExit(), ContainerExit(code: 0), "exit")
                let bad = try await engine.exec(id, ExecSpec(command: ["print-error", "bad"]))
                try expectEqual(try await text(bad, .standardError), "bad\n", "errors")
                let failing = try await engine.exec(id, ExecSpec(command: ["fail", "9"]))
                _ = try await text(failing)
                try expectEqual(try await failing.waitForExit().code, 9, "status")
            }
        },
        Check("exec gets its environment and its input") { engine, fixture in
            var container = fixture.spec("run")
            container.environment = ["OUTER": "1"]
            try await withContainer(engine, container) { id in
                var spec = ExecSpec(command: ["env"])
                spec.environment = ["INNER": "2"]
                let session = try await engine.exec(id, spec)
                let environment = try await text(session)
                try expect(environment.contains("INNER=2\n"), "own variable is missing in \(environment)")
                try expect(environment.contains("OUTER=1\n"), "the container's variable is missing in \(environment)")
                var copy = ExecSpec(command: ["cat"])
                copy.openInput = true
                let cat = try await engine.exec(id, copy)
                try await cat.write(Array("through\n".utf8))
                try await cat.closeInput()
                try expectEqual(try await text(cat), "through\n", "copied input")
                try expectEqual(try await cat.waitForExit().code, 0, "status")
            }
        },
        Check("exec with a terminal has one stream with line ends of terminals") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                var spec = ExecSpec(command: ["print", "tty"])
                spec.terminal = true
                spec.size = TerminalSize(columns: 100, rows: 40)
                guard engine.capabilities.contains(.terminal) else {
                    try await expectError(.unsupported, "exec") { _ = try await engine.exec(id, spec) }
                    return
                }
                let session = try await engine.exec(id, spec)
                try expectEqual(try await text(session), "tty\r\n", "output")
                try expectEqual(try await session.waitForExit().code, 0, "status")
            }
        },
        Check("a signal ends an exec'd process") { engine, fixture in
            try await withContainer(engine, fixture.spec("run")) { id in
                let session = try await engine.exec(id, ExecSpec(command: ["ignore-term", "ready"]))
                _ = try await read(session, until: "ready")
                try await session.signal(9)
                try expectEqual(try await session.waitForExit().code, 137, "status")
                try expect(try await state(engine, id).isAlive, "the container ended with it")
            }
        },
        Check("exec needs a running container and a command") { engine, fixture in
            try await withContainer(engine, fixture.spec("run"), start: false) { id in
                try await expectError(.containerNotRunning, "exec") {
                    _ = try await engine.exec(id, ExecSpec(command: ["env"]))
                }
                try await engine.startContainer(id)
                try await expectError(.invalidSpec, "exec of nothing") {
                    _ = try await engine.exec(id, ExecSpec(command: []))
                }
                try await expectError(.execFailed, "exec of a missing program") {
                    _ = try await engine.exec(id, ExecSpec(command: ["/no/such/program"]))
                }
            }
        },
    ]
}
