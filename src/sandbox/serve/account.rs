//! The account on a socket, over plain HTTP: requests are signed, and the access key that their signature names must be
//! the sandbox's.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::identity::{Identity, same};
use super::{Promise, accept};
use crate::sandbox::aws::Aws;

/// The largest body of a request: more than any operation of these services takes.
const LARGEST: usize = 4 * 1024 * 1024;

/// What AWS says of a key that it does not know.
const UNKNOWN_KEY: &str = "The security token included in the request is invalid.";

struct Front {
    aws: Aws,
    access_key: String,
    promise: Option<Promise>,
}

/// Answers connections until `stop`.
pub(super) fn serve(
    listener: TcpListener,
    aws: Aws,
    identity: &Identity,
    promise: Option<Promise>,
    stop: CancellationToken,
) {
    let front = Arc::new(Front { aws, access_key: identity.access_key.clone(), promise });
    let connect = move |stream| {
        let front = Arc::clone(&front);
        async move {
            let answer = service_fn(move |request: Request<Incoming>| {
                let front = Arc::clone(&front);
                async move {
                    let answer = AssertUnwindSafe(front.answer(request)).catch_unwind().await;
                    Ok::<_, Infallible>(answer.unwrap_or_else(|_| broken()))
                }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer);
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the account ended");
            }
        }
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(accept(listener, connect, stop)));
}

/// Who signed a request: the access key id, and region and service of the signature's scope.
struct Signer {
    access_key: String,
    region: String,
    service: String,
}

/// Reads `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, as Signature Version 4 writes it.
fn signer<B>(request: &Request<B>) -> Option<Signer> {
    let header = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let credential = header.split("Credential=").nth(1)?.split(',').next()?.trim();
    let mut parts = credential.split('/');
    let (access_key, _date) = (parts.next()?.to_owned(), parts.next()?);
    let (region, service) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    Some(Signer { access_key, region, service })
}

impl Front {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(signer) = signer(&request) else {
            // The account refuses it in the words of the service that is meant.
            let (head, body) = request.into_parts();
            let body = Limited::new(body, LARGEST).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return self.aws.call(Request::from_parts(head, body)).await.map(Full::new);
        };
        if !same(signer.access_key.as_bytes(), self.access_key.as_bytes()) && !self.aws.gave_key(&signer.access_key) {
            return refusal(Some(&signer), "InvalidClientTokenId", UNKNOWN_KEY);
        }
        let (mut head, body) = request.into_parts();
        let Ok(body) = Limited::new(body, LARGEST).collect().await else {
            let mut response = refusal(Some(&signer), "RequestEntityTooLarge", "The request could not be read.");
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        };
        let body = body.to_bytes();
        let changes = changes(&head.method, &signer.service, &body);
        // The services know requests by the address that they would have at AWS.
        let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        if let Ok(uri) = format!("https://{}.{}.amazonaws.com{path}", signer.service, signer.region).parse::<Uri>() {
            head.uri = uri;
        }
        let response = self.aws.call(Request::from_parts(head, body)).await;
        if changes
            && response.status().is_success()
            && let Some(promise) = &self.promise
            && let Err(error) = promise.kept().await
        {
            let message = format!("the change was made but could not be saved: {error}");
            let mut response = refusal(Some(&signer), "InternalFailure", &message);
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
        response.map(Full::new)
    }
}

/// Whether a request could change something. The query protocol names its action in the body; its verbs that only read
/// are few.
fn changes(method: &Method, service: &str, body: &[u8]) -> bool {
    if matches!(*method, Method::GET | Method::HEAD) || service == "sts" {
        // Keys that STS gives are state too.
        return service == "sts" && !String::from_utf8_lossy(body).contains("Action=GetCallerIdentity");
    }
    let action = String::from_utf8_lossy(body);
    let action = action.split('&').find_map(|pair| pair.strip_prefix("Action=")).unwrap_or_default();
    !["Get", "List", "Simulate"].iter().any(|verb| action.starts_with(verb))
}

/// What is answered where lectern itself broke off.
fn broken() -> Response<Full<Bytes>> {
    let message = "lectern's own fault: its standard error says more";
    let mut response = refusal(None, "InternalFailure", message);
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// A refusal in the service's protocol: XML for those of the query protocol, else JSON.
fn refusal(signer: Option<&Signer>, code: &'static str, message: &str) -> Response<Full<Bytes>> {
    let query = signer.is_some_and(|signer| matches!(signer.service.as_str(), "iam" | "sts"));
    let (media, body) = if query {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        ("text/xml", body)
    } else {
        ("application/json", serde_json::json!({ "message": message }).to_string())
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    response
}
