//! kubectl's JSONPath: templates with `{…}`, `range` and `end`, filters, slices and unions, as client-go evaluates them.

mod eval;
mod parse;

pub use eval::{EvalError, go_value};
use parse::Node;

use serde_json::Value;

/// A template, read once.
#[derive(Debug, Clone)]
pub struct Template {
    nodes: Vec<Node>,
    /// Whether a key that is not there is an error.
    strict: bool,
}

impl Template {
    /// Reads a template. With `strict`, a missing key is an error when it is evaluated.
    ///
    /// # Errors
    /// What is wrong with the syntax, in client-go's words.
    pub fn read(text: &str, strict: bool) -> Result<Self, String> {
        Ok(Self { nodes: parse::parse(text)?, strict })
    }

    /// The text that the template makes of `value`.
    ///
    /// # Errors
    /// A key that is missing (when strict), an index out of bounds, a step that the value does not allow.
    pub fn print(&self, value: &Value) -> Result<String, EvalError> {
        let results = self.find(value)?;
        Ok(results.iter().map(|found| eval::text(found)).collect())
    }

    /// What each expression of the template finds.
    ///
    /// # Errors
    /// As [`Template::print`].
    pub fn find(&self, value: &Value) -> Result<Vec<Vec<Value>>, EvalError> {
        eval::Evaluation::new(self.strict).template(&self.nodes, value)
    }
}

/// Completes a path as `--sort-by`, `custom-columns` and `wait` allow it: `metadata.name`, `.metadata.name`, `{.metadata.name}`.
///
/// # Errors
/// When it is none of these.
pub fn relaxed(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let inside = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    let inside = inside.strip_prefix('.').unwrap_or(inside);
    if inside.is_empty() || inside.contains(['{', '}']) {
        return Err(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                .into(),
        );
    }
    Ok(format!("{{.{inside}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn print(template: &str, value: &Value) -> Result<String, String> {
        Template::read(template, false)?.print(value).map_err(|error| error.to_string())
    }

    /// The examples of Kubernetes' own documentation of JSONPath support.
    #[test]
    fn documented_examples() {
        let value = json!({
            "kind": "List",
            "items": [
                {"kind": "None", "metadata": {"name": "127.0.0.1", "labels": {"kubernetes.io/hostname": "127.0.0.1"}},
                 "status": {"capacity": {"cpu": "4"}, "addresses": [{"type": "LegacyHostIP", "address": "127.0.0.1"}]}},
                {"kind": "None", "metadata": {"name": "127.0.0.2"},
                 "status": {"capacity": {"cpu": "8"}, "addresses": [
                    {"type": "LegacyHostIP", "address": "127.0.0.2"}, {"type": "another", "address": "127.0.0.3"}]}},
            ],
            "users": [{"name": "myself", "user": {}}, {"name": "e2e", "user": {"username": "admin", "password": "secret"}}],
        });
        for (template, expected) in [
            ("kind is {.kind}", "kind is List"),
            ("{.kind}", "List"),
            ("{['kind']}", "List"),
            ("{..name}", "127.0.0.1 127.0.0.2 myself e2e"),
            ("{.items[*].metadata.name}", "127.0.0.1 127.0.0.2"),
            ("{.users[0].name}", "myself"),
            ("{.items[*]['metadata.name', 'status.capacity']}", r#"127.0.0.1 127.0.0.2 {"cpu":"4"} {"cpu":"8"}"#),
            ("{.users[?(@.name==\"e2e\")].user.password}", "secret"),
            (
                "{range .items[*]}[{.metadata.name}, {.status.capacity}] {end}",
                r#"[127.0.0.1, {"cpu":"4"}] [127.0.0.2, {"cpu":"8"}] "#,
            ),
            ("{range .items[*]}{.metadata.name}{'\\t'}{end}", "127.0.0.1\t127.0.0.2\t"),
            ("{.items[*].metadata.labels.kubernetes\\.io/hostname}", "127.0.0.1"),
            ("{.items[-1:].metadata.name}", "127.0.0.2"),
            ("{.items[-1].metadata.name}", "127.0.0.2"),
            ("{.items[0:1].metadata.name}", "127.0.0.1"),
            ("{.items[::2].metadata.name}", "127.0.0.1"),
            ("{.items[0]['metadata','status']['name','capacity']}", r#"127.0.0.1 {"cpu":"4"}"#),
            ("{.items[*].status.addresses[?(@.type==\"another\")].address}", "127.0.0.3"),
            ("{.users[?(@.user.username)].name}", "e2e"),
            ("{.nothing.at.all}", ""),
            ("{.users[0].user}", "{}"),
            ("a{\"\\n\"}b", "a\nb"),
        ] {
            assert_eq!(print(template, &value).as_deref(), Ok(expected), "{template}");
        }
    }

    #[test]
    fn errors_are_client_go_s() {
        let value = json!({"items": []});
        assert_eq!(print("{.items", &value), Err("unclosed action".into()));
        assert_eq!(print("{.items[0]}", &value), Err("array index out of bounds: index 0, length 0".into()));
        assert_eq!(print("{.items[}", &value), Err("unterminated array".into()));
        assert_eq!(Template::read("{.a}", true).unwrap().print(&json!({})).unwrap_err().to_string(), "a is not found");
    }

    #[test]
    fn relaxed_paths() {
        for path in ["metadata.name", ".metadata.name", "{metadata.name}", "{.metadata.name}"] {
            assert_eq!(relaxed(path).as_deref(), Ok("{.metadata.name}"));
        }
        assert!(relaxed("{.a").is_err());
    }

    #[test]
    fn filters_compare() {
        let value = json!({"a": [{"n": 1, "s": "x"}, {"n": 3, "s": "y"}, {"n": 5}]});
        for (template, expected) in [
            ("{.a[?(@.n>2)].n}", "3 5"),
            ("{.a[?(@.n<=3)].n}", "1 3"),
            ("{.a[?(@.s!='x')].n}", "3"),
            ("{.a[?(@.s=='y')].n}", "3"),
        ] {
            assert_eq!(print(template, &value).as_deref(), Ok(expected), "{template}");
        }
    }
}
