//! `kubectl auth can-i --list`: everything that one may do.

use http::Method;
use serde_json::{Value, json};

use crate::tools::kubectl::api::Call;
use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::print::columns::Columns;
use crate::tools::kubectl::session::Session;

/// One rule for one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    verbs: Vec<String>,
    group: Option<String>,
    resource: Option<String>,
    names: Vec<String>,
    url: Option<String>,
}

impl Rule {
    /// What rules are sorted by: how Go prints them.
    fn key(&self) -> String {
        let list = |items: &[String]| format!("[{}]", items.join(" "));
        let one = |item: &Option<String>| list(item.as_slice());
        format!(
            "{},{},{},{},{}",
            list(&self.verbs),
            one(&self.group),
            one(&self.resource),
            list(&self.names),
            one(&self.url)
        )
    }
}

fn texts(value: &Value) -> Vec<String> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// The rules of a review, taken apart and those for the same thing put together.
fn rules(status: &Value) -> Vec<Rule> {
    let mut all: Vec<Rule> = Vec::new();
    let mut add = |rule: Rule| {
        let same = |known: &&mut Rule| {
            rule.url.is_none()
                && (&known.group, &known.resource, &known.names) == (&rule.group, &rule.resource, &rule.names)
        };
        match all.iter_mut().find(same) {
            Some(known) => known.verbs.extend(rule.verbs),
            None => all.push(rule),
        }
    };
    for rule in status["resourceRules"].as_array().into_iter().flatten() {
        for group in texts(&rule["apiGroups"]) {
            for resource in texts(&rule["resources"]) {
                let names = texts(&rule["resourceNames"]);
                let each: Vec<Vec<String>> = if names.is_empty() {
                    vec![Vec::new()]
                } else {
                    names.into_iter().map(|name| vec![name]).collect()
                };
                for names in each {
                    add(Rule {
                        verbs: texts(&rule["verbs"]),
                        group: Some(group.clone()),
                        resource: Some(resource.clone()),
                        names,
                        url: None,
                    });
                }
            }
        }
    }
    for rule in status["nonResourceRules"].as_array().into_iter().flatten() {
        for url in texts(&rule["nonResourceURLs"]) {
            let verbs = texts(&rule["verbs"]);
            add(Rule { verbs, group: None, resource: None, names: Vec::new(), url: Some(url) });
        }
    }
    all.sort_by_key(Rule::key);
    all
}

/// Prints what one may do in a namespace.
///
/// # Errors
/// As kubectl.
pub async fn run(session: &Session) -> Result<(), Failure> {
    if !session.options.args.is_empty() {
        return Err(Failure::message("list option must be specified with no arguments"));
    }
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": session.scope().await?}});
    let call = Call::new(Method::POST, "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews").json(&review);
    let answer = session.api().await?.value(&call).await?;
    let status = &answer["status"];
    if status["incomplete"] == true {
        let why = status["evaluationError"].as_str().unwrap_or_default();
        session.complain(format!("warning: the list may be incomplete: {why}\n")).await?;
    }
    let mut columns = Columns::table();
    if !session.options.on("no-headers") {
        columns.write("Resources\tNon-Resource URLs\tResource Names\tVerbs\n");
    }
    for rule in rules(status) {
        let resource = match (&rule.resource, rule.group.as_deref().unwrap_or_default()) {
            (None, _) => String::new(),
            (Some(resource), "") => resource.clone(),
            (Some(resource), group) => match resource.split_once('/') {
                Some((resource, part)) => format!("{resource}.{group}/{part}"),
                None => format!("{resource}.{group}"),
            },
        };
        let urls = rule.url.as_slice().join(" ");
        columns.write(&format!("{resource}\t[{urls}]\t[{}]\t[{}]\n", rule.names.join(" "), rule.verbs.join(" ")));
    }
    session.print(columns.flush()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_for_the_same_thing_are_one() {
        let status = json!({
            "resourceRules": [
                {"verbs": ["get"], "apiGroups": [""], "resources": ["pods", "services"]},
                {"verbs": ["list"], "apiGroups": [""], "resources": ["pods"]}],
            "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz"]}]});
        let shown: Vec<String> = rules(&status).iter().map(Rule::key).collect();
        assert_eq!(shown, ["[get list],[],[pods],[],[]", "[get],[],[],[],[/healthz]", "[get],[],[services],[],[]"]);
    }
}
