/// An enumeration that travels as one of a few words; the words are listed in errors and in the OpenAPI document.
package protocol WireChoice: RawRepresentable, CaseIterable, Codable, Hashable, Sendable where RawValue == String {}

extension WireChoice {
    /// Every word, in the order of declaration.
    package static var allTexts: [String] { allCases.map(\.rawValue) }
}
