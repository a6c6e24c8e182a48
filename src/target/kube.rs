//! The way to the cluster: the sandbox's API server without a socket, or the person's own cluster by their kubeconfig.
//!
//! kubeconfig is read once, at the start, from the person's environment. kube would start exec plugins by itself, so a
//! user entry that has one is refused before a client is made of it.

use std::any::Any;
use std::collections::HashMap;
use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use http::{Method, Request, Response};
use kube::client::{Body, ClientBuilder};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use tower::{BoxError, Layer, Service};

use super::{CallRecord, Calls, KubeOptions, Target, TargetError};
use crate::clock::Clock;
use crate::tools::Files;

/// How the cluster is reached, and what is kept between calls.
#[derive(Default)]
pub(super) struct KubeSide {
    /// The person's own configuration; `None` in a sandbox.
    own: Option<Result<Kubeconfig, String>>,
    /// KUBECONFIG as it was when that was read.
    own_path: Option<OsString>,
    clients: Mutex<HashMap<Option<String>, (kube::Client, String)>>,
    kept: Mutex<HashMap<String, Arc<dyn Any + Send + Sync>>>,
}

impl KubeSide {
    /// The person's own kubeconfig: the files of KUBECONFIG, else `~/.kube/config`.
    pub(super) fn of_environment() -> Self {
        let own = Some(Kubeconfig::read().map_err(|error| error.to_string()));
        Self { own, own_path: std::env::var_os("KUBECONFIG"), ..Self::default() }
    }

    /// The name of the cluster that the current context leads to, in the person's own words.
    pub(super) fn cluster(&self) -> Option<String> {
        let config = self.own.as_ref()?.as_ref().ok()?;
        let context = config.contexts.iter().find(|named| Some(&named.name) == config.current_context.as_ref())?;
        Some(context.context.as_ref()?.cluster.clone())
    }

    /// A configuration that was read already.
    #[cfg(test)]
    pub(super) fn of(config: Kubeconfig) -> Self {
        Self { own: Some(Ok(config)), ..Self::default() }
    }
}

impl Target {
    /// A client for the cluster's API, its calls recorded, and the namespace that commands without `-n` mean.
    ///
    /// # Errors
    /// When the options name what is not there, or the person's configuration reaches no cluster.
    pub async fn kube(&self, options: &KubeOptions) -> Result<(kube::Client, String), TargetError> {
        let side = &self.kube;
        let known = side.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&options.context).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let recorder = Recorder { calls: self.calls().clone(), clock: self.clock().clone() };
        let made = match &side.own {
            None => self.sandbox_client(options, &recorder)?,
            Some(Err(why)) => return Err(TargetError::NoCluster(why.clone())),
            Some(Ok(config)) => live_client(config, options, &recorder).await?,
        };
        side.clients.lock().unwrap_or_else(PoisonError::into_inner).insert(options.context.clone(), made.clone());
        Ok(made)
    }

    /// The configuration that kubectl sees: the person's own, or one that describes the sandbox. Secrets are in it.
    ///
    /// # Errors
    /// When there is none.
    pub fn kubeconfig(&self) -> Result<Kubeconfig, TargetError> {
        match &self.kube.own {
            Some(Ok(config)) => Ok(config.clone()),
            Some(Err(why)) => Err(TargetError::NoCluster(why.clone())),
            None => Ok(self.sandbox_kubeconfig()),
        }
    }

    /// What was kept under `key` for this session, such as what the server can do.
    pub fn kept<T: Any + Send + Sync>(&self, key: &str) -> Option<Arc<T>> {
        let kept = self.kube.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(kept.get(key)?).downcast().ok()
    }

    /// Keeps something for this session.
    pub fn keep<T: Any + Send + Sync>(&self, key: &str, value: Arc<T>) {
        self.kube.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value);
    }

    /// Whether a value of KUBECONFIG is the one that the person's own environment had at the start: it is read already.
    pub fn is_own_kubeconfig(&self, value: &str) -> bool {
        self.kube.own_path.as_ref().is_some_and(|own| own == value)
    }

    /// Looks at a kubeconfig that a lesson names. It may only lead to a server that the session knows already.
    ///
    /// # Errors
    /// When it cannot be read or leads elsewhere.
    pub fn check_kubeconfig(&self, path: &str, files: &Files) -> Result<(), TargetError> {
        let refused = |why: String| TargetError::Refused { what: format!("the kubeconfig {path}"), why };
        let text = files.read_to_string(path).map_err(|error| refused(error.to_string()))?;
        let named = Kubeconfig::from_yaml(&text).map_err(|error| refused(error.to_string()))?;
        let own = self.kubeconfig()?;
        let servers = |config: &Kubeconfig| -> Vec<String> {
            config.clusters.iter().filter_map(|named| named.cluster.as_ref()?.server.clone()).collect()
        };
        let known = servers(&own);
        if let Some(other) = servers(&named).into_iter().find(|server| !known.contains(server)) {
            return Err(refused(format!(
                "its server {other} is not the session's; the cluster is chosen once, by the person who runs the lesson"
            )));
        }
        for user in named.auth_infos.iter().filter_map(|named| named.auth_info.as_ref()) {
            if user.exec.is_some() || user.auth_provider.is_some() || user.token_file.is_some() {
                return Err(refused(
                    "it holds an exec, auth-provider or tokenFile entry, which a lesson may not choose".into(),
                ));
            }
        }
        Ok(())
    }

    fn sandbox_client(
        &self,
        options: &KubeOptions,
        recorder: &Recorder,
    ) -> Result<(kube::Client, String), TargetError> {
        let Some(sandbox) = self.as_sandbox() else {
            return Err(TargetError::NoCluster("this target has no sandbox".into()));
        };
        let config = self.sandbox_kubeconfig();
        let context = options.context.as_ref().or(config.current_context.as_ref());
        if !config.contexts.iter().any(|named| Some(&named.name) == context) {
            let name = context.map_or("", String::as_str);
            return Err(TargetError::NoCluster(format!("context \"{name}\" does not exist")));
        }
        let service = recorder.layer(sandbox.cluster().server().client_service());
        Ok((kube::Client::new(service, "default"), "default".to_owned()))
    }

    /// The kubeconfig that describes the sandbox's cluster, by what the scenario calls it.
    fn sandbox_kubeconfig(&self) -> Kubeconfig {
        let name = self.identity().cluster.unwrap_or_else(|| "sandbox".to_owned());
        let text = serde_json::json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": SANDBOX_SERVER}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "users": [{"name": name, "user": {}}],
        });
        serde_json::from_value(text).unwrap_or_default()
    }
}

/// The name that the sandbox's server goes by: the one that a server has inside of its own cluster.
const SANDBOX_SERVER: &str = "https://kubernetes.default.svc";

async fn live_client(
    own: &Kubeconfig,
    options: &KubeOptions,
    recorder: &Recorder,
) -> Result<(kube::Client, String), TargetError> {
    let context = options.context.clone().or_else(|| own.current_context.clone());
    let Some(context) = context.filter(|context| !context.is_empty()) else {
        return Err(TargetError::NoCluster(
            "the kubeconfig names no current context: choose one with --context".into(),
        ));
    };
    let entry = own.contexts.iter().find(|named| named.name == context).and_then(|named| named.context.as_ref());
    let Some(entry) = entry else {
        return Err(TargetError::NoCluster(format!("context \"{context}\" does not exist")));
    };
    let user = own
        .auth_infos
        .iter()
        .find(|named| Some(&named.name) == entry.user.as_ref())
        .and_then(|named| named.auth_info.as_ref());
    if let Some(user) = user {
        let what = |field: &str| format!("{field} of the user of context \"{context}\"");
        if let Some(exec) = &user.exec {
            let program = exec.command.as_deref().unwrap_or("a program");
            return Err(TargetError::Refused {
                what: what("exec"),
                why: format!(
                    "it would start {program}; no program is started: give this user a token or a client certificate"
                ),
            });
        }
        if user.auth_provider.is_some() {
            return Err(TargetError::Refused {
                what: what("auth-provider"),
                why: "plugins are not run: give this user a token or a client certificate".into(),
            });
        }
    }
    let choice = KubeConfigOptions { context: Some(context), ..KubeConfigOptions::default() };
    let config = Config::from_custom_kubeconfig(own.clone(), &choice)
        .await
        .map_err(|error| TargetError::NoCluster(error.to_string()))?;
    let namespace = config.default_namespace.clone();
    let client = ClientBuilder::try_from(config)
        .map_err(|error| TargetError::NoCluster(error.to_string()))?
        .with_layer(recorder)
        .build();
    Ok((client, namespace))
}

/// Records each call on its way out: what it is, how it was answered, how long that took.
#[derive(Clone)]
pub(super) struct Recorder {
    calls: Calls,
    clock: Clock,
}

impl<S> Layer<S> for Recorder {
    type Service = Recorded<S>;

    fn layer(&self, inner: S) -> Recorded<S> {
        Recorded { inner, recorder: self.clone() }
    }
}

/// A service whose calls are recorded.
pub(super) struct Recorded<S> {
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
        let begin = clock.elapsed();
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = answer.await.map_err(Into::into);
            calls.record(CallRecord {
                service: "kubernetes".to_owned(),
                operation,
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
    let path = uri.path().trim_matches('/');
    let query = |wanted: &str| uri.query().is_some_and(|query| query.split('&').any(|pair| pair == wanted));
    let parts: Vec<&str> = path.split('/').collect();
    let (group, rest) = match parts.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => ("", &[][..]),
    };
    let rest = match rest {
        ["namespaces", _, resource, rest @ ..] if !matches!(*resource, "status" | "finalize") => {
            [&[*resource], rest].concat()
        }
        other => other.to_vec(),
    };
    let Some((resource, rest)) = rest.split_first() else {
        return (format!("{} /{path}", method.as_str().to_lowercase()), *method != Method::GET);
    };
    let (name, part) = (rest.first(), rest.get(1));
    let watch = query("watch=true") || query("watch=1");
    let verb = match *method {
        Method::GET if watch => "watch",
        Method::GET if name.is_none() => "list",
        Method::GET | Method::HEAD => "get",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if name.is_none() => "deletecollection",
        Method::DELETE => "delete",
        _ => "get",
    };
    let mut what = (*resource).to_owned();
    if !group.is_empty() {
        what.push('.');
        what.push_str(group);
    }
    let mut mutating = !matches!(*method, Method::GET | Method::HEAD);
    if let Some(part) = part {
        what.push('/');
        what.push_str(part);
        mutating |= matches!(*part, "exec" | "attach" | "portforward" | "proxy");
    }
    // Questions about rights are asked by creating an object that is not kept.
    if matches!(group, "authorization.k8s.io" | "authentication.k8s.io") || query("dryRun=All") {
        mutating = false;
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

    fn config(user: serde_json::Value) -> Kubeconfig {
        serde_json::from_value(serde_json::json!({
            "current-context": "c",
            "clusters": [{"name": "k", "cluster": {"server": "http://127.0.0.1:9"}}],
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u", "namespace": "ns"}}],
            "users": [{"name": "u", "user": user}],
        }))
        .unwrap()
    }

    async fn client(user: serde_json::Value) -> Result<String, String> {
        let recorder = Recorder { calls: Calls::default(), clock: Clock::real() };
        let made = live_client(&config(user), &KubeOptions::default(), &recorder).await;
        made.map(|(_, namespace)| namespace).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn plugins_are_refused_by_name() {
        let exec = serde_json::json!({"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch",
            "args": ["started"], "interactiveMode": "Never"}});
        let refused = client(exec).await.unwrap_err();
        assert!(refused.contains("exec") && refused.contains("touch"), "{refused}");
        let provider = serde_json::json!({"auth-provider": {"name": "gcp", "config": {"cmd-path": "touch"}}});
        assert!(client(provider).await.unwrap_err().contains("auth-provider"));
        assert_eq!(client(serde_json::json!({"token": "t"})).await.as_deref(), Ok("ns"));
        let side = KubeSide::of(config(serde_json::json!({})));
        assert!(matches!(side.own, Some(Ok(_))));
    }
}
