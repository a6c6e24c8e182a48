//! What a path of the API server leads to.

/// The parts of a path such as `/apis/GROUP/VERSION/namespaces/NAMESPACE/RESOURCE/NAME/PART`; empty where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApiPath<'a> {
    /// The API group; empty for the core group.
    pub group: &'a str,
    /// The namespace of the objects; a Namespace itself is in none.
    pub namespace: &'a str,
    /// The plural of the kind.
    pub resource: &'a str,
    /// The object's name; empty for the collection.
    pub name: &'a str,
    /// The sub-resource.
    pub part: &'a str,
}

impl<'a> ApiPath<'a> {
    /// Reads a path without its query; `None` when it leads to no resource, as `/version` and `/apis`.
    pub fn of(path: &'a str) -> Option<Self> {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let (group, rest) = match parts.as_slice() {
            ["api", _, rest @ ..] => ("", rest),
            ["apis", group, _, rest @ ..] => (*group, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", namespace, rest @ ..]
                if rest.first().is_some_and(|resource| !matches!(*resource, "status" | "finalize")) =>
            {
                (*namespace, rest)
            }
            other => ("", other),
        };
        let at = |number: usize| rest.get(number).copied().unwrap_or_default();
        (!rest.is_empty()).then(|| Self { group, namespace, resource: at(0), name: at(1), part: at(2) })
    }

    /// `pods`, `deployments.apps`.
    pub fn group_resource(&self) -> String {
        if self.group.is_empty() { self.resource.to_owned() } else { format!("{}.{}", self.resource, self.group) }
    }

    /// Whether it is a question about rights, which is asked by creating an object that is not kept.
    pub fn is_question(&self) -> bool {
        matches!(self.group, "authorization.k8s.io" | "authentication.k8s.io")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart() {
        for (path, group, namespace, resource, name, part) in [
            ("/api/v1/pods", "", "", "pods", "", ""),
            ("/api/v1/namespaces", "", "", "namespaces", "", ""),
            ("/api/v1/namespaces/x", "", "", "namespaces", "x", ""),
            ("/api/v1/namespaces/x/finalize", "", "", "namespaces", "x", "finalize"),
            ("/api/v1/namespaces/x/pods/p/log", "", "x", "pods", "p", "log"),
            ("/apis/apps/v1/namespaces/x/deployments/d/scale", "apps", "x", "deployments", "d", "scale"),
        ] {
            assert_eq!(ApiPath::of(path), Some(ApiPath { group, namespace, resource, name, part }), "{path}");
        }
        for path in ["/version", "/api", "/apis/apps/v1", "/openapi/v3"] {
            assert_eq!(ApiPath::of(path), None, "{path}");
        }
    }
}
