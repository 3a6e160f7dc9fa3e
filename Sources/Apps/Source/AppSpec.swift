/// Files that fill in what an app's source lacks.
struct AppSpec: Sendable, Hashable {
    /// One file.
    struct File: Sendable, Hashable {
        let name: String
        let text: String
    }

    let name: String
    let files: [File]

    /// The bundled spec of that name.
    /// - Throws: ``AppError`` `.appSource` for unknown names.
    static func named(_ name: String) throws -> AppSpec {
        guard let spec = bundled.first(where: { $0.name == name }) else {
            let known = bundled.map(\.name)
            throw AppError(
                .appSource, "there is no app spec `\(name)`",
                hint: AppError.nearest(to: name, among: known).map { "did you mean `\($0)`?" }
                    ?? "known are \(known.map { "`\($0)`" }.joined(separator: ", "))")
        }
        return spec
    }

    /// All bundled specs.
    static let bundled = [
        AppSpec(
            name: "container",
            files: [File(name: "app.star", text: container), File(name: "params.star", text: containerParams)]),
        AppSpec(
            name: "image", files: [File(name: "app.star", text: image), File(name: "params.star", text: imageParams)]),
        AppSpec(
            name: "image-cmd",
            files: [File(name: "app.star", text: imageCommand), File(name: "params.star", text: imageCommandParams)]),
        AppSpec(
            name: "proxy", files: [File(name: "app.star", text: proxy), File(name: "params.star", text: proxyParams)]),
        AppSpec(
            name: "static",
            files: [File(name: "app.star", text: staticFiles), File(name: "params.star", text: staticParams)]),
        AppSpec(
            name: "static_single",
            files: [
                File(name: "app.star", text: staticFiles),
                File(name: "params.star", text: staticParams.replacing("default=False", with: "default=True")),
            ]),
    ]

    private static let container = """
        load("proxy.in", "proxy")
        load("container.in", "container")

        app = ace.app(param.app_name,
            routes=[
                ace.proxy("/", proxy.config(container.URL, preserve_host=param.preserve_host))
            ],
            container=container.config(container.AUTO, port=param.port, dev_settings={
                "dir": param.dev_dir, "command": param.dev_command, "target": param.dev_target, "port": param.dev_port,
                "reload": param.dev_reload, "env_files": param.dev_env_files, "additional_mounts": param.dev_mounts
            }),
            permissions=[
                ace.permission("proxy.in", "config", [container.URL]),
                ace.permission("container.in", "config", [container.AUTO], secrets=param.secrets)
            ]
        )

        """

    private static let containerParams = """
        param("app_name", default="Container", description="The name shown for the app")
        param("port", type=INT, default=0, description="The port the app listens on; 0 takes it from EXPOSE")
        param("preserve_host", type=BOOLEAN, default=False, description="Whether the client's Host is passed on")
        param("secrets", type=LIST, default=[["regex:.*"]], description="The secrets the app may use")
        param("dev_dir", required=False, description="Development: where the source is mounted")
        param("dev_command", required=False, description="Development: what runs, as a text for the shell")
        param("dev_target", required=False, description="Development: the stage that is built")
        param("dev_port", type=INT, default=0, description="Development: the port the app listens on")
        param("dev_reload", default="restart", description="Development: restart, none or recreate")
        param("dev_env_files", type=LIST, default=[], description="Development: files that decide about the image")
        param("dev_mounts", type=LIST, default=[], description="Development: further volumes")

        """

    private static let image = """
        load("proxy.in", "proxy")
        load("container.in", "container")

        app = ace.app(param.app_name + " : " + param.image,
            routes=[
                ace.proxy("/", proxy.config(container.URL, preserve_host=param.preserve_host))
            ],
            container=container.config("image:" + param.image, port=param.port),
            permissions=[
                ace.permission("proxy.in", "config", [container.URL]),
                ace.permission("container.in", "config", ["image:" + param.image], secrets=param.secrets)
            ]
        )

        """

    private static let imageParams = """
        param("image", description="The image to run")
        param("port", type=INT, default=0, description="The port it listens on; 0 takes the only one the image exposes")
        param("app_name", default="Image", description="The name shown for the app")
        param("preserve_host", type=BOOLEAN, default=False, description="Whether the client's Host is passed on")
        param("secrets", type=LIST, default=[["regex:.*"]], description="The secrets the app may use")

        """

    private static let imageCommand = """
        load("container.in", "container")
        def run(dry_run, args):
            split = args.command.split(" ")
            res = container.run(split[0], split[1:], parse_json=args.json).value
            return ace.result("Command output", res)

        app = ace.app(param.app_name + " : " + param.image,
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

    private static let imageCommandParams = """
        param("image", description="The image to run the command in")
        param("app_name", default="Image Command", description="The name shown for the app")
        param("command", default="ls /", description="The command to run, its words divided by blanks")
        param("json", type=BOOLEAN, default=False, description="Whether the output is JSON")
        param("secrets", type=LIST, default=[["regex:.*"]], description="The secrets the app may use")

        """

    private static let proxy = """
        load("proxy.in", "proxy")

        app = ace.app(param.app_name,
            routes=[
                ace.proxy("/", proxy.config(
                    param.url, preserve_host=param.preserve_host, response_headers=param.response_headers))
            ],
            permissions=[
                ace.permission("proxy.in", "config", [param.url])
            ]
        )

        """

    private static let proxyParams = """
        param("url", description="The address requests are forwarded to")
        param("app_name", default="Proxy", description="The name shown for the app")
        param("preserve_host", type=BOOLEAN, default=False, description="Whether the client's Host is passed on")
        param("response_headers", type=DICT, default={}, description="Headers set on answers")

        """

    private static let staticFiles = """
        app = ace.app(param.app_name, static_only=True, index=param.index, single_file=param.single_file)

        """

    private static let staticParams = """
        param("app_name", default="Files", description="The name shown for the app")
        param("index", required=False, description="The page of a folder; index.html or index.htm otherwise")
        param("single_file", type=BOOLEAN, default=False, description="Whether the index is served for every path")

        """
}
