/// The optional features of the language, chosen per program.
public struct Dialect: Sendable, Hashable {
    /// `while` statements.
    public var allowsWhile: Bool
    /// Functions that call themselves, directly or through others.
    public var allowsRecursion: Bool
    /// The name `set`. The type always exists.
    public var allowsSet: Bool
    /// `if`, `for` and `while` outside functions.
    public var allowsTopLevelControl: Bool
    /// Binding a top-level name more than once.
    public var allowsGlobalReassign: Bool
    /// Names bound by `load` become globals of the module, exported like others.
    public var loadBindsGlobally: Bool

    /// Creates a dialect; every feature is off unless asked for.
    public init(
        allowsWhile: Bool = false, allowsRecursion: Bool = false, allowsSet: Bool = false,
        allowsTopLevelControl: Bool = false, allowsGlobalReassign: Bool = false, loadBindsGlobally: Bool = false
    ) {
        self.allowsWhile = allowsWhile
        self.allowsRecursion = allowsRecursion
        self.allowsSet = allowsSet
        self.allowsTopLevelControl = allowsTopLevelControl
        self.allowsGlobalReassign = allowsGlobalReassign
        self.loadBindsGlobally = loadBindsGlobally
    }

    /// The language of the specification: every option off.
    public static let standard = Dialect()
    /// App definitions in the style of OpenRun: `while` and recursion.
    public static let openRun = Dialect(allowsWhile: true, allowsRecursion: true)
    /// Everything but ``loadBindsGlobally``; for interactive use.
    public static let permissive = Dialect(
        allowsWhile: true, allowsRecursion: true, allowsSet: true, allowsTopLevelControl: true,
        allowsGlobalReassign: true)
}
