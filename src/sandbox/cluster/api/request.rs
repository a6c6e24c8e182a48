//! What a request asks for: its path and query read, and handed to whoever answers it.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use serde_json::Value;

use super::body::{self, Body};
use super::kinds::{self, Kind};
use super::status::Status;
use super::{Server, User};
use crate::fault::{Room, may_panic};

/// A request whose body has been read.
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path, percent-decoding not yet done.
    pub path: String,
    /// The query's parameters, decoded, in order.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who calls.
    pub user: User,
}

impl Call {
    /// The first value of a parameter that is not empty.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter says yes.
    pub fn flag(&self, name: &str) -> bool {
        self.query.iter().any(|(key, value)| key == name && matches!(value.as_str(), "true" | "1"))
    }

    /// A header.
    pub fn header(&self, name: http::HeaderName) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Whether nothing is to be kept: `dryRun=All`.
    ///
    /// # Errors
    /// 400 for another value.
    pub fn dry_run(&self) -> Result<bool, Status> {
        match self.param("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => Err(Status::bad_request(format!(
                "Invalid value: [{other:?}]: dryRun: Unsupported value: {other:?}: supported values: \"All\""
            ))),
        }
    }

    /// Who is said to own the fields that this call sets: `fieldManager`, else the client's name.
    pub fn manager(&self) -> String {
        let agent = self.header(http::header::USER_AGENT);
        let own = agent.split('/').next().unwrap_or_default();
        match self.param("fieldManager") {
            Some(manager) => manager.to_owned(),
            None if own.is_empty() => "unknown".to_owned(),
            None => own.to_owned(),
        }
    }
}

/// The object or collection that a path names.
pub struct Target {
    /// Its kind.
    pub kind: Kind,
    /// The namespace in the path.
    pub namespace: Option<String>,
    /// The name in the path; `None` for a collection.
    pub name: Option<String>,
    /// The sub-resource.
    pub subresource: Option<String>,
}

impl Target {
    /// Where the object is in the store.
    pub fn key(&self) -> crate::sandbox::cluster::store::Key {
        crate::sandbox::cluster::store::Key {
            resource: self.kind.resource(),
            namespace: self.namespace.clone().filter(|_| self.kind.namespaced),
            name: self.name.clone().unwrap_or_default(),
        }
    }
}

/// Decodes the percent signs, and in a query the plus signs, of a part of an address.
pub fn decode(text: &str, query: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match byte {
            b'%' if rest.len() >= 2 => match (hex(rest[0]), hex(rest[1])) {
                (Some(high), Some(low)) => {
                    bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
                    rest = &rest[2..];
                }
                _ => bytes.push(byte),
            },
            b'+' if query => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads a query.
pub fn parse_query(query: &str) -> Vec<(String, String)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(key, true), decode(value, true))
        })
        .collect()
}

impl Server {
    /// Reads a path below `/api/V` or `/apis/G/V`.
    pub(super) fn target_of(&self, path: &str) -> Result<Target, Status> {
        let segments: Vec<String> =
            path.split('/').filter(|part| !part.is_empty()).map(|part| decode(part, false)).collect();
        let mut parts = segments.iter().map(String::as_str);
        let group = match parts.next() {
            Some("api") => "",
            _ => parts.next().unwrap_or_default(),
        };
        let version = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        // `namespaces/NAME/…` is a place, unless what follows is a sub-resource of the namespace itself.
        let (namespace, rest) = match rest.as_slice() {
            ["namespaces", name, "status" | "finalize"] => {
                return self.resolve(group, version, "namespaces", None, &[name, rest[2]]);
            }
            ["namespaces", name, rest @ ..] if !rest.is_empty() => (Some((*name).to_owned()), rest),
            all => (None, all),
        };
        let Some((plural, rest)) = rest.split_first() else { return Err(Status::no_resource()) };
        self.resolve(group, version, plural, namespace, rest)
    }

    fn resolve(
        &self,
        group: &str,
        version: &str,
        plural: &str,
        namespace: Option<String>,
        rest: &[&str],
    ) -> Result<Target, Status> {
        let kind = kinds::find(self.store(), group, version, plural).ok_or_else(Status::no_resource)?;
        if namespace.is_some() && !kind.namespaced {
            return Err(Status::no_resource());
        }
        let name = rest.first().map(|name| (*name).to_owned());
        let subresource = rest.get(1).map(|sub| (*sub).to_owned());
        if rest.len() > 2 || subresource.as_deref().is_some_and(|sub| !kind.has(sub)) {
            return Err(Status::no_resource());
        }
        if kind.namespaced && name.is_some() && namespace.is_none() {
            return Err(Status::no_resource());
        }
        Ok(Target { kind, namespace, name, subresource })
    }

    /// Answers a request.
    pub(super) async fn answer(&self, mut call: Call) -> Response<Body> {
        may_panic(Room::Api);
        match self.dispatch(&mut call).await {
            Ok(response) => response,
            Err(status) => body::error(&status),
        }
    }

    async fn dispatch(&self, call: &mut Call) -> Result<Response<Body>, Status> {
        let path = call.path.trim_end_matches('/').to_owned();
        if let Some(user) = self.impersonated(call)? {
            call.user = user;
        }
        let segments = path.split('/').filter(|part| !part.is_empty()).count();
        let is_group = path.starts_with("/apis/") && segments > 3;
        let is_core = path.starts_with("/api/") && segments > 2;
        if !is_group && !is_core {
            self.authorize_path(call, &path)?;
            return self.non_resource(call, &path);
        }
        let target = self.target_of(&path)?;
        self.authorize(call, &target)?;
        if target.subresource.is_some() {
            return self.subresource(call, &target).await;
        }
        if !target.kind.stored {
            return match (&call.method, &target.name) {
                (&Method::GET, _) if target.kind.is_measured() => self.metrics(call, &target),
                (&Method::POST, None) if !target.kind.is_measured() => self.review(call, &target),
                _ => Err(Status::no_method()),
            };
        }
        match (&call.method, &target.name) {
            (&Method::GET | &Method::HEAD, Some(_)) if !call.flag("watch") => self.get(call, &target),
            (&Method::GET | &Method::HEAD, _) if call.flag("watch") => self.watch(call, &target),
            (&Method::GET | &Method::HEAD, None) => self.list(call, &target),
            (&Method::POST, None) => self.post(call, &target),
            (&Method::PUT, Some(_)) => self.put(call, &target),
            (&Method::PATCH, Some(_)) => self.patch(call, &target),
            (&Method::DELETE, Some(_)) => self.delete(call, &target),
            (&Method::DELETE, None) if target.kind.verbs().contains(&"deletecollection") => {
                self.delete_collection(call, &target)
            }
            _ => Err(Status::no_method()),
        }
    }

    async fn subresource(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        match (target.subresource.as_deref(), &call.method) {
            (Some("status" | "finalize" | "approval" | "ephemeralcontainers"), &Method::GET) => self.get(call, target),
            (Some("status" | "finalize" | "approval" | "ephemeralcontainers"), &Method::PUT) => self.put(call, target),
            (Some("status" | "finalize" | "approval" | "ephemeralcontainers"), &Method::PATCH) => {
                self.patch(call, target)
            }
            (Some("scale"), _) => self.scale(call, target),
            (Some("log"), &Method::GET) => self.log(call, target),
            (Some("attach" | "exec"), _) => Err(Status::bad_request("Upgrade request required")),
            (Some("binding"), &Method::POST) => self.bind(call, target),
            (Some("eviction"), &Method::POST) => self.evict(call, target),
            (Some("token"), &Method::POST) => self.token(call, target),
            _ => Err(Status::no_method()),
        }
    }

    fn non_resource(&self, call: &Call, path: &str) -> Result<Response<Body>, Status> {
        if call.method != Method::GET && call.method != Method::HEAD {
            return Err(Status::no_method());
        }
        match path {
            "/healthz" | "/livez" | "/readyz" => Ok(body::text(StatusCode::OK, "ok")),
            "/version" => Ok(body::json(StatusCode::OK, &self.version())),
            "/openapi/v2" => Ok(Self::openapi_v2()),
            _ if path == "/openapi/v3" || path.starts_with("/openapi/v3/") => self.openapi(call),
            "" => Ok(body::json(StatusCode::OK, &self.paths())),
            _ if path == "/api" || path.starts_with("/api/") || path == "/apis" || path.starts_with("/apis/") => {
                self.discover(call, path)
            }
            _ => Ok(body::text(StatusCode::NOT_FOUND, "404 page not found\n")),
        }
    }
}

/// A number of the query.
///
/// # Errors
/// 400 when it is none.
pub fn number<T: std::str::FromStr>(call: &Call, name: &str) -> Result<Option<T>, Status> {
    let Some(text) = call.param(name) else { return Ok(None) };
    let wrong = || Status::bad_request(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"));
    text.parse().map(Some).map_err(|_| wrong())
}

/// The body of a request as an object, or an empty one when there is none.
///
/// # Errors
/// As [`body::parse`].
pub fn object_of(call: &Call) -> Result<Value, Status> {
    if call.body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    body::parse(call.header(http::header::CONTENT_TYPE), &call.body)
}
