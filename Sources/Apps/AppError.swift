package import Core

/// A failure of an app: its stable code, a message that begins with the code, and where it happened.
package struct AppError: MartletError, Hashable {
    /// What happened; the raw value is the stable code that messages begin with.
    package enum Code: String, Sendable, CaseIterable, Codable {
        case appNotFound = "APP-NOTFOUND"
        case appExists = "APP-EXISTS"
        case appAddress = "APP-ADDRESS"
        case appSource = "APP-SOURCE"
        case appApproval = "APP-APPROVAL"
        case appStar = "APP-STAR"
        case appEvaluation = "APP-EVAL"
        case appOutput = "APP-OUTPUT"
        case permissionLoad = "PERM-LOAD"
        case permissionCall = "PERM-CALL"
        case permissionArgument = "PERM-ARG"
        case permissionArgumentCount = "PERM-ARGC"
        case permissionDenied = "PERM-DENY"
        case permissionWrite = "PERM-WRITE"
        case permissionRole = "PERM-ROLE"
        case permissionAnonymous = "PERM-ANON"
        case pluginKeyword = "PLUG-KW"
        case pluginDuplicate = "PLUG-DUP"
        case pluginMissing = "PLUG-MISSING"
        case pluginType = "PLUG-TYPE"
        case pluginArgument = "PLUG-ARG"
        case pluginPrevious = "PLUG-PREV"
        case secretNone = "SEC-NONE"
        case secretDenied = "SEC-DENIED"
        case secretProvider = "SEC-PROVIDER"
        case paramRequired = "PARAM-REQ"
        case paramEmpty = "PARAM-EMPTY"
        case paramType = "PARAM-TYPE"
        case paramDuplicate = "PARAM-DUP"
        case paramName = "PARAM-NAME"
        case configEngine = "CFG-ENGINE"
        case configNoFile = "CFG-NOFILE"
        case configRead = "CFG-READ"
        case configParse = "CFG-PARSE"
        case configNoPort = "CFG-NOPORT"
        case configNixpacks = "CFG-NIXPACKS"
        case configDevelopment = "CFG-DEV"
        case volumeDenied = "VOL-DENIED"
        case optionDenied = "OPT-DENIED"
        case buildFailed = "BUILD-FAIL"
        case buildWait = "BUILD-WAIT"
        case imagePull = "IMG-PULL"
        case runStart = "RUN-START"
        case healthFailed = "HEALTH-FAIL"
        case runExited = "RUN-EXITED"
        case runBackoff = "RUN-BACKOFF"
        case runWait = "RUN-WAIT"
        case commandExit = "CMD-EXIT"
        case commandJSON = "CMD-JSON"
        case commandFormat = "CMD-FORMAT"
        case httpFailed = "HTTP-FAIL"
        case actionOption = "ACT-OPTION"
        case actionBody = "ACT-BODY"
        case actionSuggest = "ACT-SUGGEST"
        case actionForm = "ACT-FORM"
        case actionResult = "ACT-RESULT"
    }

    package let code: Code
    /// What happened, without the code.
    package let detail: String
    package var hint: String?
    /// The address of the app, once known.
    package var app: String?
    /// The exit status of a command, for ``Code/commandExit``.
    package var exitCode: Int32?
    /// The last lines of a log or of a build's output; shown only to whoever may read containers.
    package var logTail: [String] = []
    /// Seconds until another attempt makes sense.
    package var retryAfterSeconds: Int?
    package var stableCode: String? { code.rawValue }

    /// A failure; prefer the named factories.
    package init(_ code: Code, _ detail: String, hint: String? = nil) {
        self.code = code
        self.detail = detail
        self.hint = hint
    }

    /// The code, the app's address when known, and the detail.
    package var message: String {
        guard let app else { return "\(code.rawValue): \(detail)" }
        return "\(code.rawValue): app `\(app)`: \(detail)"
    }

    package var kind: ErrorKind {
        switch code {
        case .appNotFound: .notFound
        case .appExists: .alreadyExists
        case .permissionLoad, .permissionCall, .permissionArgument, .permissionArgumentCount, .permissionDenied,
            .permissionWrite, .permissionRole, .permissionAnonymous, .secretNone, .secretDenied, .volumeDenied,
            .optionDenied, .appApproval:
            .permissionDenied
        case .configEngine, .actionSuggest, .configNixpacks: .unsupported
        case .buildWait, .imagePull, .runBackoff, .runWait, .httpFailed: .unavailable
        case .healthFailed: .timedOut
        case .buildFailed, .runStart, .runExited, .commandExit, .commandJSON: .internalError
        case .appAddress, .appSource, .appStar, .appEvaluation, .appOutput, .pluginKeyword, .pluginDuplicate,
            .pluginMissing,
            .pluginType, .pluginArgument, .pluginPrevious, .secretProvider, .paramRequired, .paramEmpty, .paramType,
            .paramDuplicate, .paramName, .configNoFile, .configDevelopment, .configRead, .configParse, .configNoPort,
            .commandFormat,
            .actionOption, .actionBody, .actionForm, .actionResult:
            .invalidArgument
        }
    }

    /// The status when it surfaces on a request to the app.
    package var httpStatus: Int {
        switch code {
        case .appNotFound: 404
        case .buildWait, .runBackoff, .runWait: 503
        case .actionOption, .actionForm: 400
        case .actionBody: 413
        case .actionSuggest: 501
        default: 500
        }
    }

    /// The same failure, naming the app.
    package func naming(app address: String) -> AppError {
        var copy = self
        copy.app = app ?? address
        return copy
    }
}
