/// Header lines that tell browsers to be careful.
enum SecurityHeaders {
    /// Those the response does not have yet.
    static func lines(hasTypeOptions: Bool, hasFrameOptions: Bool, hasReferrerPolicy: Bool) -> [UInt8] {
        var lines = ""
        if !hasTypeOptions { lines += "X-Content-Type-Options: nosniff\r\n" }
        if !hasFrameOptions { lines += "X-Frame-Options: SAMEORIGIN\r\n" }
        if !hasReferrerPolicy { lines += "Referrer-Policy: strict-origin-when-cross-origin\r\n" }
        return Array(lines.utf8)
    }
}

extension CrossOriginPolicy {
    /// The origin to allow for a request from `origin`.
    private func allowed(_ origin: String?) -> String? {
        if allowOrigin == "origin" { return origin }
        return allowOrigin
    }

    /// Lines added to every response.
    func responseLines(origin: String?) -> [UInt8] {
        guard let allowed = allowed(origin) else { return [] }
        var lines = "Access-Control-Allow-Origin: \(GatewayHeader("", allowed).value)\r\n"
        if allowOrigin != "*" { lines += "Vary: Origin\r\n" }
        if allowCredentials { lines += "Access-Control-Allow-Credentials: true\r\n" }
        return Array(lines.utf8)
    }

    /// The answer to a preflight.
    var preflight: GatewayResponse {
        GatewayResponse(
            status: 204,
            headers: [
                GatewayHeader("Access-Control-Allow-Methods", allowMethods),
                GatewayHeader("Access-Control-Allow-Headers", allowHeaders),
                GatewayHeader("Access-Control-Max-Age", "\(maxAgeSeconds)"),
            ])
    }
}

extension RequestHead {
    /// The way to `prefix` with a slash at its end, for a request without one.
    func bareRedirect(_ prefix: [UInt8], _ bytes: Bytes) -> GatewayResponse? {
        let own = bytes[path]
        guard !prefix.isEmpty, PathBytes.prefixLength(own, prefix, hasEscapes: hasEscapes) == own.count else {
            return nil
        }
        var target = String(decoding: own, as: UTF8.self) + "/"
        target += String(decoding: bytes[query], as: UTF8.self)  // with its question mark
        return .redirect(to: target, status: 307)
    }

    /// What the route's policy says about this request before anything is done: nil to go on.
    func verdict(of policy: RoutePolicy, _ bytes: Bytes) -> GatewayResponse? {
        if let crossOrigin = policy.crossOrigin, method == .options,
            fields.contains(where: { $0.kind == .accessControlRequestMethod })
        {
            return crossOrigin.preflight
        }
        if method.isReading { return nil }
        if let refusal = policy.writeRefusal { return .text(403, refusal) }
        if policy.crossSiteProtection, isCrossSite(bytes), !allowsOrigin(policy, bytes) {
            return .text(403, "cross-site request refused")
        }
        return nil
    }

    /// Browsers say where a request comes from: `Sec-Fetch-Site`, older ones only `Origin`. Others say nothing and pass.
    private func isCrossSite(_ bytes: Bytes) -> Bool {
        if let site = fields.first(where: { $0.kind == .secFetchSite }) {
            let value = bytes[site.value]
            return !(value.equalsIgnoringCase("same-origin") || value.equalsIgnoringCase("none"))
        }
        guard let field = fields.first(where: { $0.kind == .origin }) else { return false }
        let origin = bytes[field.value]
        guard let scheme = origin.offset(of: UInt8(ascii: "/"), from: 0), scheme + 2 <= origin.count else {
            return true
        }
        let originAuthority = Bytes(rebasing: origin[(scheme + 2)...])
        let own = bytes[authority]
        guard originAuthority.count == own.count else { return true }
        for i in 0..<own.count where ByteClass.lowercase(own[i]) != ByteClass.lowercase(originAuthority[i]) {
            return true
        }
        return false
    }

    private func allowsOrigin(_ policy: RoutePolicy, _ bytes: Bytes) -> Bool {
        guard let crossOrigin = policy.crossOrigin, let field = fields.first(where: { $0.kind == .origin }) else {
            return false
        }
        return crossOrigin.allowOrigin != "*" && bytes[field.value].text == crossOrigin.allowOrigin
    }
}
