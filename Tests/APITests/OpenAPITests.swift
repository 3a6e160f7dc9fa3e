import HTTPTypes
import HummingbirdTesting
import Testing
import Wire

@testable import API

@Suite("the OpenAPI document")
struct OpenAPITests {
    @Test("it describes every route, and nothing else")
    func matchesRoutes() async throws {
        try await APIHost.run { host in
            let document = try JSONDocument(parsing: Array((try await host.send(.get, "/v1/openapi.json")).text.utf8))
            var described: Set<String> = []
            guard case .object(let paths)? = document["paths"] else {
                Issue.record("no paths")
                return
            }
            for path in paths {
                guard case .object(let operations) = path.value else { continue }
                for operation in operations { described.insert("\(operation.key) \(path.key)") }
            }

            #expect(document["openapi"] == .string("3.1.0"))
            #expect(
                described
                    == Set(host.routes.map { "\($0.description.method.rawValue.lowercased()) \($0.description.path)" }))
            #expect(described.count >= 45)
        }
    }

    @Test("every operation has its own name, an answer and a summary that is a sentence")
    func operations() async throws {
        try await APIHost.run { host in
            let names = host.routes.map(\.description.name)
            #expect(Set(names).count == names.count)
            for route in host.routes {
                #expect(route.description.summary.hasSuffix("."), "\(route.description.name)")
                #expect(!route.description.answers.isEmpty, "\(route.description.name)")
            }
        }
    }

    @Test("every reference leads to a schema")
    func references() async throws {
        try await APIHost.run { host in
            let text = try await host.send(.get, "/v1/openapi.json").text
            let document = try JSONDocument(parsing: Array(text.utf8))
            guard case .object(let schemas)? = document["components"]?["schemas"] else {
                Issue.record("no schemas")
                return
            }
            let names = Set(schemas.map(\.key))
            for piece in text.split(separator: "\"#/components/schemas/").dropFirst() {
                #expect(names.contains(String(piece.prefix { $0 != "\"" })))
            }
            #expect(names.contains("ContainerInfo") && names.contains("ImageInfoList"))
        }
    }

    @Test("a schema says what is decoded: fields, kinds, words, what must be there")
    func schema() {
        var builder = SchemaBuilder()

        let reference = builder.schema(of: CreateContainerRequest.self)

        #expect(reference == .members(["$ref": .string("#/components/schemas/CreateContainerRequest")]))
        let schema = builder.components["CreateContainerRequest"]
        #expect(schema?["required"] == .array([.string("image")]))
        #expect(schema?["properties"]?["start"] == .members(["type": .string("boolean")]))
        #expect(
            schema?["properties"]?["pull"]?["enum"]
                == .array([.string("always"), .string("missing"), .string("never")]))
        #expect(
            schema?["properties"]?["ports"]?["items"]
                == .members(["$ref": .string("#/components/schemas/PortSettings")]))
        #expect(
            schema?["properties"]?["environment"]?["additionalProperties"]
                == .members(["type": .string("string")]))
    }
}
