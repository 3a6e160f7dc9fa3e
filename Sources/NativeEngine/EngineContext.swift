internal import Core
internal import Engines
internal import Images
internal import LinuxKernel
internal import Logging
internal import Networking

/// What every container of an engine needs of it.
final class EngineContext: Sendable {
    let layout: InstanceLayout
    let options: NativeEngineOptions
    let logger: Logger
    let tools: HostTools
    let host: HostProfile
    let runtime: OCIRuntime
    let monitor: Monitor
    let images: ImageStore
    let network: InstanceNetwork
    let hub = EventHub()
    let launches: Permits
    let filters = FilterCache()

    init(
        layout: InstanceLayout, options: NativeEngineOptions, logger: Logger, tools: HostTools, host: HostProfile,
        namespace: MountNamespace?, images: ImageStore, network: InstanceNetwork
    ) {
        self.layout = layout
        self.options = options
        self.logger = logger
        self.tools = tools
        self.host = host
        self.images = images
        self.network = network
        runtime = OCIRuntime(
            program: tools.runtime, root: ContainerPaths.runtimeRoot(layout), namespace: namespace)
        monitor = Monitor(
            path: tools.monitor, runtime: runtime, layout: layout, logSizeLimit: options.logSizeLimit)
        launches = Permits(max(1, options.concurrentLaunches))
    }
}
