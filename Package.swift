// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

/// A target of ours with the common settings.
func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

/// A test target of ours with the common settings.
func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
    .testTarget(name: name, dependencies: dependencies, swiftSettings: strict)
}

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOFoundationCompat", package: "swift-nio"),
]
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")

let package = Package(
    name: "martlet",
    products: [
        .executable(name: "martlet", targets: ["martlet"]),
        .library(name: "Starlark", targets: ["Starlark"]),
    ],
    dependencies: [
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // Foundations
        module("Core"),
        module("Starlark"),
        .target(name: "CLinux"),
        .systemLibrary(name: "CArchive", pkgConfig: "libarchive", providers: [.apt(["libarchive-dev"])]),
        module("LinuxKernel", ["Core", "CLinux"]),
        module("OCI", ["Core", .product(name: "Crypto", package: "swift-crypto")]),
        module("Images", ["Core", "OCI", "LinuxKernel", "CArchive", logging]),
        module("Networking", ["Core", "LinuxKernel", logging]),

        // Engines
        module("Engines", ["Core", "OCI"]),
        module("NativeEngine", ["Core", "OCI", "Engines", "Images", "Networking", "LinuxKernel", logging]),

        // Control
        module("State", ["Core", .product(name: "GRDB", package: "GRDB.swift")]),
        module("Jobs", ["Core", "State", logging]),
        module(
            "Containers",
            [
                "Core", "OCI", "Engines", "State", "Jobs", logging,
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module(
            "Apps",
            [
                "Core", "OCI", "Starlark", "Engines", "State", "Jobs", "Containers", "LinuxKernel", logging,
                .product(name: "Mustache", package: "swift-mustache"),
            ]),
        module("Gateway", nio + ["Core", .product(name: "NIOSSL", package: "swift-nio-ssl"), logging, lifecycle]),

        // Doors
        module("Wire", ["Core"]),
        module(
            "API",
            nio + [
                "Core", "Wire", "Jobs", "Containers", "Apps", "Engines", "OCI", logging, lifecycle,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
            ]),
        module(
            "Client",
            nio + [
                "Core", "Wire", .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]),
        module(
            "CLI",
            [
                "Core", "Wire", "Client", "Starlark",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        module(
            "Daemon",
            [
                "Core", "OCI", "LinuxKernel", "Engines", "NativeEngine", "State", "Jobs", "Containers", "Apps",
                "Gateway", "API", "Wire",
                logging, lifecycle, .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .executableTarget(
            name: "martlet",
            dependencies: [
                "CLI", "Daemon", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: strict),

        // Tests
        tests("CoreTests", ["Core"]),
        .testTarget(
            name: "StarlarkTests", dependencies: ["Starlark"], exclude: ["Fuzz/FuzzMain.swift", "Fuzz/corpus"],
            swiftSettings: strict),
        tests("LinuxKernelTests", ["LinuxKernel", "CLinux", "Core"]),
        tests("OCITests", ["OCI", "Core"]),
        tests("ImagesTests", ["Images", "OCI", "LinuxKernel", "Core", logging]),
        tests("NetworkingTests", ["Networking", "LinuxKernel", "Core"]),
        tests("EnginesTests", ["Engines", "OCI", "Core"]),
        tests(
            "NativeEngineTests",
            ["NativeEngine", "Engines", "Images", "OCI", "LinuxKernel", "Networking", "Core", logging]),
        tests("StateTests", ["State", "Core"]),
        tests("JobsTests", ["Jobs", "State", "Core", logging]),
        tests(
            "ContainersTests",
            nio + [
                "Containers", "Engines", "State", "Jobs", "OCI", "Core", logging,
                .product(name: "NIOHTTP1", package: "swift-nio"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ]),
        tests(
            "AppsTests",
            ["Apps", "Starlark", "Engines", "State", "Jobs", "Containers", "LinuxKernel", "OCI", "Core", logging]),
        tests("GatewayTests", nio + ["Gateway", "Core", logging, .product(name: "NIOSSL", package: "swift-nio-ssl")]),
        tests(
            "APITests",
            [
                "API", "Wire", "Jobs", "Containers", "Apps", "Engines", "State", "OCI", "Core", logging,
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "NIOCore", package: "swift-nio"),
            ]),
        tests("CLITests", ["CLI", "Client", "Wire", "Core", "Starlark"]),
        tests(
            "DaemonTests", ["Daemon", "Client", "Wire", "Engines", "OCI", "Core", logging]),
        tests("ArchitectureTests", []),
        .testTarget(
            name: "IntegrationTests", dependencies: ["Core", "LinuxKernel"], exclude: ["Fixtures"],
            swiftSettings: strict),
    ],
    swiftLanguageModes: [.v6]
)

// `scripts/fuzz` builds the fuzzer with FUZZ=1: Starlark alone, instrumented.
if Context.environment["FUZZ"] == "1" {
    let instrumented = SwiftSetting.unsafeFlags(["-sanitize=fuzzer,address"])
    package.products = []
    package.dependencies = []
    package.targets = [
        .target(name: "Starlark", swiftSettings: strict + [instrumented]),
        .target(name: "CFuzz", path: "Tests/CFuzz"),
        .executableTarget(
            name: "StarlarkFuzz", dependencies: ["Starlark", "CFuzz"], path: "Tests/StarlarkTests/Fuzz",
            exclude: ["corpus"], swiftSettings: strict + [instrumented],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address", "-use-ld=lld"])]),
    ]
}
