import OCI
import Testing

@Suite("Documents of an image")
struct ImageDocumentTests {
    static let digest = "sha256:" + String(repeating: "ab", count: 32)

    @Test(
        "a manifest of either spelling is read, unknown fields ignored",
        arguments: [
            (MediaType.imageManifest, MediaType.gzipLayer), (MediaType.dockerManifest, MediaType.dockerGzipLayer),
        ])
    func manifest(type: String, layer: String) throws {
        let text = """
            {"schemaVersion":2,"mediaType":"\(type)","new":[1],
             "config":{"mediaType":"x","digest":"\(Self.digest)","size":7},
             "layers":[{"mediaType":"\(layer)","digest":"\(Self.digest)","size":9,"urls":["u"]}],"annotations":{"a":"b"}}
            """

        let manifest = try ImageManifest(parsing: Array(text.utf8))

        #expect(manifest.layerSize == 9)
        #expect(manifest.config.digest.rawValue == Self.digest)
    }

    @Test(
        "a manifest that cannot be used says why",
        arguments: [
            (#"{"schemaVersion":1}"#, "`config` is missing"),
            ("[]", "`` is of the wrong type"),
            ("nope", "it is not JSON"),
            (
                #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"md5:1","size":7},"layers":[]}"#,
                "`config.digest` is not valid"
            ),
            (
                #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"\#(digest)","size":7},"layers":[{"mediaType":"text/plain","digest":"\#(digest)","size":1}]}"#,
                "`text/plain` is not a file system layer"
            ),
            (
                #"{"schemaVersion":1,"config":{"mediaType":"x","digest":"\#(digest)","size":7},"layers":[]}"#,
                "schema version 1 is not supported, 2 is needed"
            ),
        ])
    func invalid(text: String, problem: String) {
        #expect(throws: ImageDocumentError(document: "image manifest", problem: problem)) {
            _ = try ImageManifest(parsing: Array(text.utf8))
        }
    }

    @Test("more layers than the kernel can stack are refused")
    func tooManyLayers() {
        let layer = #"{"mediaType":"\#(MediaType.gzipLayer)","digest":"\#(Self.digest)","size":1}"#
        let layers = Array(repeating: layer, count: 500).joined(separator: ",")
        let text =
            #"{"schemaVersion":2,"config":{"mediaType":"x","digest":"\#(Self.digest)","size":7},"layers":[\#(layers)]}"#

        #expect(throws: ImageDocumentError.self) { _ = try ImageManifest(parsing: Array(text.utf8)) }
    }

    @Test("a configuration with nulls, sets and texts for lists is read")
    func configuration() throws {
        let text = #"""
            {"architecture":"amd64","os":"linux","created":"2024-01-01T00:00:00Z","history":[],
             "config":{"User":"app","Env":["A=b"],"Cmd":null,"Entrypoint":"/run","ExposedPorts":{"80/tcp":{},"53/udp":null},
              "Volumes":null,"Labels":null,"WorkingDir":"/w","Healthcheck":{"Test":["CMD"]}},
             "rootfs":{"type":"layers","diff_ids":["\#(Self.digest)"]}}
            """#

        let configuration = try ImageConfiguration(parsing: Array(text.utf8))

        let parameters = try #require(configuration.config)
        #expect(parameters.entrypoint == ["/run"])
        #expect(parameters.command == [])
        #expect(parameters.exposedPorts == ["53/udp", "80/tcp"])
        #expect(parameters.workingDirectory == "/w")
        #expect(configuration.rootfs.layers.count == 1)
        let again = try ImageConfiguration(parsing: try ImageDocument.encode(configuration))
        #expect(again == configuration)
    }

    @Test("the manifest of an index is chosen by platform")
    func platformSelection() throws {
        func entry(_ n: Int, _ platform: Platform?) -> Descriptor {
            Descriptor(
                mediaType: MediaType.imageManifest, digest: Digest(of: [UInt8(n)]), size: Int64(n), platform: platform)
        }
        let index = ImageIndex(manifests: [
            entry(1, Platform(architecture: "unknown", os: "unknown")),
            entry(2, Platform(architecture: "amd64", os: "windows")),
            entry(3, Platform(architecture: "arm64", variant: "v8")), entry(4, Platform(architecture: "amd64")),
            entry(5, Platform(architecture: "arm", variant: "v6")),
            entry(6, Platform(architecture: "arm", variant: "v7")),
        ])

        #expect(index.manifest(for: Platform(architecture: "amd64"))?.size == 4)
        #expect(index.manifest(for: Platform(architecture: "arm64"))?.size == 3)
        #expect(index.manifest(for: Platform(architecture: "arm", variant: "v7"))?.size == 6)
        #expect(index.manifest(for: Platform(architecture: "riscv64")) == nil)
        #expect(ImageIndex(manifests: [entry(7, nil)]).manifest(for: .current)?.size == 7)
    }
}
