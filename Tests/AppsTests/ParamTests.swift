import Testing

@testable import Apps
@testable import Core

@Suite("params")
struct ParamTests {
    private static func definition(_ type: ParamType, required: Bool = true, default value: JSONValue? = nil) throws
        -> ParamDefinition
    {
        try ParamDefinition(name: "p", type: type, defaultValue: value, isRequired: required)
    }

    @Test(
        "texts become values of the declared type",
        arguments: [
            (ParamType.int, "-12", JSONValue.int(-12)), (.boolean, "T", .bool(true)), (.boolean, "False", .bool(false)),
            (.boolean, "1", .bool(true)), (.string, " a ", .string(" a ")),
            (.list, "[\"a\",1]", .array([.string("a"), .int(1)])),
            (.dict, "{\"b\":1,\"a\":null}", .object([.init("b", .int(1)), .init("a", .null)])),
        ])
    func converted(type: ParamType, text: String, expected: JSONValue) throws {
        let set = try ParamSet(definitions: [try Self.definition(type)], given: ["p": text])
        #expect(set["p"] == expected)
    }

    @Test(
        "EX-31 texts of another type are refused",
        arguments: [
            (ParamType.int, "abc"), (.int, "1.5"), (.boolean, "yes"), (.list, "{}"), (.list, "[1"), (.dict, "[]"),
        ])
    func refused(type: ParamType, text: String) {
        let error = #expect(throws: AppError.self) {
            try ParamSet(definitions: [try Self.definition(type)], given: ["p": text])
        }
        #expect(error?.code == .paramType && error?.message.contains("`p`") == true)
    }

    @Test("required params need a value, optional ones fall back to their default or zero")
    func requirements() throws {
        let missing = #expect(throws: AppError.self) {
            try ParamSet(definitions: [try Self.definition(.string)], given: [:])
        }
        let empty = #expect(throws: AppError.self) {
            try ParamSet(definitions: [try Self.definition(.string)], given: ["p": ""])
        }
        let zero = try ParamSet(definitions: [try Self.definition(.list, required: false)], given: ["x": "1"])
        let given = try ParamSet(definitions: [try Self.definition(.int, default: .int(1))], given: [:])

        #expect(missing?.code == .paramRequired && empty?.code == .paramEmpty)
        #expect(zero["p"] == .array([]) && zero.extras.map(\.name) == ["x"])
        #expect(given["p"] == .int(1))
        #expect(throws: AppError.self) { try ParamDefinition(name: "a b") }
        #expect(throws: AppError.self) { try ParamDefinition(name: "a", type: .int, defaultValue: .string("1")) }
    }

    @Test("EX-15 params become the environment of the container, `secrets` does not")
    func environment() throws {
        let definitions = [
            try ParamDefinition(name: "x"), try ParamDefinition(name: "n", type: .int),
            try ParamDefinition(name: "b", type: .boolean, defaultValue: .bool(false)),
            try ParamDefinition(name: "l", type: .list, defaultValue: .array([.string("p")])),
            try ParamDefinition(name: "secrets", type: .list, defaultValue: .array([])),
            try ParamDefinition(name: "my-name", defaultValue: .string("v")),
            try ParamDefinition(name: "PORT", defaultValue: .string("1")),
        ]
        let params = try ParamSet(definitions: definitions, given: ["x": "1", "n": "5", "EXTRA": "z"])

        let environment = try ContainerEnvironment(
            params: params, address: try AppAddress(parsing: "/tools/a"), publicURL: "http://localhost:25222",
            port: 8080
        ) { ($0, $0 == "z") }

        #expect(
            environment.variables == [
                "x": "1", "n": "5", "b": "false", "l": "[\"p\"]", "EXTRA": .secret("z"), "PORT": "8080",
                "CL_APP_PATH": "/tools/a", "CL_APP_URL": "http://localhost:25222/tools/a",
            ])
        #expect(environment.skipped == ["my-name"])
        #expect(
            ContainerEnvironment.url(of: try AppAddress(parsing: "x.test:/"), publicURL: "https://localhost:25223")
                == "https://x.test:25223")
    }
}
