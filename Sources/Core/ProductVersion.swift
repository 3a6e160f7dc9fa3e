/// The version of the product, in one place.
package enum ProductVersion {
    /// The version that this source is.
    package static let current = "0.1.0"
    /// The version of the native API, the first part of its paths.
    package static let api = "v1"
}
