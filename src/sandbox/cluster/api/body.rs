//! Bodies of requests and answers.

use std::convert::Infallible;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::Value;

use super::status::Status;
use super::wire;

/// The body of an answer: whole, or as it comes.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// The largest body of a request that is read: what etcd and the server take, 3 MiB.
pub const LARGEST: usize = 3 * 1024 * 1024;

/// A whole body.
pub fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A body as it comes.
pub fn streamed(stream: impl Stream<Item = Bytes> + Send + 'static) -> Body {
    BodyExt::boxed_unsync(StreamBody::new(stream.map(|bytes| Ok::<_, Infallible>(Frame::data(bytes)))))
}

/// An answer of JSON.
pub fn json(code: http::StatusCode, value: &Value) -> Response<Body> {
    json_bytes(code, value.to_string())
}

/// An answer of JSON that is written already.
pub fn json_bytes(code: http::StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = code;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer of text.
pub fn text(code: http::StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(full(text.to_owned()));
    *response.status_mut() = code;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// An error's answer.
pub fn error(status: &Status) -> Response<Body> {
    json(status.http(), &status.to_json())
}

/// Adds the `Warning:` headers of an answer, as RFC 7234 has them: `299 - "text"`.
pub fn warn(headers: &mut HeaderMap, warnings: &[String]) {
    for warning in warnings {
        let quoted = warning.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            headers.append(header::WARNING, value);
        }
    }
}

/// Reads a whole body.
///
/// # Errors
/// 413 when it is too large, 400 when it breaks off.
pub async fn read<B>(body: B) -> Result<Bytes, Status>
where
    B: http_body::Body<Data = Bytes>,
    B::Error: Into<tower::BoxError>,
{
    match http_body_util::Limited::new(body, LARGEST).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            let message = format!("Request entity too large: limit is {LARGEST}");
            Err(Status::new(413, "RequestEntityTooLarge", message))
        }
        Err(error) => Err(Status::bad_request(error.to_string())),
    }
}

/// Reads an object that was sent as JSON, YAML or protobuf.
///
/// # Errors
/// 415 for another form, 400 for what cannot be read.
pub fn parse(media: &str, bytes: &[u8]) -> Result<Value, Status> {
    let media = media.split(';').next().unwrap_or_default().trim();
    let value: Value = match media {
        ""
        | "*/*"
        | "application/json"
        | "application/json-patch+json"
        | "application/merge-patch+json"
        | "application/strategic-merge-patch+json" => serde_json::from_slice(bytes).map_err(|error| {
            Status::bad_request(format!("the object provided is unrecognized (must be of type JSON): {error}"))
        })?,
        "application/yaml" | "application/apply-patch+yaml" => {
            let text = std::str::from_utf8(bytes).map_err(|error| Status::bad_request(error.to_string()))?;
            serde_saphyr::from_str(text)
                .map_err(|error| Status::bad_request(format!("error decoding YAML: {error}")))?
        }
        wire::MEDIA => wire::read(bytes).map_err(Status::bad_request)?,
        _ => return Err(Status::unsupported_media(&["application/json", "application/yaml", wire::MEDIA])),
    };
    Ok(value)
}
