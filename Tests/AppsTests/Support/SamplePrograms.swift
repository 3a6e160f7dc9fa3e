/// The customer's two programs, to the letter, and what belongs to them.
enum SamplePrograms {
    /// The proxy app: Program P, line by line as the customer's document has it.
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

    /// The command app: Program C, line by line; the document has lost the indentation of the function's body.
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

    /// The params of the command app.
    static let commandParams = """
        param("image", description="image")
        param("app_name", default="Image command")
        param("command", default="ls /")
        param("json", type=BOOLEAN, default=False)
        param("secrets", type=LIST, default=[["regex:.*"]])
        """

    /// A container file of a web server on port 8080.
    static let web = "FROM scratch\nCOPY web /\nEXPOSE 8080\nCMD [\"/web\"]\n"

    /// Program P with another `container.config(…)`.
    static func proxy(config: String, permissions: String = "") -> String {
        """
        load("proxy.in", "proxy")
        load("container.in", "container")
        app = ace.app("P", routes=[ace.proxy("/", proxy.config(container.URL))], container=container.config(\(config)),
            permissions=[\(permissions)])
        """
    }
}
