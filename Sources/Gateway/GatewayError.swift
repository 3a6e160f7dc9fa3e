package import Core

/// A failure to start the gateway or to read its configuration.
package struct GatewayError: MartletError {
    /// Exactly what happened.
    package enum Code: String, Sendable {
        case bindFailed = "gateway-bind-failed"
        case alreadyStarted = "gateway-already-started"
        case invalidTarget = "gateway-target-invalid"
        case invalidNetwork = "gateway-network-invalid"
        case logFailed = "gateway-log-failed"
    }

    package let code: Code
    package let message: String
    package var hint: String?
    package var cause: (any Error)?
    package var stableCode: String? { code.rawValue }

    package var kind: ErrorKind {
        switch code {
        case .bindFailed, .logFailed: .unavailable
        case .alreadyStarted: .invalidState
        case .invalidTarget, .invalidNetwork: .invalidArgument
        }
    }

    static func bindFailed(_ address: GatewayAddress, cause: any Error) -> GatewayError {
        GatewayError(
            code: .bindFailed, message: "cannot listen on \(address)",
            hint: "another program may use the port; choose another in `gateway.addresses`", cause: cause)
    }

    static func invalidTarget(_ text: String) -> GatewayError {
        GatewayError(
            code: .invalidTarget, message: "target `\(text)` is not an http or https address",
            hint: "write it like `http://127.0.0.1:8080/base`")
    }
}
