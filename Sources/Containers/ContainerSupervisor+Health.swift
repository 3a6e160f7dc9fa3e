internal import Core
internal import Engines
internal import Logging

/// The pauses between the attempts after a start: 50 ms, doubled up to 2 s.
struct ProbePauses: Sendable {
    private var next = Duration.milliseconds(50)

    /// The pause before the next attempt.
    mutating func pause() -> Duration {
        defer { next = min(next * 2, .seconds(2)) }
        return next
    }
}

extension ContainerSupervisor {
    /// Probes run `run` of the process: first until it is healthy, then at intervals until the run is over.
    func watchHealth(_ check: HealthCheck, of run: Int, isReady: Bool) async {
        if !isReady {
            guard await probeUntilHealthy(check, of: run) else { return }
        }
        guard check.intervalMilliseconds > 0 else { return }
        var failures = 0
        while await pause(.milliseconds(check.intervalMilliseconds), in: run) {
            switch await probe(check) {
            case .healthy:
                failures = 0
                becameHealthy(run)
            case .refused(let reason), .failed(let reason):
                failures += 1
                if failures >= check.failuresUntilUnhealthy {
                    await becameUnhealthy(check, run, attempts: failures, last: reason)
                }
            }
        }
    }

    /// Probes after a start. Each attempt first looks whether the container still runs; one that has ended ends this at
    /// once. When the attempts are used up the container counts as unhealthy and the checks at intervals take over.
    /// - Returns: whether the run is still under way.
    private func probeUntilHealthy(_ check: HealthCheck, of run: Int) async -> Bool {
        var pauses = ProbePauses()
        let attempts = max(1, check.startAttempts)
        for attempt in 1...attempts {
            guard await isAlive(run) else { return false }
            let result = await probe(check)
            let reason: String
            var isRefused = false
            switch result {
            case .healthy:
                becameHealthy(run)
                return self.run == run
            case .refused(let text):
                isRefused = true
                reason = text
            case .failed(let text): reason = text
            }
            if attempt == attempts {
                await becameUnhealthy(check, run, attempts: attempts, last: reason)
            } else if isRefused {
                guard await pauseUntilListening(pauses.pause(), check, in: run) else { return false }
            } else {
                guard await pause(pauses.pause(), in: run) else { return false }
            }
        }
        return self.run == run
    }

    private func isAlive(_ run: Int) async -> Bool {
        guard self.run == run else { return false }
        do {
            guard let found = try await world.engine.container(id), found.state.isAlive else {
                await refresh()
                return false
            }
        } catch {
            // The attempt that follows says what is wrong.
            world.logger.debug("container cannot be observed", metadata: ["container.id": "\(id)"])
        }
        return self.run == run
    }

    // MARK: Pauses

    /// Waits; false when the run is over or the controller ends.
    private func pause(_ duration: Duration, in run: Int) async -> Bool {
        do { try await world.time.sleep(for: duration) } catch { return false }
        return self.run == run
    }

    /// Waits at most `duration`, but ends early as soon as somebody listens on the port.
    private func pauseUntilListening(_ duration: Duration, _ check: HealthCheck, in run: Int) async -> Bool {
        let port: UInt16
        switch check.probe {
        case .http(_, let number, _, _), .tcp(let number): port = number
        case .command: return await pause(duration, in: run)
        }
        var left = duration
        var slice = Duration.milliseconds(10)
        while left > .zero {
            let step = min(left, slice)
            guard await pause(step, in: run) else { return false }
            left -= step
            slice = min(slice * 2, .milliseconds(80))
            guard left > .zero else { break }
            // Without an address there is nothing to ask; the next attempt says so.
            guard let endpoint = try? await world.engine.address(of: id, port: port) else { continue }
            if await world.prober.tcp(endpoint, timeout: .milliseconds(100)) == .healthy { break }
        }
        return self.run == run
    }

    // MARK: One attempt

    private func probe(_ check: HealthCheck) async -> ProbeResult {
        let timeout = Duration.milliseconds(max(1, check.timeoutMilliseconds))
        do {
            switch check.probe {
            case .http(let scheme, let port, let path, let statuses):
                let endpoint = try await world.engine.address(of: id, port: port)
                return await world.prober.http(
                    scheme: scheme, at: endpoint, path: path, statuses: statuses, timeout: timeout)
            case .tcp(let port):
                return await world.prober.tcp(try await world.engine.address(of: id, port: port), timeout: timeout)
            case .command(let command):
                return try await CommandProbe(engine: world.engine, time: world.time)
                    .run(command, in: id, timeout: timeout)
            }
        } catch {
            return .failed(String(describing: error))
        }
    }

    // MARK: Conclusions

    private func becameHealthy(_ run: Int) {
        guard self.run == run, machine.probePassed(at: world.time.uptime) else { return }
        failure = nil
        message = nil
        world.logger.info("container healthy", metadata: ["container.id": "\(id)"])
        publish()
    }

    private func becameUnhealthy(_ check: HealthCheck, _ run: Int, attempts: Int, last: String) async {
        guard self.run == run, machine.phase == .starting || machine.phase == .running else { return }
        let target = await target(of: check)
        let tail = await logTail()
        guard self.run == run, machine.probesFailed() else { return }
        let failure = ContainerError.unhealthy(id, target: target, attempts: attempts, last: last, logTail: tail)
        self.failure = failure
        message = failure.message
        world.logger.warning(
            "container unhealthy", metadata: ["container.id": "\(id)", "attempts": "\(attempts)", "last": "\(last)"])
        publish()
    }

    /// What is asked, for people.
    private func target(of check: HealthCheck) async -> String {
        switch check.probe {
        case .http(let scheme, let port, let path, _):
            // Without an address the port alone is named.
            let endpoint = try? await world.engine.address(of: id, port: port)
            return "\(scheme)://\(endpoint.map(\.description) ?? "container:\(port)")\(path)"
        case .tcp(let port):
            let endpoint = try? await world.engine.address(of: id, port: port)  // as above
            return "tcp://\(endpoint.map(\.description) ?? "container:\(port)")"
        case .command(let command): return "command `\(command.joined(separator: " "))`"
        }
    }
}

/// A health check that runs a command inside.
struct CommandProbe: Sendable {
    private enum Outcome { case exited(ContainerExit), timedOut }

    let engine: any Engine
    let time: any TimeSource

    /// Healthy when the command exits with 0 in time; one that does not is killed.
    func run(_ command: [String], in id: ContainerID, timeout: Duration) async throws -> ProbeResult {
        let session = try await engine.exec(id, ExecSpec(command: command))
        let outcome: Outcome
        do {
            outcome = try await race(session, timeout)
        } catch {
            await end(session)
            throw error
        }
        if case .timedOut = outcome { await end(session) }
        switch outcome {
        case .exited(let exit) where exit.code == 0: return .healthy
        case .exited(let exit): return .failed("exit code \(exit.code.map(String.init) ?? "unknown")")
        case .timedOut: return .failed("no end after \(timeout)")
        }
    }

    private func race(_ session: any ProcessSession, _ timeout: Duration) async throws -> Outcome {
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            group.addTask {
                for try await _ in session.output {}  // read, so that the command is not held up; not kept
                try Task.checkCancellation()
                return .exited(try await session.waitForExit())
            }
            group.addTask { [time] in
                try await time.sleep(for: timeout)
                return .timedOut
            }
            defer { group.cancelAll() }
            return try await group.next() ?? .timedOut
        }
    }

    /// Ends a command that is not waited for any more, also when this task is cancelled; awaited right here.
    private func end(_ session: any ProcessSession) async {
        await Task {
            try? await session.signal(9)  // it may have ended meanwhile
            await session.detach()
        }.value
    }
}
