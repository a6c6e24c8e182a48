//! Label and field selectors.

use serde_json::Value;

use super::kinds::Kind;
use super::status::Status;

/// Which objects a list or watch is about.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<(String, String, bool)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    is: Is,
}

#[derive(Debug, Clone, PartialEq)]
enum Is {
    There,
    NotThere,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl Selector {
    /// Reads the query's `labelSelector` and `fieldSelector`.
    ///
    /// # Errors
    /// 400 when one cannot be read or names a field that the kind cannot be selected by.
    pub fn parse(kind: &Kind, labels: Option<&str>, fields: Option<&str>) -> Result<Self, Status> {
        let labels = parse_labels(labels.unwrap_or_default())
            .map_err(|why| Status::bad_request(format!("unable to parse requirement: {why}")))?;
        let fields = parse_fields(kind, fields.unwrap_or_default())?;
        Ok(Self { labels, fields })
    }

    /// Whether everything is selected.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Whether an object is selected.
    pub fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.fields.iter().all(|(path, value, equal)| (field(object, path) == *value) == *equal)
    }
}

/// Whether a `LabelSelector` object (`matchLabels`, `matchExpressions`) selects labels. An empty one selects all.
pub fn selects(selector: &Value, labels: &Value) -> bool {
    let equal = selector["matchLabels"].as_object().into_iter().flatten();
    let expressions = selector["matchExpressions"].as_array().into_iter().flatten();
    equal.into_iter().all(|(key, value)| labels.get(key) == Some(value))
        && expressions.into_iter().all(|expression| {
            let values = || {
                let list = expression["values"].as_array().into_iter().flatten();
                list.filter_map(Value::as_str).map(str::to_owned).collect()
            };
            let is = match expression["operator"].as_str() {
                Some("In") => Is::In(values()),
                Some("NotIn") => Is::NotIn(values()),
                Some("Exists") => Is::There,
                Some("DoesNotExist") => Is::NotThere,
                _ => return false,
            };
            Requirement { key: expression["key"].as_str().unwrap_or_default().to_owned(), is }.matches(labels)
        })
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let value = labels.get(&self.key).and_then(Value::as_str);
        let number = || value.and_then(|text| text.parse::<i64>().ok());
        match &self.is {
            Is::There => value.is_some(),
            Is::NotThere => value.is_none(),
            Is::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
            Is::NotIn(values) => !value.is_some_and(|value| values.iter().any(|one| one == value)),
            Is::Above(limit) => number().is_some_and(|value| value > *limit),
            Is::Below(limit) => number().is_some_and(|value| value < *limit),
        }
    }
}

/// The pieces of a label selector.
#[derive(Debug, Clone, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Sign(&'static str),
    End,
}

struct Lexer<'a> {
    rest: &'a str,
}

const SIGNS: [&str; 9] = ["!=", "==", "=", "!", "(", ")", ",", ">", "<"];

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Token<'a> {
        self.rest = self.rest.trim_start();
        if self.rest.is_empty() {
            return Token::End;
        }
        for sign in SIGNS {
            if let Some(rest) = self.rest.strip_prefix(sign) {
                self.rest = rest;
                return Token::Sign(sign);
            }
        }
        let end = self.rest.find(|c: char| c.is_whitespace() || "=!(),<>".contains(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Token::Word(word)
    }

    fn peek(&self) -> Token<'a> {
        Lexer { rest: self.rest }.next()
    }
}

fn shown(token: &Token<'_>) -> String {
    match token {
        Token::Word(word) => (*word).to_owned(),
        Token::Sign(sign) => (*sign).to_owned(),
        Token::End => String::new(),
    }
}

fn parse_labels(text: &str) -> Result<Vec<Requirement>, String> {
    let mut lexer = Lexer { rest: text };
    let mut requirements = Vec::new();
    if lexer.peek() == Token::End {
        return Ok(requirements);
    }
    loop {
        requirements.push(parse_requirement(&mut lexer)?);
        match lexer.next() {
            Token::End => return Ok(requirements),
            Token::Sign(",") => {
                if matches!(lexer.peek(), Token::End | Token::Sign(",")) {
                    return Err(format!("found '{}', expected: identifier after ','", shown(&lexer.peek())));
                }
            }
            other => return Err(format!("found '{}', expected: ',' or 'end of string'", shown(&other))),
        }
    }
}

fn parse_requirement(lexer: &mut Lexer<'_>) -> Result<Requirement, String> {
    let negated = lexer.peek() == Token::Sign("!");
    if negated {
        lexer.next();
    }
    let key = match lexer.next() {
        Token::Word(word) => word.to_owned(),
        other => return Err(format!("found '{}', expected: !, identifier, or 'end of string'", shown(&other))),
    };
    if negated {
        return Ok(Requirement { key, is: Is::NotThere });
    }
    let is = match lexer.peek() {
        Token::End | Token::Sign(",") => return Ok(Requirement { key, is: Is::There }),
        Token::Sign("=" | "==") => {
            lexer.next();
            Is::In(vec![exact_value(lexer)?])
        }
        Token::Sign("!=") => {
            lexer.next();
            Is::NotIn(vec![exact_value(lexer)?])
        }
        Token::Sign(sign @ (">" | "<")) => {
            lexer.next();
            let text = exact_value(lexer)?;
            let number = text.parse().map_err(|_| {
                format!(
                    "values[0][{key}]: Invalid value: {text:?}: for 'Gt', 'Lt' operators, the value must be an integer"
                )
            })?;
            if sign == ">" { Is::Above(number) } else { Is::Below(number) }
        }
        Token::Word("in") => {
            lexer.next();
            Is::In(value_list(lexer)?)
        }
        Token::Word("notin") => {
            lexer.next();
            Is::NotIn(value_list(lexer)?)
        }
        other => return Err(format!("found '{}', expected: in, notin, =, ==, !=, gt, lt", shown(&other))),
    };
    Ok(Requirement { key, is })
}

fn exact_value(lexer: &mut Lexer<'_>) -> Result<String, String> {
    match lexer.peek() {
        Token::End | Token::Sign(",") => Ok(String::new()),
        Token::Word(word) => {
            lexer.next();
            Ok(word.to_owned())
        }
        other => Err(format!("found '{}', expected: identifier", shown(&other))),
    }
}

fn value_list(lexer: &mut Lexer<'_>) -> Result<Vec<String>, String> {
    let open = lexer.next();
    if open != Token::Sign("(") {
        return Err(format!("found '{}' expected: '('", shown(&open)));
    }
    let mut values = Vec::new();
    loop {
        match lexer.next() {
            Token::Word(word) => {
                values.push(word.to_owned());
                match lexer.next() {
                    Token::Sign(",") => {
                        if lexer.peek() == Token::Sign(")") {
                            values.push(String::new());
                        }
                    }
                    Token::Sign(")") => return Ok(values),
                    other => return Err(format!("found '{}', expected: ',' or ')'", shown(&other))),
                }
            }
            Token::Sign(",") => values.push(String::new()),
            Token::Sign(")") => {
                if values.is_empty() {
                    values.push(String::new());
                }
                return Ok(values);
            }
            other => return Err(format!("found '{}', expected: ',', ')' or identifier", shown(&other))),
        }
    }
}

/// The fields, beside name and namespace, that objects of a kind are selected by.
fn selectable(kind: &Kind) -> &'static [&'static str] {
    match (kind.group.as_ref(), kind.plural.as_ref()) {
        ("", "pods") => &[
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "spec.hostNetwork",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ],
        ("", "events") => &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ],
        ("", "nodes") => &["spec.unschedulable"],
        ("", "namespaces") => &["status.phase"],
        ("", "secrets") => &["type"],
        ("", "services") => &["spec.clusterIP", "spec.type"],
        ("", "replicationcontrollers") | ("apps", "replicasets") => &["status.replicas"],
        ("batch", "jobs") => &["status.successful"],
        _ => &[],
    }
}

fn parse_fields(kind: &Kind, text: &str) -> Result<Vec<(String, String, bool)>, Status> {
    let mut fields = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
            (path, value, false)
        } else if let Some((path, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
            (path, value, true)
        } else {
            let message =
                format!("unable to parse field selector: invalid selector: '{text}'; can't understand '{part}'");
            return Err(Status::bad_request(message));
        };
        if !matches!(path, "metadata.name" | "metadata.namespace") && !selectable(kind).contains(&path) {
            let message = format!("field label not supported: {path}");
            let message = if selectable(kind).is_empty() {
                format!("\"{path}\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\"")
            } else {
                message
            };
            return Err(Status::bad_request(message));
        }
        fields.push((path.to_owned(), value.to_owned(), equal));
    }
    Ok(fields)
}

fn field(object: &Value, path: &str) -> String {
    if path == "status.successful" {
        return object["status"]["succeeded"].as_i64().unwrap_or(0).to_string();
    }
    if path == "source" {
        let source = object["source"]["component"].as_str().unwrap_or_default();
        let reporting = object["reportingComponent"].as_str().unwrap_or_default();
        return if source.is_empty() { reporting } else { source }.to_owned();
    }
    let value = path.split('.').fold(object, |value, name| &value[name]);
    match value {
        Value::String(text) => text.clone(),
        Value::Null if path == "spec.unschedulable" || path == "spec.hostNetwork" => "false".into(),
        Value::Null if path == "status.replicas" => "0".into(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::BUILT_IN;
    use super::*;

    fn kind(plural: &str) -> &'static Kind {
        BUILT_IN.iter().find(|kind| kind.plural == plural).unwrap()
    }

    #[test]
    fn labels() {
        let pod = json!({"metadata": {"labels": {"app": "web", "tier": "2", "empty": ""}}});
        let table = [
            ("app=web", true),
            ("app==web,tier=2", true),
            ("app!=web", false),
            ("none!=web", true),
            ("app in (web, db)", true),
            ("app notin (web)", false),
            ("none notin (web)", true),
            ("app", true),
            ("!app", false),
            ("!none", true),
            ("tier>1", true),
            ("tier < 2", false),
            ("empty=", true),
            ("empty", true),
            ("app in ()", false),
            ("empty in ()", true),
            ("", true),
        ];
        for (text, expected) in table {
            let selector = Selector::parse(kind("pods"), Some(text), None).unwrap();
            assert_eq!(selector.matches(&pod), expected, "{text}");
        }
        for text in ["a=b,", "=b", "a in b", "a in (b", "a b", "(", "a>x", "a=b=c"] {
            assert!(Selector::parse(kind("pods"), Some(text), None).is_err(), "{text}");
        }
    }

    #[test]
    fn fields() {
        let pod = json!({"metadata": {"name": "x", "namespace": "a"}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}});
        for (text, expected) in [
            ("metadata.name=x", true),
            ("metadata.namespace!=a", false),
            ("spec.nodeName=n,status.phase!=Pending", true),
            ("status.podIP=", true),
        ] {
            assert_eq!(Selector::parse(kind("pods"), None, Some(text)).unwrap().matches(&pod), expected, "{text}");
        }
        let wrong = Selector::parse(kind("pods"), None, Some("spec.containers=x")).unwrap_err();
        assert_eq!(wrong.code, 400);
        assert!(Selector::parse(kind("configmaps"), None, Some("data.a=b")).is_err());
    }

    #[test]
    fn selectors_of_objects() {
        let labels = json!({"app": "web"});
        assert!(selects(&json!({}), &labels));
        assert!(selects(&json!({"matchLabels": {"app": "web"}}), &labels));
        assert!(!selects(
            &json!({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}),
            &labels
        ));
        assert!(selects(&json!({"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}), &labels));
    }
}
