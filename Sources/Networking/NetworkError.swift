package import Core
internal import LinuxKernel

/// A failure to connect a container, or to make the network of an instance.
package struct NetworkError: MartletError {
    /// What exactly went wrong.
    package enum Code: Sendable, Hashable {
        case portTaken, addressUnavailable, invalidAddress, unsupportedAddress, noFreeSubnet, noFreeAddress
        case notOpen, badIdentifier, ruleset, system
    }
    /// What exactly went wrong.
    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?

    package var kind: ErrorKind {
        switch code {
        case .portTaken: .alreadyExists
        case .addressUnavailable, .invalidAddress, .badIdentifier: .invalidArgument
        case .unsupportedAddress: .unsupported
        case .noFreeSubnet, .noFreeAddress: .unavailable
        case .notOpen: .invalidState
        case .ruleset, .system: .internalError
        }
    }

    package var stableCode: String? {
        switch code {
        case .portTaken: "port-taken"
        case .addressUnavailable: "address-unavailable"
        default: nil
        }
    }

    static func portTaken(_ port: NetworkPort, by owner: String?) -> Self {
        Self(
            code: .portTaken,
            message: "port \(port.hostPort)/\(port.transport.rawValue) on \(port.hostAddress) is already allocated"
                + (owner.map { " by container `\($0)`" } ?? ""),
            hint: "publish another host port, or 0 for a free one")
    }

    static func addressUnavailable(_ port: NetworkPort) -> Self {
        Self(
            code: .addressUnavailable,
            message: "host address \(port.hostAddress) of port \(port.hostPort) belongs to no interface of this host",
            hint: "publish on 127.0.0.1, 0.0.0.0 or an address that `ip address` shows")
    }

    static func invalidAddress(_ text: String) -> Self {
        text.contains(":")
            ? Self(
                code: .unsupportedAddress, message: "ports cannot be published on the IPv6 address `\(text)`",
                hint: "publish on an IPv4 address")
            : Self(
                code: .invalidAddress, message: "host address `\(text)` is not an IPv4 address",
                hint: "write it as four numbers, such as 127.0.0.1")
    }

    static func noFreeSubnet() -> Self {
        Self(
            code: .noFreeSubnet,
            message: "every subnet in 10.88.0.0 to 10.127.255.255 is in use by a route of this host",
            hint: "remove a route or an unused bridge")
    }

    static func noFreeAddress(_ subnet: IPv4Subnet) -> Self {
        Self(
            code: .noFreeAddress, message: "every address of \(subnet) is leased",
            hint: "delete containers that are no longer needed")
    }

    static func bridgeFull(_ lease: NetworkLease) -> Self {
        Self(
            code: .noFreeAddress, message: "container `\(lease.id)` finds no free place on the bridge",
            hint: "the kernel lets 1023 containers share a bridge: delete some, or use another instance")
    }

    static func notOpen(_ instance: String) -> Self {
        Self(code: .notOpen, message: "the network of instance `\(instance)` is not open")
    }

    static func badIdentifier(_ what: String, _ value: String) -> Self {
        Self(code: .badIdentifier, message: "\(what) `\(value)` cannot name a network resource")
    }

    static func ruleset(_ output: String) -> Self {
        Self(code: .ruleset, message: "the packet filter refused a change: \(output)")
    }

    static func system(_ action: String, _ cause: (any Error)?) -> Self {
        Self(code: .system, message: action, cause: cause)
    }
}
