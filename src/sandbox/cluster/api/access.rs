//! Who may do what: role-based access, reviews of one's own access, and tokens of service accounts.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, Body};
use super::request::{Call, Target, object_of};
use super::{Server, Status, User};
use crate::sandbox::cluster::store::{GroupResource, Key, Object};

const GROUP: &str = "rbac.authorization.k8s.io";

/// What somebody wants to do.
#[derive(Debug, Clone, Default)]
struct Wish {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    /// A path that names no resource, instead of the above.
    path: String,
}

impl Wish {
    fn full_resource(&self) -> String {
        if self.subresource.is_empty() {
            self.resource.clone()
        } else {
            format!("{}/{}", self.resource, self.subresource)
        }
    }
}

fn listed(list: &Value, wanted: &str) -> bool {
    list.as_array().into_iter().flatten().any(|one| one == wanted || one == "*")
}

fn allows(rule: &Value, wish: &Wish) -> bool {
    if !wish.path.is_empty() {
        let paths = rule["nonResourceURLs"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let mut fits = paths.map(|one| match one.strip_suffix('*') {
            Some(begin) => wish.path.starts_with(begin),
            None => wish.path == one,
        });
        return listed(&rule["verbs"], &wish.verb) && fits.any(|fits| fits);
    }
    let full = wish.full_resource();
    let resource = listed(&rule["resources"], &full)
        || (!wish.subresource.is_empty() && listed(&rule["resources"], &format!("*/{}", wish.subresource)));
    let names = rule["resourceNames"].as_array();
    listed(&rule["verbs"], &wish.verb)
        && listed(&rule["apiGroups"], &wish.group)
        && resource
        && names.is_none_or(|names| names.is_empty() || names.iter().any(|one| *one == *wish.name))
}

/// A role that somebody has.
struct Bound {
    /// The kind of what binds it.
    by: &'static str,
    binding: Object,
    role: Object,
}

impl Bound {
    fn rules(&self) -> impl Iterator<Item = &Value> {
        self.role["rules"].as_array().into_iter().flatten()
    }
}

impl Server {
    /// The verb of a request, as rules name it.
    fn verb(call: &Call, target: &Target) -> &'static str {
        match call.method.as_str() {
            "GET" | "HEAD" if call.flag("watch") => "watch",
            "GET" | "HEAD" if target.name.is_none() => "list",
            "GET" | "HEAD" if matches!(target.subresource.as_deref(), Some("attach" | "exec")) => "create",
            "GET" | "HEAD" => "get",
            "POST" => "create",
            "PUT" => "update",
            "PATCH" => "patch",
            "DELETE" if target.name.is_none() => "deletecollection",
            "DELETE" => "delete",
            _ => "unknown",
        }
    }

    /// Refuses what the caller may not do.
    pub(super) fn authorize(&self, call: &Call, target: &Target) -> Result<(), Status> {
        // Everybody may ask what they may.
        if matches!(
            target.kind.plural.as_ref(),
            "selfsubjectaccessreviews" | "selfsubjectrulesreviews" | "selfsubjectreviews"
        ) {
            return Ok(());
        }
        let wish = Wish {
            verb: Self::verb(call, target).to_owned(),
            group: target.kind.group.to_string(),
            resource: target.kind.plural.to_string(),
            subresource: target.subresource.clone().unwrap_or_default(),
            namespace: target.namespace.clone().unwrap_or_default(),
            name: target.name.clone().unwrap_or_default(),
            path: String::new(),
        };
        if self.may(&call.user, &wish).is_some() {
            return Ok(());
        }
        let place = if wish.namespace.is_empty() {
            "at the cluster scope".to_owned()
        } else {
            format!("in the namespace {:?}", wish.namespace)
        };
        let why = format!(
            "User {:?} cannot {} resource {:?} in API group {:?} {place}",
            call.user.name,
            wish.verb,
            wish.full_resource(),
            wish.group
        );
        Err(Status::forbidden(&target.kind.resource(), &wish.name, &why))
    }

    /// Refuses what the caller may not do with a path that names no resource.
    pub(super) fn authorize_path(&self, call: &Call, path: &str) -> Result<(), Status> {
        let path = if path.is_empty() { "/" } else { path };
        let wish = Wish { verb: call.method.as_str().to_lowercase(), path: path.to_owned(), ..Wish::default() };
        if self.may(&call.user, &wish).is_some() {
            return Ok(());
        }
        let message = format!("forbidden: User {:?} cannot {} path {path:?}", call.user.name, wish.verb);
        Err(Status { details: Some(json!({})), ..Status::new(403, "Forbidden", message) })
    }

    /// Why somebody may do it; `None` if they may not.
    fn may(&self, user: &User, wish: &Wish) -> Option<String> {
        if user.groups.iter().any(|group| group == "system:masters") {
            return Some(String::new());
        }
        let roles = self.roles_of(user, &wish.namespace);
        let fitting = roles.iter().find(|bound| bound.rules().any(|rule| allows(rule, wish)))?;
        let Bound { by, binding, role } = fitting;
        let of = |object: &Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (binding, kind, name) =
            (of(&binding["metadata"], "name"), of(&binding["roleRef"], "kind"), of(&role["metadata"], "name"));
        Some(format!("RBAC: allowed by {by} {binding:?} of {kind} {name:?} to User {:?}", user.name))
    }

    /// The roles that somebody has: in the whole cluster, and in a namespace unless that is empty.
    fn roles_of(&self, user: &User, namespace: &str) -> Vec<Bound> {
        let is_user = |subject: &Value| match subject["kind"].as_str() {
            Some("User") => subject["name"] == user.name.as_str(),
            Some("Group") => user.groups.iter().any(|group| subject["name"] == group.as_str()),
            Some("ServiceAccount") => {
                let name = |field: &str| subject[field].as_str().unwrap_or_default().to_owned();
                user.name == format!("system:serviceaccount:{}:{}", name("namespace"), name("name"))
            }
            _ => false,
        };
        let cluster = self.store().list(&GroupResource::of(GROUP, "clusterrolebindings"), None);
        let local = if namespace.is_empty() {
            Vec::new()
        } else {
            self.store().list(&GroupResource::of(GROUP, "rolebindings"), Some(namespace))
        };
        let all = cluster.into_iter().map(|one| (one, "ClusterRoleBinding"));
        let all = all.chain(local.into_iter().map(|one| (one, "RoleBinding")));
        all.filter(|(binding, _)| binding["subjects"].as_array().into_iter().flatten().any(is_user))
            .filter_map(|(binding, by)| {
                let role = &binding["roleRef"];
                let name = role["name"].as_str().unwrap_or_default();
                let key = match role["kind"].as_str() {
                    Some("Role") => Key::namespaced(&GroupResource::of(GROUP, "roles"), namespace, name),
                    _ => Key::cluster(&GroupResource::of(GROUP, "clusterroles"), name),
                };
                let role = self.store().get(&key)?;
                Some(Bound { by, binding, role })
            })
            .collect()
    }

    /// What somebody may do in a namespace, for a review of rules.
    fn rules_of(&self, user: &User, namespace: &str) -> Value {
        let (mut resources, mut paths) = (Vec::new(), Vec::new());
        if user.groups.iter().any(|group| group == "system:masters") {
            resources.push(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
            paths.push(json!({"verbs": ["*"], "nonResourceURLs": ["*"]}));
        }
        for bound in self.roles_of(user, namespace) {
            for rule in bound.rules() {
                let to = if rule["nonResourceURLs"].is_array() { &mut paths } else { &mut resources };
                if !to.contains(rule) {
                    to.push(rule.clone());
                }
            }
        }
        json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false})
    }

    /// Whom a request is made as, when the caller says `--as` and may.
    pub(super) fn impersonated(&self, call: &Call) -> Result<Option<User>, Status> {
        let header = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(name) = header("impersonate-user") else { return Ok(None) };
        let wish = Wish { verb: "impersonate".into(), resource: "users".into(), name: name.into(), ..Wish::default() };
        if self.may(&call.user, &wish).is_none() {
            let why = format!(
                "User {:?} cannot impersonate resource \"users\" in API group \"\" at the cluster scope",
                call.user.name
            );
            return Err(Status::forbidden(&GroupResource::of("", "users"), name, &why));
        }
        let groups = call.headers.get_all("impersonate-group").iter().filter_map(|value| value.to_str().ok());
        let mut groups: Vec<String> = groups.map(str::to_owned).collect();
        if let Some(account) = name.strip_prefix("system:serviceaccount:")
            && let Some((namespace, _)) = account.split_once(':')
            && groups.is_empty()
        {
            groups.extend(["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]);
        }
        groups.push("system:authenticated".into());
        Ok(Some(User { name: name.to_owned(), groups }))
    }

    /// Answers a review.
    pub(super) fn review(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let mut review = object_of(call)?;
        review["kind"] = target.kind.kind.as_ref().into();
        review["apiVersion"] = target.kind.api_version().into();
        let spec = review["spec"].clone();
        let texts = |list: &Value| -> Vec<String> {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        review["status"] = match target.kind.plural.as_ref() {
            "selfsubjectaccessreviews" => self.decide(&call.user, &spec),
            "subjectaccessreviews" | "localsubjectaccessreviews" => {
                let name = spec["user"].as_str().unwrap_or_default().to_owned();
                self.decide(&User { name, groups: texts(&spec["groups"]) }, &spec)
            }
            "selfsubjectreviews" => json!({"userInfo": {"username": call.user.name, "groups": call.user.groups}}),
            "selfsubjectrulesreviews" => {
                let namespace = spec["namespace"].as_str().unwrap_or_default();
                if namespace.is_empty() {
                    return Err(Status::bad_request("no namespace on request"));
                }
                self.rules_of(&call.user, namespace)
            }
            other => return Err(Status::not_implemented(other)),
        };
        Ok(body::json(StatusCode::CREATED, &review))
    }

    fn decide(&self, user: &User, spec: &Value) -> Value {
        let attributes = &spec["resourceAttributes"];
        let text = |field: &str| attributes[field].as_str().unwrap_or_default().to_owned();
        let path = &spec["nonResourceAttributes"];
        let wish = match path["path"].as_str() {
            Some(named) => Wish {
                verb: path["verb"].as_str().unwrap_or_default().to_owned(),
                path: named.to_owned(),
                ..Wish::default()
            },
            None => Wish {
                verb: text("verb"),
                group: text("group"),
                resource: text("resource"),
                subresource: text("subresource"),
                namespace: text("namespace"),
                name: text("name"),
                path: String::new(),
            },
        };
        match self.may(user, &wish) {
            Some(reason) if reason.is_empty() => json!({"allowed": true}),
            Some(reason) => json!({"allowed": true, "reason": reason}),
            None => json!({"allowed": false}),
        }
    }

    /// A token for a service account: a JWT that the cluster's issuer signs, or one of the right form that nobody signs when
    /// no account knows the cluster.
    pub(super) fn token(&self, call: &Call, target: &Target) -> Result<Response<Body>, Status> {
        let key = target.key();
        let account = self.store().get(&key).ok_or_else(|| Status::not_found(&key.resource, &key.name))?;
        let mut request = object_of(call)?;
        request["kind"] = "TokenRequest".into();
        request["apiVersion"] = "authentication.k8s.io/v1".into();
        let seconds = request["spec"]["expirationSeconds"].as_i64().unwrap_or(3600);
        if seconds < 600 {
            let message = format!(
                "TokenRequest.authentication.k8s.io \"\" is invalid: spec.expirationSeconds: Invalid value: {seconds}: may not specify a duration less than 10 minutes"
            );
            return Err(Status::new(422, "Invalid", message));
        }
        let namespace = key.namespace.clone().unwrap_or_default();
        let issued = self.clock().now();
        let expires = issued + jiff::SignedDuration::from_secs(seconds.min(86_400 * 365));
        if request["spec"]["audiences"].as_array().is_none_or(Vec::is_empty) {
            request["spec"]["audiences"] = json!(["https://kubernetes.default.svc"]);
        }
        let claims = json!({
            "aud": request["spec"]["audiences"],
            "exp": expires.as_second(), "iat": issued.as_second(), "nbf": issued.as_second(),
            "iss": "https://kubernetes.default.svc",
            "jti": self.store().uid(),
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": {"name": key.name, "uid": account["metadata"]["uid"]},
            },
            "sub": format!("system:serviceaccount:{namespace}:{}", key.name),
        });
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let unsigned = || format!("{}.{}.", part(&json!({"alg": "none", "typ": "JWT"})), part(&claims));
        let token = self.sign(&claims).unwrap_or_else(unsigned);
        request["spec"]["expirationSeconds"] = seconds.into();
        request["metadata"]["name"] = key.name.clone().into();
        request["metadata"]["namespace"] = namespace.into();
        request["metadata"]["creationTimestamp"] = self.store().timestamp().into();
        request["status"] = json!({
            "token": token,
            "expirationTimestamp": expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        });
        Ok(body::json(StatusCode::CREATED, &request))
    }
}
