import FoundationEssentials

/// The customer's two programs, to the letter, and the sources around them.
enum SamplePrograms {
    /// The proxy app.
    static let proxy = """
        load("proxy.in", "proxy")
        load("container.in", "container")

        app = ace.app("My App",
            routes=[
                ace.proxy("/", proxy.config(container.URL))
            ],
            container=container.config(container.AUTO),
            permissions=[
                ace.permission("proxy.in", "config", [container.URL]),
                ace.permission("container.in", "config", [container.AUTO])
            ]
        )
        """

    /// The command app.
    static let command = """
        load("container.in", "container")

        def run(dry_run, args):
            split = args.command.split(" ")
            res = container.run(split[0], split[1:], parse_json=args.json).value
            return ace.result("Command output", res)

        app = ace.app(param.app_name + " : " + param.image ,
            actions=[
                ace.action("Run Command using " + param.image, "/", run, description="Run specified command in container", hidden=["secrets", "app_name", "image"])
            ],
            container=container.config("image:" + param.image, lifetime=container.COMMAND),
            permissions=[
                ace.permission("container.in", "config", ["image:" + param.image], secrets=param.secrets),
                ace.permission("container.in", "run", secrets=param.secrets)
            ]
        )
        """

    /// A container file around the web server of `Fixtures/web.c`.
    static func webContainerfile(_ extra: String = "", expose: String = "EXPOSE 8080") -> String {
        """
        FROM scratch
        COPY web /web
        COPY version /version
        \(expose)
        \(extra)
        CMD ["/web"]
        """
    }

    /// A container file of a root with busybox and its commands.
    static let busyboxContainerfile = """
        FROM scratch
        COPY busybox /bin/busybox
        RUN ["/bin/busybox", "--install", "-s", "/bin"]
        COPY data.json nested.json /
        CMD ["sh"]
        """
}

extension TestHost {
    /// A source folder of the proxy app around the web server; `version` makes one differ from another.
    func webApp(
        _ name: String = "web", program: String = SamplePrograms.proxy, containerfile: String? = nil,
        version: String = "1",
        files: [String: String] = [:]
    ) throws -> String {
        var all = [
            "app.star": program, "Containerfile": containerfile ?? SamplePrograms.webContainerfile(),
            "version": version,
        ]
        all.merge(files) { _, new in new }
        let path = try folder(name, all)
        try copyProgram(Machine.webServer, to: path + "/web")
        return path
    }

    /// Builds an image with busybox under `name`.
    func buildBusybox(_ name: String) async throws {
        let path = try folder(
            "busybox-image",
            [
                "Containerfile": SamplePrograms.busyboxContainerfile, "data.json": #"{"name":"x","n":3}"#,
                "nested.json": #"{"a":{"b":1}}"#,
            ])
        try copyProgram(Machine.busybox, to: path + "/busybox")
        try await succeed("image", "build", path, "--tag", name)
    }
}
