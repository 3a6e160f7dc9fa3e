package import Core
internal import Glibc

/// A failed system call: its name, its number and what it was about.
package struct KernelError: MartletError, Equatable {
    /// The name of the call, such as `mount`.
    package let call: String
    /// The value of `errno`.
    package let errorNumber: Int32
    /// The path, device or address it was about.
    package let subject: String?

    /// A failure of `call` with `errorNumber`.
    package init(call: String, errorNumber: Int32, subject: String? = nil) {
        self.call = call
        self.errorNumber = errorNumber
        self.subject = subject
    }

    /// A failure of `call` with the calling thread's `errno`.
    package static func last(_ call: String, _ subject: String? = nil) -> KernelError {
        KernelError(call: call, errorNumber: errno, subject: subject)
    }

    package var kind: ErrorKind {
        switch errorNumber {
        case ENOENT, ESRCH, ENODEV: .notFound
        case EEXIST: .alreadyExists
        case EPERM, EACCES: .permissionDenied
        case EBUSY, ENOTEMPTY: .invalidState
        case ENOSYS, EOPNOTSUPP: .unsupported
        case ETIMEDOUT: .timedOut
        default: .internalError
        }
    }

    /// `mount(2) of `/x`: device or resource busy (16)`.
    package var message: String {
        let text = String(cString: strerror(errorNumber)).lowercased()
        guard let subject else { return "\(call)(2): \(text) (\(errorNumber))" }
        return "\(call)(2) of `\(subject)`: \(text) (\(errorNumber))"
    }
}
