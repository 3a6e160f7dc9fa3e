import Testing

@testable import Apps

@Suite("development plans")
struct DevelopmentPlannerTests {
    /// Plans for a container file over a source of these files.
    private static func plan(
        _ text: String, _ settings: [JSONValue.Member] = [], source: Set<String> = ["app.py"],
        arguments: [String: String] = [:], environmentFiles: [String: String?] = [:], isCommand: Bool = false
    ) throws -> DevelopmentFlow {
        try DevelopmentPlanner(
            settings: DevelopmentSettings(settings),
            file: ContainerFile(text: text, name: "Containerfile", buildArguments: arguments), text: text,
            buildArguments: arguments, buildDirectory: "", environmentFiles: environmentFiles, isCommand: isCommand,
            isInSource: source.contains
        ).plan()
    }

    private static func mounted(
        _ text: String, _ settings: [JSONValue.Member] = [], source: Set<String> = ["app.py"],
        arguments: [String: String] = [:], environmentFiles: [String: String?] = [:]
    ) throws -> MountedSource {
        let flow = try plan(
            text, settings, source: source, arguments: arguments, environmentFiles: environmentFiles)
        guard case .mounted(let mounted) = flow else {
            throw AppError(.configDevelopment, "plain: \(flow)")
        }
        return mounted
    }

    private static func reason(_ text: String, source: Set<String> = ["app.py"]) throws -> String? {
        guard case .plain(let reason) = try plan(text, source: source) else { return nil }
        return reason
    }

    private static func member(_ key: String, _ value: JSONValue) -> JSONValue.Member { JSONValue.Member(key, value) }

    private static let simple = "FROM python\nWORKDIR /app\nCOPY . .\nCMD [\"python\", \"app.py\"]\n"
    private static let staged = """
        FROM python AS base
        WORKDIR /app
        FROM base AS build
        ENV A=1
        COPY . .
        FROM base
        ENV A=2 B=3
        COPY --from=build /app /app
        CMD ["python", "app.py"]
        """

    // MARK: Settings

    @Test(
        "wrong settings are CFG-DEV and name the key",
        arguments: [
            ("relod", JSONValue.string("none")), ("target", .int(1)), ("command", .int(1)),
            ("command", .array([.int(1)])), ("dir", .string("app")), ("dir", .string("/")), ("dir", .string("/../x")),
            ("reload", .string("sometimes")), ("env_files", .string("x")), ("env_files", .array([.string("../x")])),
            ("additional_mounts", .array([.string("x")])), ("port", .string("80")), ("port", .int(-1)),
            ("dev_stage", .string("")), ("disable", .string("yes")),
        ] as [(String, JSONValue)])
    func wrongSettings(key: String, value: JSONValue) throws {
        let error = try #require(throws: AppError.self) { try DevelopmentSettings([Self.member(key, value)]) }

        #expect(error.code == .configDevelopment)
        #expect(error.message.contains("`\(key)`"))
    }

    @Test("empty settings are as good as none, so that params can be passed through")
    func emptySettings() throws {
        let settings = try DevelopmentSettings([
            Self.member("target", .string("")), Self.member("command", .string("")), Self.member("dir", .string("")),
            Self.member("reload", .string("")), Self.member("env_files", .array([])), Self.member("port", .int(0)),
            Self.member("additional_mounts", .array([])),
        ])

        #expect(!settings.isConfigured)
        #expect(settings == DevelopmentSettings())
    }

    @Test("a command is a list of words, or a text for the shell")
    func commandForms() throws {
        let list = try DevelopmentSettings([Self.member("command", .array([.string("a"), .string("b c")]))])
        let text = try DevelopmentSettings([Self.member("command", .string("a && b"))])

        #expect(list.command == ["a", "b c"])
        #expect(text.command == ["/bin/sh", "-c", "a && b"])
    }

    // MARK: Stage

    @Test("one stage is built whole, and its own command stays")
    func wholeFile() throws {
        let plan = try Self.mounted(Self.simple)

        #expect(plan.target == nil && plan.directory == "/app" && plan.command == nil && !plan.isInferred)
        #expect(plan.imageHash.count == 12)
    }

    @Test("of several stages the named one before the last is built, and the last one's command runs in it")
    func inferred() throws {
        let plan = try Self.mounted(Self.staged)

        #expect(plan.target == "build" && plan.directory == "/app" && plan.isInferred)
        #expect(plan.command == ["python", "app.py"])
        #expect(plan.environment == ["B": "3"])
    }

    @Test("a stage before the last without name leaves the whole file")
    func unnamedStage() throws {
        let text = "FROM a\nWORKDIR /x\nFROM python\nWORKDIR /app\nCMD python app.py\n"

        #expect(try Self.mounted(text).target == nil)
    }

    @Test("a target is taken by name or number; an unknown one is a notice and the whole file")
    func target() throws {
        #expect(try Self.mounted(Self.staged, [Self.member("target", .string("BASE"))]).target == "base")
        #expect(try Self.mounted(Self.staged, [Self.member("target", .string("0"))]).target == "base")
        let unknown = try Self.mounted(Self.staged, [Self.member("target", .string("bild"))])
        #expect(unknown.target == nil && unknown.notices.count == 1 && unknown.notices[0].contains("bild"))
    }

    @Test("the stage for development wins over the one before the last and keeps its command")
    func developmentStage() throws {
        let text = """
            FROM python AS dev
            WORKDIR /src
            CMD ["flask", "run"]
            FROM python AS build
            FROM python
            CMD ["serve"]
            """

        let plan = try Self.mounted(text)
        #expect(plan.target == "dev" && plan.directory == "/src" && plan.command == nil && !plan.isInferred)
        let named = try Self.mounted(
            text.replacing("AS dev", with: "AS hack"), [Self.member("dev_stage", .string("hack"))])
        #expect(named.target == "hack")
    }

    @Test("a stage for development without command, or one named and missing, is an error")
    func badDevelopmentStage() throws {
        let silent = "FROM python AS dev\nWORKDIR /app\nFROM python\nCMD [\"x\"]\n"
        let first = try #require(throws: AppError.self) { try Self.plan(silent) }
        let second = try #require(throws: AppError.self) {
            try Self.plan(Self.staged, [Self.member("dev_stage", .string("hack"))])
        }

        #expect(first.code == .configDevelopment && first.message.contains("`dev`"))
        #expect(second.code == .configDevelopment && second.message.contains("hack"))
    }

    @Test("a stage for development placed last is a notice here and an error in production")
    func developmentStageLast() throws {
        let text = "FROM python AS base\nFROM base AS dev\nWORKDIR /app\nCMD [\"python\", \"app.py\"]\n"
        let plan = try Self.mounted(text)
        let file = try ContainerFile(text: text, name: "Containerfile")
        var disabled = DevelopmentSettings()
        disabled.isDisabled = true

        #expect(plan.target == nil && plan.notices.count == 1)
        let error = try #require(throws: AppError.self) {
            try DevelopmentPlanner.checkProduction(file, DevelopmentSettings())
        }
        #expect(error.code == .configDevelopment)
        try DevelopmentPlanner.checkProduction(file, disabled)
    }

    // MARK: Directory

    @Test("the working directory follows stages, arguments and variables")
    func workingDirectory() throws {
        let text = """
            ARG ROOT=/opt
            FROM python AS base
            ARG ROOT
            ENV HERE=$ROOT/app
            WORKDIR $HERE
            FROM base
            WORKDIR sub
            CMD python app.py
            """
        let whole = [Self.member("target", .string("1"))]

        #expect(try Self.mounted(text, whole).directory == "/opt/app/sub")
        #expect(try Self.mounted(text, whole, arguments: ["ROOT": "/srv"]).directory == "/srv/app/sub")
        #expect(try Self.mounted(text, [Self.member("dir", .string("/code/"))]).directory == "/code")
    }

    @Test("an unknown working directory means the plain flow, or CFG-DEV where the fast one is asked for")
    func unknownDirectory() throws {
        let text = "FROM python\nCMD [\"python\", \"app.py\"]\n"

        #expect(try Self.reason(text)?.contains("working directory") == true)
        let error = try #require(throws: AppError.self) {
            try Self.plan(text, [Self.member("reload", .string("none"))])
        }
        #expect(error.code == .configDevelopment)
    }

    // MARK: Command

    @Test(
        "a command that needs what only the build makes means the plain flow",
        arguments: [
            // compiled in the only stage
            "FROM go\nWORKDIR /app\nCOPY . .\nRUN go build -o server\nCMD [\"./server\"]\n",
            // copied out of the build
            "FROM go AS build\nWORKDIR /app\nRUN go build -o server\nFROM alpine\nCOPY --from=build /app/server /usr/bin/server\nCMD [\"/usr/bin/server\"]\n",
            // copied to another place than it has in the source
            "FROM python AS build\nWORKDIR /app\nFROM python\nCOPY start.sh /start.sh\nENTRYPOINT [\"/start.sh\"]\n",
            "FROM node AS build\nWORKDIR /app\nFROM node\nWORKDIR /app\nCMD [\"node\", \"dist/main.js\"]\n",
            "FROM python AS build\nWORKDIR /app\nFROM python\nWORKDIR /app\nCMD python $(cat name).py\n",
            "FROM python AS build\nWORKDIR /app\nFROM python\nSHELL [\"/bin/bash\", \"-c\"]\nWORKDIR /app\nCMD python app.py\n",
            "FROM python AS build\nWORKDIR /app\nFROM python\nENV PATH=/opt/bin:/usr/bin\nWORKDIR /app\nCMD [\"python\", \"app.py\"]\n",
            "FROM python AS build\nWORKDIR /app\nFROM nginx\n",
        ])
    func doubtful(text: String) throws {
        #expect(try Self.reason(text) != nil)
    }

    @Test("in doubt, settings that ask for the fast flow make CFG-DEV with the ways out")
    func doubtfulConfigured() throws {
        let text =
            "FROM go AS build\nWORKDIR /app\nFROM alpine\nCOPY --from=build /app/server /server\nCMD [\"/server\"]\n"
        let error = try #require(throws: AppError.self) {
            try Self.plan(text, [Self.member("env_files", .array([.string("go.mod")]))])
        }

        #expect(error.code == .configDevelopment && error.message.contains("/server"))
        for way in ["dev", "command", "disable"] { #expect(error.hint?.contains("`\(way)`") == true) }
    }

    @Test(
        "words that are no paths, lie outside the source, or are found in it are safe",
        arguments: [
            "CMD [\"gunicorn\", \"-b\", \"0.0.0.0:8000\", \"app:app\"]", "CMD [\"/usr/bin/python\", \"app.py\"]",
            "CMD [\"python\", \"/app/app.py\"]", "ENTRYPOINT [\"python\"]\nCMD [\"app.py\"]", "CMD exec python app.py",
            "CMD [\"python\", \"-m\", \"x\", \"--config=app.py\", \"--url=http://x/y\"]",
        ])
    func safe(start: String) throws {
        let text = "FROM python AS build\nWORKDIR /app\nFROM python\nWORKDIR /app\n\(start)\n"

        #expect(try Self.mounted(text).isInferred)
    }

    @Test("a file of the source that the last stage holds elsewhere is found where it is mounted")
    func mappedBack() throws {
        let text = """
            FROM python AS build
            WORKDIR /src
            FROM python
            COPY --from=build /src /opt/app
            CMD ["python", "/opt/app/app.py"]
            """

        #expect(try Self.mounted(text).command == ["python", "/src/app.py"])
    }

    // MARK: Replay

    private static let compiled = """
        FROM go AS build
        ARG TAGS=fast
        WORKDIR /src
        COPY go.mod ./
        RUN go mod download
        COPY . .
        RUN --mount=type=cache,target=/root/.cache/go go build -tags $TAGS -o /out/server ./cmd
        FROM alpine
        COPY --from=build /out/server /usr/local/bin/shop
        CMD ["/usr/local/bin/shop", "--port", "80 80"]
        """

    @Test("a program that the build makes from the source is built again before each start")
    func replay() throws {
        let plan = try Self.mounted(Self.compiled)

        #expect(plan.target == "build" && plan.isInferred)
        #expect(plan.command?.prefix(2) == ["/bin/sh", "-c"])
        #expect(
            plan.command?.last == """
                (cd /src || exit
                export TAGS=fast
                go build -tags $TAGS -o /out/server ./cmd
                ) && cd /src && exec /out/server --port '80 80'
                """)
        #expect(plan.caches.count == 1 && plan.caches[0].hasSuffix(":/root/.cache/go"))
    }

    @Test("a program found by its name alone is traced to the build, too")
    func replayByName() throws {
        let text = Self.compiled.replacing("\"/usr/local/bin/shop\"", with: "\"shop\"")

        #expect(try Self.mounted(text).command?.last?.hasSuffix("exec /out/server --port '80 80'") == true)
    }

    @Test("what the build has ready without the source needs no repetition")
    func noReplay() throws {
        let text = """
            FROM python AS build
            WORKDIR /app
            FROM python
            WORKDIR /app
            CMD ["/usr/local/bin/python", "app.py"]
            """

        #expect(try Self.mounted(text).command == ["/usr/local/bin/python", "app.py"])
    }

    @Test(
        "a build that cannot be repeated means the plain flow",
        arguments: [
            ("--mount=type=cache,target=/root/.cache/go", "--mount=type=secret,id=x"),
            ("--mount=type=cache,target=/root/.cache/go", "--mount=type=bind,target=/x"),
            ("--mount=type=cache,target=/root/.cache/go", "--network=none"),
            ("$TAGS", "$(cat tags)"), ("$TAGS", "`cat tags`"), ("COPY . .", "RUN true"), ("COPY go.mod ./", "RUN true"),
            ("ARG TAGS=fast", "SHELL [\"/bin/bash\", \"-c\"]"), ("/out/server", "/src/server"),
            ("--from=build /out/server", "--from=build /out/s*"), ("COPY --from=build", "COPY --from=other"),
            ("./cmd\n", "./cmd <<EOF\nx\nEOF\n"),
        ])
    func doubtfulReplay(old: String, new: String) throws {
        var text = Self.compiled.replacing(old, with: new)
        if new == "RUN true" { text = text.replacing("COPY . .\n", with: "").replacing("COPY go.mod ./\n", with: "") }

        #expect(try Self.reason(text) != nil, "\(text)")
    }

    @Test("a command given runs as it is, in the mounted source")
    func explicitCommand() throws {
        let plan = try Self.mounted(
            Self.staged, [Self.member("command", .array([.string("python"), .string("-u"), .string("app.py")]))])

        #expect(plan.command == ["python", "-u", "app.py"] && !plan.isInferred && plan.target == "build")
    }

    @Test("disabled settings and command apps without settings mean the plain flow")
    func plain() throws {
        #expect(
            try Self.plan(Self.simple, [Self.member("disable", .bool(true)), Self.member("dir", .string("/x"))])
                == .plain(reason: nil))
        #expect(try Self.plan(Self.simple, isCommand: true) == .plain(reason: nil))
        #expect(
            try Self.plan(Self.simple, [Self.member("reload", .string("none"))], isCommand: true) != .plain(reason: nil)
        )
    }

    // MARK: Image

    @Test("the image's name depends on file, arguments, stage and env_files, and on nothing else")
    func imageHash() throws {
        let files = [Self.member("env_files", .array([.string("req.txt")]))]
        let base = try Self.mounted(Self.simple, files, environmentFiles: ["req.txt": "a"]).imageHash

        #expect(try Self.mounted(Self.simple, files, environmentFiles: ["req.txt": "a"]).imageHash == base)
        #expect(
            try Self.mounted(Self.simple, files, source: ["app.py", "x"], environmentFiles: ["req.txt": "a"]).imageHash
                == base)
        let others = [
            try Self.mounted(Self.simple + "# x\n", files, environmentFiles: ["req.txt": "a"]),
            try Self.mounted(Self.simple, files, arguments: ["A": "1"], environmentFiles: ["req.txt": "a"]),
            try Self.mounted(Self.simple, files, environmentFiles: ["req.txt": "b"]),
            try Self.mounted(Self.simple, files, environmentFiles: ["req.txt": nil]),
            try Self.mounted(Self.simple, files, environmentFiles: ["req.txt": ""]),
        ]
        #expect(Set(others.map(\.imageHash) + [base]).count == 6)
    }
}
