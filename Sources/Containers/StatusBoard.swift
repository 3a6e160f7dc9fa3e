internal import Core
internal import Synchronization

/// The latest status of every container: written by supervisors, read by everybody without waiting.
final class StatusBoard: Sendable {
    fileprivate struct State {
        var statuses: [ContainerID: ContainerStatus] = [:]
        /// Oldest first.
        var order: [ContainerID] = []
        var names: [ContainerName: ContainerID] = [:]
        var followers: [UInt64: UpdateFeed] = [:]
        var nextFollower: UInt64 = 0
        /// Grows with every change of a status.
        var version: UInt64 = 0
    }

    private let state = Mutex(State())

    // MARK: Names

    /// Reserves a name for a container that is about to appear.
    func reserve(_ name: ContainerName?, for id: ContainerID) throws {
        guard let name else { return }
        let holder: ContainerID? = state.withLock { state in
            if let holder = state.names[name], holder != id { return holder }
            state.names[name] = id
            return nil
        }
        if let holder { throw ContainerError.nameTaken(name, by: holder) }
    }

    /// Gives a name back.
    func release(_ name: ContainerName?, of id: ContainerID) {
        guard let name else { return }
        state.withLock { state in
            if state.names[name] == id { state.names[name] = nil }
        }
    }

    // MARK: Statuses

    /// Puts up a status and tells the followers when it differs from the one before.
    func post(_ status: ContainerStatus) {
        let feeds: [UpdateFeed] = state.withLock { state in
            if let old = state.statuses[status.id] {
                if old == status { return [] }
            } else {
                state.insertInOrder(status)
            }
            state.statuses[status.id] = status
            state.version += 1
            return Array(state.followers.values)
        }
        for feed in feeds { feed.push(status) }
    }

    /// Takes a status down and tells the followers that the container is deleted.
    func remove(_ id: ContainerID) {
        let (status, feeds): (ContainerStatus?, [UpdateFeed]) = state.withLock { state in
            guard var status = state.statuses.removeValue(forKey: id) else { return (nil, []) }
            state.order.removeAll { $0 == id }
            state.version += 1
            if let name = status.spec.name, state.names[name] == id { state.names[name] = nil }
            status.phase = .deleted
            status.processID = nil
            status.address = nil
            return (status, Array(state.followers.values))
        }
        if let status { for feed in feeds { feed.push(status) } }
    }

    /// Equal numbers mean equal statuses.
    var version: UInt64 { state.withLock { $0.version } }

    /// The status of one container.
    func status(of id: ContainerID) -> ContainerStatus? { state.withLock { $0.statuses[id] } }

    /// All statuses, or those of one owner, oldest first.
    func statuses(owner: ContainerOwner?) -> [ContainerStatus] {
        state.withLock { state in
            state.order.compactMap { id in
                guard let status = state.statuses[id], owner == nil || status.owner == owner else { return nil }
                return status
            }
        }
    }

    // MARK: Finding

    /// The container with this identifier, name, or unique beginning of an identifier.
    func find(_ text: String) throws -> ContainerStatus {
        try state.withLock { state throws(ContainerError) in
            if let id = ContainerID(rawValue: text), let status = state.statuses[id] { return status }
            if let name = ContainerName(rawValue: text), let id = state.names[name], let status = state.statuses[id] {
                return status
            }
            let matches = text.isEmpty ? [] : state.order.filter { $0.rawValue.hasPrefix(text) }
            if matches.count == 1, let status = state.statuses[matches[0]] { return status }
            if matches.count > 1 {
                throw ContainerError.ambiguous(text, candidates: matches.map(\.rawValue))
            }
            let known = state.names.keys.map(\.rawValue) + state.order.map(\.rawValue)
            throw ContainerError.notFound(text, nearest: NearestName.of(text, among: known))
        }
    }

    // MARK: Following

    /// Every status posted from now on.
    func updates() -> AsyncStream<ContainerStatus> {
        let feed = UpdateFeed()
        let id = state.withLock { state in
            state.nextFollower += 1
            state.followers[state.nextFollower] = feed
            return state.nextFollower
        }
        return feed.stream { [weak self] in self?.unfollow(id) }
    }

    private func unfollow(_ id: UInt64) { state.withLock { _ = $0.followers.removeValue(forKey: id) } }
}

extension StatusBoard.State {
    fileprivate mutating func insertInOrder(_ status: ContainerStatus) {
        var index = order.count
        while index > 0, let earlier = statuses[order[index - 1]],
            (earlier.createdAt, earlier.id.rawValue) > (status.createdAt, status.id.rawValue)
        {
            index -= 1
        }
        order.insert(status.id, at: index)
    }
}
