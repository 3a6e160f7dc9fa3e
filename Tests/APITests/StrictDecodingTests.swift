import Core
import Testing
import Wire

@Suite("strict decoding")
struct StrictDecodingTests {
    private func failure(_ json: String) -> WireError? {
        do {
            _ = try StrictJSON.decode(CreateContainerRequest.self, from: json.utf8)
            return nil
        } catch let error as WireError {
            return error
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    @Test("what a request says is read, with every field that is left out as nil")
    func reads() throws {
        let json = """
            {"image": "web:1", "name": "web", "ports": [{"containerPort": 80}], "limits": {"memoryBytes": 1048576},
             "environment": {"A": "é\\n\\u00e9\\ud83d\\ude00"}, "start": false, "pull": "never", "network": "none"}
            """

        let request = try StrictJSON.decode(CreateContainerRequest.self, from: json.utf8)

        #expect(request.settings.image == "web:1" && request.settings.name == "web")
        #expect(request.settings.ports == [PortSettings(containerPort: 80)])
        #expect(request.settings.limits?.memoryBytes == 1_048_576 && request.settings.limits?.milliCPUs == nil)
        #expect(request.settings.environment == ["A": "é\né😀"])
        #expect(request.start == false && request.pull == .never && request.settings.network == NetworkChoice.none)
    }

    @Test(
        "an unknown field is named with its path and the nearest known one",
        arguments: [
            (#"{"image": "a", "imagee": "b"}"#, "imagee", "image"),
            (
                #"{"image": "a", "ports": [{"containerPort": 80}, {"containerport": 81}]}"#, "ports[1].containerPort",
                nil
            ),
            (#"{"image": "a", "limits": {"memorybytes": 1}}"#, "limits.memorybytes", "memoryBytes"),
            (#"{"image": "a", "ports": [{"containerPort": 80, "hostport": 1}]}"#, "ports[0].hostport", "hostPort"),
            (#"{"image": "a", "health": {"http": {"port": 1, "pathh": "/"}}}"#, "health.http.pathh", "path"),
        ] as [(String, String, String?)])
    func unknownField(json: String, path: String, nearest: String?) {
        let error = failure(json)

        #expect(error?.message.contains("`\(path)`") == true, "\(error?.message ?? "none")")
        #expect(error?.kind == .invalidArgument)
        if let nearest { #expect(error?.hint == "did you mean `\(nearest)`?") }
    }

    @Test(
        "a value of the wrong kind is named with its path, what it must be and what it is",
        arguments: [
            (#"{"image": 1}"#, "the field `image` must be a string, not a number"),
            (#"{}"#, "the field `image` is missing"),
            (#"[]"#, "the body must be an object, not an array"),
            (#"{"image": "a", "ports": {}}"#, "the field `ports` must be an array, not an object"),
            (#"{"image": "a", "command": ["a", 1]}"#, "the field `command[1]` must be a string, not a number"),
            (
                #"{"image": "a", "ports": [{"containerPort": 70000}]}"#,
                "the field `ports[0].containerPort` is not valid: `70000` is not a whole number between 0 and 65535"
            ),
            (
                #"{"image": "a", "pull": "some"}"#,
                "the field `pull` is not valid: `some` is none of always, missing, never"
            ),
            (#"{"image": "a", "stopGraceSeconds": 1.5}"#, "the field `stopGraceSeconds` is not valid"),
            (#"{"image": "a", "terminal": "yes"}"#, "the field `terminal` must be true or false, not a string"),
        ])
    func wrongKind(json: String, message: String) {
        #expect(failure(json)?.message.hasPrefix(message) == true, "\(failure(json)?.message ?? "none")")
    }

    @Test(
        "malformed JSON is refused with line and column",
        arguments: [
            ("", 1, 1), ("{", 1, 2), (#"{"a" 1}"#, 1, 6), ("{\"a\": 1,\n}", 2, 1), ("[1,]", 1, 4), ("{\"a\":1}x", 1, 8),
            (#"{"a":1,"a":2}"#, 1, 11), ("[01]", 1, 4), ("[1.]", 1, 4), ("[\"\\x\"]", 1, 4), ("[\"\u{1}\"]", 1, 3),
            ("[\"a", 1, 4), ("[nul]", 1, 2), ("[\"\\ud800\"]", 1, 9),
        ])
    func malformed(json: String, line: Int, column: Int) {
        let error = failure(json)

        #expect(error?.code == .malformed)
        #expect(error?.message.contains("line \(line), column \(column):") == true, "\(error?.message ?? "none")")
    }

    @Test("nesting beyond the limit is refused, whatever its depth")
    func nesting() {
        #expect(failure(String(repeating: "[", count: 100_000))?.message.contains("nested too deeply") == true)
    }

    @Test("null stands for a field that is left out")
    func null() throws {
        let request = try StrictJSON.decode(
            CreateContainerRequest.self, from: #"{"image": "a", "name": null, "limits": null}"#.utf8)

        #expect(request.settings.name == nil && request.settings.limits == nil)
    }

    @Test("a document that is written and read again is the same")
    func roundTrip() throws {
        let text = #"{"a":[1,-2.5e3,true,false,null,"q\"\\\n\u0001é"],"b":{}}"#

        #expect(try JSONDocument(parsing: text.utf8).text == text)
    }

    @Test("nearest names", arguments: [("imgae", "image"), ("Image", "image"), ("prots", "ports"), ("zzz", nil)])
    func nearest(name: String, expected: String?) {
        #expect(NearestName.find(name, in: ["image", "ports", "name"]) == expected)
    }

    @Test("percent-encoding turns any text into one segment and back")
    func percent() {
        for text in ["/hello", "shop.example.com:/a b", "ä%2F?#&", ""] {
            #expect(PercentEncoding.decode(PercentEncoding.encode(text)) == text)
            #expect(!PercentEncoding.encode(text).contains("/"))
        }
        for broken in ["%", "%1", "%zz", "%ff", "%+1"] { #expect(PercentEncoding.decode(broken) == nil) }
    }

    @Test("frames survive any cut")
    func frames() throws {
        let frames = [
            OutputFrame(.standardOutput, [1, 2, 3]), OutputFrame(.idle), OutputFrame(.exit, Array("{}".utf8)),
        ]
        let bytes = frames.flatMap(\.encoded)
        for size in 1...bytes.count {
            var reader = OutputFrameReader()
            var found: [OutputFrame] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                found += try reader.append(bytes[start..<min(start + size, bytes.count)])
            }
            #expect(found == frames && !reader.isInsideFrame)
        }
        var reader = OutputFrameReader()
        #expect(throws: WireError.self) { try reader.append([9, 0, 0, 0, 0, 0, 0, 0]) }
        #expect(throws: WireError.self) { try reader.append([1, 0, 0, 0, 255, 0, 0, 0]) }
    }
}
