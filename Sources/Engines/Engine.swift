package import Core
package import OCI

/// What runs containers: one protocol, several drivers, one conformance suite (``EngineConformance``).
///
/// ```
///     create ──▶ created ──start──▶ running ──(own end, stop, kill)──▶ exited ──start──▶ running
///                                   running ◀─resume── paused ◀─pause─ running        remove: from created, exited
/// ```
/// Every call is idempotent by identifier: creating an existing container with the same specification, starting a
/// running one, stopping a stopped one and removing a missing one succeed and change nothing. What a driver lacks is
/// refused with ``EngineError`` `.unsupported` before anything has changed.
package protocol Engine: Sendable {
    /// The driver's name for messages: `native`, `memory`, `docker`.
    var name: String { get }
    /// What the driver can do.
    var capabilities: EngineCapabilities { get }

    // MARK: Images

    /// Brings `reference` into the local store. Present and `policy` permitting, nothing is fetched.
    func pullImage(
        _ reference: ImageReference, options: ImagePullOptions, progress: @escaping ProgressSink
    ) async throws -> ImageRecord
    /// Builds an image; the result is tagged `request.tag`. Cancelling the task ends the build and leaves no image.
    func buildImage(_ request: ImageBuildRequest, progress: @escaping ProgressSink) async throws -> ImageRecord
    /// Loads every image of an OCI layout (directory), an OCI archive or a docker archive.
    func loadImages(from path: String, progress: @escaping ProgressSink) async throws -> [ImageRecord]
    /// All images, newest first.
    func images() async throws -> [ImageRecord]
    /// The image by reference, digest (`sha256:…`) or unique identifier prefix of 6 or more digits; nil when absent.
    func image(_ name: String) async throws -> ImageRecord?
    /// Removes a name, and the image with its last name. Refused with `.inUse` while a container uses it.
    func removeImage(_ name: String, force: Bool) async throws
    /// Removes images that no container uses: the untagged ones, or all of them.
    func pruneImages(all: Bool) async throws -> ImagePruneReport

    // MARK: Containers

    /// Prepares a container. The same identifier with another specification is `.alreadyExists`.
    func createContainer(_ id: ContainerID, _ spec: ContainerSpec) async throws
    /// Starts a created or exited container; returns once its process runs.
    func startContainer(_ id: ContainerID) async throws
    /// Sends the stop signal, then SIGKILL after `grace`; returns how it ended. Concurrent callers share one stop.
    @discardableResult
    func stopContainer(_ id: ContainerID, grace: Duration) async throws -> ContainerExit
    /// Sends a signal to the first process.
    func killContainer(_ id: ContainerID, signal: Int32) async throws
    /// Freezes all processes.
    func pauseContainer(_ id: ContainerID) async throws
    /// Thaws all processes.
    func resumeContainer(_ id: ContainerID) async throws
    /// Removes a container with everything it has on the host; a running one only with `force`.
    func removeContainer(_ id: ContainerID, force: Bool) async throws
    /// What is observed of one container; nil when there is none.
    func container(_ id: ContainerID) async throws -> ObservedContainer?
    /// All containers of this instance, in any state.
    func containers() async throws -> [ObservedContainer]
    /// Returns how the current or latest run ended, waiting for the end if need be.
    func waitForExit(_ id: ContainerID) async throws -> ContainerExit

    // MARK: Streams

    /// Log entries in the order written; ends at the end of the log, or with the container when following.
    func logs(_ id: ContainerID, options: LogOptions) async throws -> AsyncThrowingStream<LogEntry, any Error>
    /// Runs a further process in a running container.
    func exec(_ id: ContainerID, _ spec: ExecSpec) async throws -> any ProcessSession
    /// Connects to the first process's streams; detaching leaves it running.
    func attach(_ id: ContainerID) async throws -> any ProcessSession
    /// What the container uses now.
    func stats(_ id: ContainerID) async throws -> ContainerStats
    /// Everything that happens to containers from now on. Bounded: a slow reader loses the oldest events and is told
    /// so by `.overflow`, after which it must list again.
    func events() -> AsyncStream<EngineEvent>
    /// Where the daemon reaches `port` of a running container.
    func address(of id: ContainerID, port: UInt16) async throws -> Endpoint
}
