internal import Core

/// Where the parts of one container are. Everything on the host is found again by these names.
struct ContainerPaths: Sendable {
    /// Durable: record and log.
    let state: String
    /// Gone after a reboot: the runtime's bundle and the monitor's files.
    let bundle: String
    /// The file in which the monitor leaves the exit status.
    let exitFile: String
    /// The runtime's own state.
    let runtimeState: String
    /// Where the control group is, from the root of the hierarchies.
    let controlGroup: String
    /// What the runtime leaves in place of the unified hierarchy, where that is hidden from it.
    let hiddenGroup: String

    init(_ layout: InstanceLayout, _ id: ContainerID) {
        state = "\(layout.containerDirectory)/\(id)"
        bundle = "\(Self.bundles(layout))/\(id)"
        exitFile = "\(Self.exits(layout))/\(id)"
        runtimeState = "\(Self.runtimeRoot(layout))/\(id)"
        controlGroup = "/martlet-\(layout.instanceName)/\(id)"
        hiddenGroup = "\(Self.cover(layout))\(controlGroup)"
    }

    var record: String { state + "/record.json" }
    var log: String { state + "/log" }
    var configuration: String { bundle + "/config.json" }
    var root: String { bundle + "/rootfs" }
    var networkNamespace: String { bundle + "/netns" }
    var hosts: String { bundle + "/hosts" }
    var hostname: String { bundle + "/hostname" }
    var resolver: String { bundle + "/resolv.conf" }
    var processFile: String { bundle + "/container.pid" }
    var monitorFile: String { bundle + "/conmon.pid" }
    var monitorLog: String { bundle + "/conmon.log" }
    var persist: String { bundle + "/persist" }
    var attachSocket: String { bundle + "/attach" }
    var controlPipe: String { bundle + "/ctl" }
    var startPipe: String { runtimeState + "/exec.fifo" }

    static func bundles(_ layout: InstanceLayout) -> String { layout.runtimeDirectory + "/containers" }
    static func exits(_ layout: InstanceLayout) -> String { layout.runtimeDirectory + "/exits" }
    static func runtimeRoot(_ layout: InstanceLayout) -> String { layout.runtimeDirectory + "/runtime" }
    static func cover(_ layout: InstanceLayout) -> String { layout.runtimeDirectory + "/unified" }
}
