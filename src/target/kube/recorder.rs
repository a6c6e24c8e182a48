//! Calls of the API server on their way out: recorded, and stopped when nothing may be changed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use kube::client::Body;
use tower::{BoxError, Layer, Service};

use super::ApiPath;
use crate::clock::Clock;
use crate::target::{CallRecord, Calls};

/// Records each call on its way out: what it is, how it was answered, how long that took.
#[derive(Clone)]
pub struct Recorder {
    /// Where calls are recorded.
    pub calls: Calls,
    /// The session's clock.
    pub clock: Clock,
}

impl<S> Layer<S> for Recorder {
    type Service = Recorded<S>;

    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded { inner, recorder: self.clone() }
    }
}

/// A service whose calls are recorded.
pub struct Recorded<S> {
    inner: S,
    recorder: Recorder,
}

impl<S, B> Service<Request<Body>> for Recorded<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: 'static,
    S::Error: Into<BoxError> + 'static,
{
    type Response = Response<B>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (operation, mutating) = operation(request.method(), request.uri());
        let Recorder { calls, clock } = self.recorder.clone();
        if let Err(refusal) = calls.permit(&operation, mutating) {
            return Box::pin(async move { Err(refusal.into()) });
        }
        let path = request.uri().path().to_owned();
        let begin = clock.elapsed();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(Into::into);
            calls.record(CallRecord {
                service: "kubernetes".to_owned(),
                operation,
                path,
                status: answer.as_ref().map_or(0, |response| response.status().as_u16()),
                ms: u64::try_from(clock.elapsed().saturating_sub(begin).as_millis()).unwrap_or(u64::MAX),
                mutating,
            });
            answer
        })
    }
}

/// What a request does, in the API server's terms, and whether it could change something.
fn operation(method: &Method, uri: &http::Uri) -> (String, bool) {
    let query = |wanted: &str| uri.query().is_some_and(|query| query.split('&').any(|pair| pair == wanted));
    let Some(path) = ApiPath::of(uri.path()) else {
        let path = uri.path().trim_matches('/');
        return (format!("{} /{path}", method.as_str().to_lowercase()), *method != Method::GET);
    };
    let watch = query("watch=true") || query("watch=1");
    let verb = match *method {
        Method::GET if watch => "watch",
        Method::GET if path.name.is_empty() => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if path.name.is_empty() => "deletecollection",
        Method::DELETE => "delete",
        _ => "get",
    };
    let mut what = path.group_resource();
    let kept = !path.is_question() && !query("dryRun=All");
    let mut mutating = kept && !matches!(*method, Method::GET | Method::HEAD);
    if !path.part.is_empty() {
        what.push('/');
        what.push_str(path.part);
        // The server ignores `dryRun` here: what runs, runs.
        mutating |= matches!(path.part, "exec" | "attach" | "portforward" | "proxy");
    }
    (format!("{verb} {what}"), mutating)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_named_as_the_server_names_them() {
        for (method, uri, name, changes) in [
            (Method::GET, "/api/v1/namespaces/x/pods?watch=true", "watch pods", false),
            (Method::GET, "/api/v1/pods", "list pods", false),
            (Method::GET, "/api/v1/namespaces/x", "get namespaces", false),
            (Method::GET, "/api/v1/namespaces/x/pods/p/log?follow=true", "get pods/log", false),
            (Method::GET, "/api/v1/namespaces/x/pods/p/exec?command=env", "get pods/exec", true),
            (Method::GET, "/api/v1/namespaces/x/pods/p/exec?command=env&dryRun=All", "get pods/exec", true),
            (Method::PATCH, "/apis/apps/v1/namespaces/x/deployments/d", "patch deployments.apps", true),
            (Method::PATCH, "/apis/apps/v1/namespaces/x/deployments/d?dryRun=All", "patch deployments.apps", false),
            (Method::DELETE, "/apis/apps/v1/namespaces/x/deployments", "deletecollection deployments.apps", true),
            (Method::GET, "/version", "get /version", false),
            (
                Method::POST,
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                "create selfsubjectaccessreviews.authorization.k8s.io",
                false,
            ),
        ] {
            assert_eq!(operation(&method, &uri.parse().unwrap()), (name.to_owned(), changes), "{uri}");
        }
    }
}
