//! Requests to the API server: what goes out, what comes back, warnings on the way.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use kube::client::Body;
use serde_json::Value;

use super::claims;
use super::error::{ApiFailure, Failure};
use super::transport::{Broken, timed_out};
use crate::clock::Clock;
use crate::target::{ApiPath, Effects, KubeClient, Target};
use crate::tools::Output;

/// How often a request is sent again when the server asks for it or cuts the connection, as client-go does.
const RETRIES: u32 = 10;
/// How long after a cut connection.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// What kubectl 1.33 calls itself: servers note it as who manages fields where no other name is sent.
const AGENT: &str = "kubectl/v1.33.1 (linux/amd64) kubernetes/8adc0f0";

/// The media type of a strategic merge patch.
pub const STRATEGIC_MERGE: &str = "application/strategic-merge-patch+json";
/// The media type of a JSON merge patch.
pub const MERGE: &str = "application/merge-patch+json";
/// The media type of a JSON patch.
pub const JSON_PATCH: &str = "application/json-patch+json";
/// The media type of server-side apply.
pub const APPLY: &str = "application/apply-patch+yaml";

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    accept: String,
    content: Option<(&'static str, Vec<u8>)>,
    /// Whether the server's own words about an error are left alone.
    opaque: bool,
}

impl Call {
    /// A request for `path`.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            query: Vec::new(),
            accept: "application/json".to_owned(),
            content: None,
            opaque: false,
        }
    }

    /// A reading request.
    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Adds a query parameter unless its value is empty.
    pub fn query(mut self, name: &str, value: impl Into<String>) -> Self {
        let value = value.into();
        if !value.is_empty() {
            self.query.push((name.to_owned(), value));
        }
        self
    }

    /// The same for discovery, whose errors client-go tells by their status alone.
    pub fn opaque(self) -> Self {
        Self { opaque: true, ..self }
    }

    /// What forms of an answer are understood.
    pub fn accept(mut self, accept: &str) -> Self {
        accept.clone_into(&mut self.accept);
        self
    }

    /// The body as JSON.
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().into_bytes())
    }

    /// The body.
    pub fn body(mut self, content_type: &'static str, body: Vec<u8>) -> Self {
        self.content = Some((content_type, body));
        self
    }

    fn watches(&self) -> bool {
        self.query.iter().any(|(name, value)| name == "watch" && value == "true")
    }

    /// What is asked for, as it stands behind the words of an error that is no Status: `get deployments.apps web`.
    fn subject(&self) -> String {
        let Some(path) = ApiPath::of(&self.path) else { return String::new() };
        let mut subject = format!("{} {}", self.method.as_str().to_lowercase(), path.group_resource());
        if !path.name.is_empty() {
            subject.push_str(&format!(" {}", path.name));
        }
        subject
    }

    /// The namespace that it is about; empty for none.
    pub fn namespace(&self) -> String {
        let rest = self.path.split_once("/namespaces/").map_or("", |(_, rest)| rest);
        let (namespace, more) = rest.split_once('/').unwrap_or_default();
        if more.is_empty() { String::new() } else { namespace.to_owned() }
    }

    /// What a list is of, as Go prints it: `apps/v1, Resource=deployments`.
    pub fn listed(&self) -> String {
        let parts: Vec<&str> = self.path.trim_matches('/').split('/').collect();
        let resource = parts.last().copied().unwrap_or_default();
        match parts.as_slice() {
            ["apis", group, version, ..] => format!("{group}/{version}, Resource={resource}"),
            ["api", version, ..] => format!("/{version}, Resource={resource}"),
            _ => resource.to_owned(),
        }
    }

    fn uri(&self) -> String {
        let mut uri = self.path.clone();
        for (at, (name, value)) in self.query.iter().enumerate() {
            uri.push(if at == 0 { '?' } else { '&' });
            uri.push_str(&encode(name));
            uri.push('=');
            uri.push_str(&encode(value));
        }
        uri
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// The way to the API server for one command.
pub struct Api {
    client: KubeClient,
    target: Arc<Target>,
    out: Output,
    clock: Clock,
    timeout: Option<Duration>,
    impersonate: Vec<(&'static str, String)>,
    warned: Mutex<HashSet<String>>,
    effects: Option<Effects>,
}

impl Api {
    /// Requests by `client`; warnings go to `out`'s standard error.
    pub fn new(client: KubeClient, target: Arc<Target>, out: Output, clock: Clock) -> Self {
        Self {
            client,
            target,
            out,
            clock,
            timeout: None,
            impersonate: Vec::new(),
            warned: Mutex::default(),
            effects: None,
        }
    }

    /// The same with a limit for each request (session time).
    pub fn with_timeout(self, timeout: Option<Duration>) -> Self {
        Self { timeout, ..self }
    }

    /// The same in the name of somebody else: headers and their values.
    pub fn impersonating(self, impersonate: Vec<(&'static str, String)>) -> Self {
        Self { impersonate, ..self }
    }

    /// The same, with what would be changed only claimed, if there is where to.
    pub fn claiming(self, effects: Option<Effects>) -> Self {
        Self { effects, ..self }
    }

    /// Where is claimed what requests would change, if the target is only looked at.
    pub fn effects(&self) -> Option<&Effects> {
        self.effects.as_ref()
    }

    /// How many warnings of the server were told.
    pub fn warnings(&self) -> usize {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The server's URL.
    pub fn server(&self) -> &str {
        &self.client.server
    }

    /// A request's whole address, its parameters in the order in which Go writes them.
    fn url(&self, call: &Call) -> String {
        let mut sorted = call.clone();
        sorted.query.sort();
        format!("{}{}", self.server().trim_end_matches('/'), sorted.uri())
    }

    async fn request(&self, call: &Call) -> Result<Request<Vec<u8>>, Failure> {
        let mut request = Request::builder().method(&call.method).uri(call.uri()).header("Accept", &call.accept);
        request = request.header(http::header::USER_AGENT, AGENT);
        for (name, value) in &self.impersonate {
            request = request.header(*name, value);
        }
        let authorization = self.client.authorization(&self.target).await;
        if let Some(value) = authorization
            .map_err(|error| Failure::Plain(format!("Unable to connect to the server: getting credentials: {error}")))?
        {
            request = request.header(http::header::AUTHORIZATION, value);
        }
        if let Some((content_type, _)) = &call.content {
            request = request.header("Content-Type", *content_type);
        }
        let body = call.content.as_ref().map(|(_, body)| body.clone()).unwrap_or_default();
        request.body(body).map_err(|error| Failure::message(format!("cannot ask for {}: {error}", call.path)))
    }

    /// Sends a request until it is answered for good: again when the server says when to (429 and 5xx with Retry-After),
    /// and when it cut the connection of a request that only reads, if `again` allows that.
    async fn send(&self, call: &Call, again: bool) -> Result<Response<Body>, Failure> {
        let mut retries = 0;
        loop {
            let request = self.request(call).await?.map(Body::from);
            // On the heap: the client's layers would lie within every command's future otherwise, deeper than the compiler looks.
            let sent = Box::pin(self.client.client.send(request));
            let answer = match self.timeout {
                None => sent.await,
                Some(limit) => self
                    .clock
                    .timeout(limit, sent)
                    .await
                    .map_err(|_| timed_out().asked(&call.method, &self.url(call)))?,
            };
            let response = match answer {
                Ok(response) => response,
                Err(error) => {
                    let broken = Broken::of(&error, self.server());
                    if broken.cut && again && call.method == Method::GET && retries < RETRIES {
                        retries += 1;
                        self.clock.sleep(AFTER_CUT).await;
                        continue;
                    }
                    return Err(broken.failure.asked(&call.method, &self.url(call)));
                }
            };
            for warning in response.headers().get_all("warning") {
                if let Some(text) = warning.to_str().ok().and_then(warning_text)
                    && self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone())
                {
                    self.out.stderr(format!("Warning: {text}\n")).await?;
                }
            }
            let status = response.status();
            if status == 429 || status.is_server_error() {
                let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                if let Some(seconds) = after
                    && retries < RETRIES
                {
                    retries += 1;
                    self.clock.sleep(Duration::from_secs(seconds)).await;
                    continue;
                }
            }
            if status.is_success() {
                return Ok(response);
            }
            if status == 401 {
                self.client.unauthorized().await;
            }
            let kind = response.headers().get("content-type").and_then(|kind| kind.to_str().ok());
            let text = kind.is_none_or(|kind| kind.starts_with("text/"));
            let body = response.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            return Err(match call.opaque {
                true => ApiFailure::told_by_status(status.as_u16(), text.then_some(&body[..]), "").into(),
                false => ApiFailure::read(status.as_u16(), &body, text, &call.subject()).into(),
            });
        }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn bytes(&self, call: &Call) -> Result<Vec<u8>, Failure> {
        let dry = call.query.iter().any(|(name, value)| name == "dryRun" && value == "All");
        if let Some(effects) = self.effects().filter(|_| claims::changes(&call.method, &call.path, dry)) {
            let content = call.content.as_ref().map(|(kind, body)| (*kind, body.as_slice()));
            let answer = Box::pin(claims::answer(self, effects, &call.method, &call.path, content)).await?;
            return Ok(answer.to_string().into_bytes());
        }
        let response = self.send(call, true).await?;
        let body = response.into_body().collect().await.map_err(|error| {
            let why = match Broken::of(&error, self.server()) {
                Broken { cut: true, .. } => "unexpected EOF".to_owned(),
                Broken { failure, .. } => failure.words(),
            };
            Failure::message(format!(
                "unexpected error when reading response body. Please retry. Original error: {why}"
            ))
        })?;
        Ok(body.to_bytes().to_vec())
    }

    /// Sends a request and reads the answer as JSON.
    ///
    /// # Errors
    /// As [`Api::bytes`], and when the answer is no JSON.
    pub async fn value(&self, call: &Call) -> Result<Value, Failure> {
        let bytes = self.bytes(call).await?;
        serde_json::from_slice(&bytes).map_err(|error| match call.opaque {
            true => Failure::message(not_json(&bytes)),
            false => Failure::message(format!("unable to decode the answer: {error}")),
        })
    }

    /// Sends a request whose answer is a stream of lines.
    ///
    /// # Errors
    /// As [`Api::bytes`].
    pub async fn stream(&self, call: &Call) -> Result<Stream, Failure> {
        let body = self.send(call, call.watches()).await?.into_body();
        Ok(Stream { body, buffer: BytesMut::new(), server: self.server().to_owned() })
    }

    /// Opens a WebSocket, with the subprotocols that kube asks for.
    ///
    /// # Errors
    /// When the server refuses the request or the upgrade.
    pub async fn connect(&self, call: &Call) -> Result<kube::client::Connection, Failure> {
        if let Some(effects) = self.effects() {
            return Err(claims::refuse(effects, claims::in_container(&call.path)));
        }
        let request = self.request(call).await?;
        self.client.client.connect(request).await.map_err(|error| match error {
            kube::Error::Api(status) => Failure::from(ApiFailure {
                code: status.code,
                reason: status.reason.clone(),
                message: status.message.clone(),
                details: Value::Null,
            }),
            other => Broken::of(&other, self.server()).failure,
        })
    }
}

/// An answer that goes on.
pub struct Stream {
    body: Body,
    buffer: BytesMut,
    /// The server's URL.
    server: String,
}

impl Stream {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(Broken::of(&error, &self.server).failure),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data.to_vec()));
                    }
                }
            }
        }
    }

    /// The next event of a watch: its type and object; `None` when the watch has ended.
    ///
    /// # Errors
    /// When a line is no event. A broken connection is the end: a watch is opened again.
    pub async fn event(&mut self) -> Result<Option<(String, Value)>, Failure> {
        loop {
            if let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(end + 1);
                if line.iter().all(u8::is_ascii_whitespace) {
                    continue;
                }
                let mut event: Value = serde_json::from_slice(&line).map_err(|error| {
                    Failure::message(format!("unable to decode an event from the watch stream: {error}"))
                })?;
                let kind = event["type"].as_str().unwrap_or_default().to_owned();
                return Ok(Some((kind, event["object"].take())));
            }
            match self.chunk().await {
                Ok(Some(chunk)) => self.buffer.extend_from_slice(&chunk),
                Ok(None) | Err(Failure::Message(_) | Failure::Away { .. }) => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// What Go's encoding/json says of what is no JSON from its beginning.
fn not_json(bytes: &[u8]) -> String {
    match String::from_utf8_lossy(bytes).trim_start().chars().next() {
        Some(c) => format!("invalid character '{c}' looking for beginning of value"),
        None => "unexpected end of JSON input".to_owned(),
    }
}

/// The text of a `Warning` header: `299 - "text"`.
fn warning_text(header: &str) -> Option<String> {
    let quoted = header.split_once('"')?.1;
    let mut text = String::new();
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '"' => break,
            c => text.push(c),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_encoded() {
        let call = Call::get("/api/v1/pods").query("labelSelector", "a=b,c in (d)").query("limit", "");
        assert_eq!(call.uri(), "/api/v1/pods?labelSelector=a%3Db%2Cc%20in%20%28d%29");
    }

    #[test]
    fn errors_name_what_was_asked_for() {
        for (path, subject) in [
            ("/api/v1/namespaces/x/pods/p/log", "get pods p"),
            ("/apis/apps/v1/deployments", "get deployments.apps"),
            ("/api/v1/namespaces/x", "get namespaces x"),
            ("/version", ""),
            ("/api", ""),
        ] {
            assert_eq!(Call::get(path).subject(), subject, "{path}");
        }
    }

    #[test]
    fn warnings_are_read() {
        assert_eq!(warning_text("299 - \"say \\\"hi\\\"\"").as_deref(), Some("say \"hi\""));
    }
}
