//! Requests and answers as they are on the wire: who is meant, form bodies, error documents of both protocols.

use bytes::Bytes;
use http::{Request, Response, StatusCode};

/// A request with its body.
pub type WireRequest = Request<Bytes>;
/// An answer with its body.
pub type WireResponse = Response<Bytes>;

/// The service and region that a request's signature names: `(service, region)`.
pub(super) fn scope(request: &WireRequest) -> Option<(String, String)> {
    let header = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let credential = header.split("Credential=").nth(1)?.split(',').next()?;
    let mut parts = credential.trim().rsplit('/');
    let (_terminator, service, region) = (parts.next()?, parts.next()?, parts.next()?);
    Some((service.to_owned(), region.to_owned()))
}

/// A service's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub code: &'static str,
    pub message: String,
}

impl Refusal {
    pub fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// An operation that the sandbox has no state behind.
    pub fn absent(service: &str, operation: &str) -> Self {
        Self::new(501, "NotImplemented", format!("the sandbox has no {service}:{operation}"))
    }
}

/// A JSON answer of the REST protocol.
pub(super) fn json(status: u16, body: &serde_json::Value) -> WireResponse {
    answer(status, "application/json", body.to_string())
}

/// A refusal in the REST-JSON protocol.
pub(super) fn json_refusal(refusal: &Refusal) -> WireResponse {
    let mut response = json(refusal.status, &serde_json::json!({ "message": refusal.message }));
    response.headers_mut().insert("x-amzn-errortype", http::HeaderValue::from_static(refusal.code));
    response
}

/// An answer of the query protocol: `inner` is the content of `<ActionResult>`, absent when the action has none.
pub(super) fn xml(namespace: &str, action: &str, inner: Option<&str>) -> WireResponse {
    let result = inner.map(|inner| format!("<{action}Result>{inner}</{action}Result>")).unwrap_or_default();
    let id = request_id();
    answer(
        200,
        "text/xml",
        format!(
            "<{action}Response xmlns=\"{namespace}\">{result}<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
        ),
    )
}

/// A refusal in the query protocol.
pub(super) fn xml_refusal(namespace: &str, refusal: &Refusal) -> WireResponse {
    let (code, message, id) = (refusal.code, escape(&refusal.message), request_id());
    answer(
        refusal.status,
        "text/xml",
        format!(
            "<ErrorResponse xmlns=\"{namespace}\"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>"
        ),
    )
}

/// An answer with that body.
pub(super) fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> WireResponse {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    if let Ok(id) = http::HeaderValue::from_str(&request_id()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

fn request_id() -> String {
    let bits = fastrand::u128(..);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Text as XML character data.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

/// Percent-encodes all but RFC 3986's unreserved characters, as IAM does with policy documents.
pub(super) fn percent_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Undoes percent-encoding; `plus` says whether `+` is a space (it is in forms, not in paths).
pub(super) fn percent_decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| char::from(*b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match bytes[at] {
            b'%' => match (hex(at + 1), hex(at + 2)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            b'+' if plus => out.push(b' '),
            byte => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The pairs of a form body or query string, decoded.
pub(super) fn form(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(key, true), percent_decode(value, true))
        })
        .collect()
}

/// Pairs as a form body.
pub(super) fn to_form(pairs: &[(String, String)]) -> String {
    pairs.iter().map(|(k, v)| format!("{}={}", percent_encode(k), percent_encode(v))).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding_round_trips() {
        let text = "{\"a\": \"ü+%20~-._*'()\"}";
        assert_eq!(percent_decode(&percent_encode(text), false), text);
        assert!(!percent_encode(text).contains(['+', '*', '\'', '(', '"', ' ']));
        assert_eq!(form("a=b+c&d=%C3%BC"), vec![("a".into(), "b c".into()), ("d".into(), "ü".into())]);
    }

    #[test]
    fn the_signature_names_service_and_region() {
        let request = Request::builder()
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-west-2/eks/aws4_request, SignedHeaders=host, Signature=0",
            )
            .body(Bytes::new())
            .unwrap();
        assert_eq!(scope(&request), Some(("eks".into(), "us-west-2".into())));
    }
}
