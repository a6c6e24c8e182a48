//! Requests and answers as they are on the wire: who is meant, form bodies, error documents of both protocols.

use bytes::Bytes;
use http::{Request, Response, StatusCode};

/// A request with its body.
pub type WireRequest = Request<Bytes>;
/// An answer with its body.
pub type WireResponse = Response<Bytes>;

/// What a request's signature names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// The access key's id.
    pub key: String,
    pub region: String,
    pub service: String,
}

/// Reads `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, as Signature Version 4 writes it.
pub(super) fn scope(request: &WireRequest) -> Option<Scope> {
    let header = request.headers().get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let credential = header.split("Credential=").nth(1)?.split(',').next()?;
    let mut parts = credential.trim().split('/');
    let (key, _date, region, service) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    Some(Scope { key: key.to_owned(), region: region.to_owned(), service: service.to_owned() })
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
    let id = uuid();
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
    let (code, message, id) = (refusal.code, escape(&refusal.message), uuid());
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
    if let Ok(id) = http::HeaderValue::from_str(&uuid()) {
        response.headers_mut().insert("x-amzn-requestid", id);
    }
    response
}

/// A new access key: its id, which begins so, and its secret.
pub(super) fn access_key(prefix: &str) -> (String, String) {
    use base64::Engine as _;
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = std::iter::repeat_with(|| char::from(LETTERS[fastrand::usize(..32)])).take(16);
    let bytes: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(30).collect();
    (format!("{prefix}{}", letters.collect::<String>()), base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// A random id in the form of a UUID, version 4.
pub(super) fn uuid() -> String {
    let hex = format!("{:032x}", fastrand::u128(..));
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
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
        let expected = Scope { key: "AKIA".into(), region: "us-west-2".into(), service: "eks".into() };
        assert_eq!(scope(&request), Some(expected));
    }
}
