//! JSON: keys in any order, numbers by value, arrays in their order unless the service gives a set.

use serde_json::{Map, Value};

use super::counterpart::key_names_picked;
use super::phrase::Judge;
use super::values::{Kind, key_names_account, time_order};

/// Seconds since 1970 from 2014 to 2039: a number in a field of time.
const EPOCH_SECONDS: std::ops::Range<f64> = 1.39e9..2.2e9;
/// Nesting that is followed; deeper values are compared as text.
const DEEPEST: usize = 100;
/// How many pairs of elements are tried to match two sets.
const MOST_ATTEMPTS: usize = 4_000;

/// The documents of a text that is nothing but JSON. `None` when it is something else.
pub(super) fn documents(text: &str) -> Option<Vec<Value>> {
    let trimmed = text.trim();
    if !trimmed.starts_with(['{', '[', '"']) {
        return None;
    }
    let documents: Vec<Value> =
        serde_json::Deserializer::from_str(trimmed).into_iter::<Value>().collect::<Result<_, _>>().ok()?;
    let structured = documents.iter().any(|d| d.is_object() || d.is_array());
    (structured || documents.len() == 1).then_some(documents)
}

/// Where JSON ends to be JSON.
pub(super) fn problem(text: &str) -> String {
    match serde_json::from_str::<serde::de::IgnoredAny>(text.trim()) {
        Ok(_) => String::new(),
        Err(error) if error.is_eof() => format!("the JSON is cut off at line {}", error.line()),
        Err(error) => format!("this is not JSON: {error}"),
    }
}

/// Compares documents one by one.
pub(super) fn compare(judge: &mut Judge<'_>, expected: &[Value], actual: &[Value]) {
    for (index, (e, a)) in expected.iter().zip(actual).enumerate() {
        let mut walk = Walk { judge, path: Vec::new(), document: (expected.len() > 1).then_some(index) };
        walk.value(e, a);
    }
    if expected.len() != actual.len() {
        let (e, a) = (expected.len(), actual.len());
        judge.reject(
            "documents".into(),
            &e.to_string(),
            &a.to_string(),
            a < e,
            "the number of documents differs".into(),
        );
    }
}

/// A way through two documents at once.
struct Walk<'j, 'c> {
    judge: &'j mut Judge<'c>,
    path: Vec<String>,
    document: Option<usize>,
}

impl Walk<'_, '_> {
    fn place(&self) -> String {
        let mut place = self.document.map(|n| format!("document {} ", n + 1)).unwrap_or_default();
        for part in &self.path {
            place.push('/');
            place.push_str(&part.replace('~', "~0").replace('/', "~1"));
        }
        if place.is_empty() { "/".into() } else { place }
    }

    /// The nearest key, past the indices of arrays.
    fn key(&self) -> &str {
        self.path.iter().rev().find(|part| !part.bytes().all(|b| b.is_ascii_digit())).map_or("", String::as_str)
    }

    fn reject(&mut self, expected: &str, actual: &str, transient: bool, reason: String) {
        self.judge.reject(self.place(), expected, actual, transient, reason);
    }

    fn value(&mut self, expected: &Value, actual: &Value) {
        if self.judge.findings.is_full() {
            return;
        }
        if self.judge.rules.ignores_pointer(&self.path) {
            if expected != actual {
                let (e, a) = (expected.to_string(), actual.to_string());
                self.judge.findings.accept(&e, &a, "the page says not to compare this field");
            }
            return;
        }
        match (expected, actual) {
            (Value::Object(e), Value::Object(a)) if self.path.len() < DEEPEST => self.object(e, a),
            (Value::Array(e), Value::Array(a)) if self.path.len() < DEEPEST => self.array(e, a),
            (Value::String(e), Value::String(a)) => self.string(e, a),
            (Value::Number(e), Value::Number(a)) => self.number(e, a),
            (Value::String(text), Value::Number(n)) | (Value::Number(n), Value::String(text))
                if is_time(self.key()) && is_epoch(n) && time_order(text).is_some() =>
            {
                // The AWS CLI writes times in one form or the other, as it is configured.
                self.judge.findings.accept(&shown(expected), &shown(actual), Kind::Time.name());
            }
            (e, a) if e == a => {}
            (e, a) => {
                let reason = if kind_of(e) == kind_of(a) {
                    String::new()
                } else {
                    format!("{} expected, not {}", kind_of(e), kind_of(a))
                };
                let transient = is_state(self.key()) || self.path.iter().any(|p| p == "status");
                self.reject(&shown(e), &shown(a), transient, reason);
            }
        }
    }

    fn object(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>) {
        let mut taken: Vec<&str> = Vec::new();
        for (key, value) in expected {
            let found = match actual.get_key_value(key) {
                Some((found, _)) if is_plain(key) || self.judge.phrase(key, key, "").is_ok() => Some(found),
                _ => actual
                    .keys()
                    .filter(|k| !expected.contains_key(*k) && !taken.contains(&k.as_str()))
                    .take(64)
                    .find(|k| self.judge.phrase(key, k, "").is_ok()),
            };
            self.path.push(key.clone());
            match found.and_then(|f| actual.get(f).map(|value| (f, value))) {
                Some((found, other)) => {
                    taken.push(found);
                    self.value(value, other);
                }
                None if self.judge.rules.ignores_pointer(&self.path) => {}
                // Kubernetes 1.34 writes no empty time of creation any more.
                None if key == "creationTimestamp" && value.is_null() => {
                    self.judge.findings.accept("null", "", "a time of creation that is not there");
                }
                None => {
                    let transient = is_state(key) || self.path.iter().any(|p| p == "status");
                    self.reject(&shown(value), "", transient, "the field is missing".into());
                }
            }
            self.path.pop();
        }
        if expected.len() + actual.len() > taken.len() * 2 {
            self.additions(expected, actual, &taken);
        }
        self.order_of_times(expected, actual);
    }

    /// Fields that the page does not show: a newer API may add them, unless they grant or report something.
    fn additions(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>, taken: &[&str]) {
        const GRANTS: [&str; 8] =
            ["Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition", "Effect"];
        let statement = expected.contains_key("Effect");
        for (key, value) in
            actual.iter().filter(|(key, _)| !expected.contains_key(*key) && !taken.contains(&key.as_str())).take(64)
        {
            let empty = matches!(value, Value::Null) || value.as_array().is_some_and(Vec::is_empty);
            let lower = key.to_ascii_lowercase();
            let reports = !empty && (lower.starts_with("error") || lower.starts_with("failure"));
            self.path.push(key.clone());
            if self.judge.rules.ignores_pointer(&self.path) {
                // Said by the page.
            } else if statement && GRANTS.contains(&key.as_str()) {
                self.reject(
                    "",
                    &shown(value),
                    false,
                    "a policy statement with more in it grants something else".into(),
                );
            } else if reports {
                self.reject("", &shown(value), false, "the page shows no errors".into());
            } else {
                let text = format!("{}: {}", self.place(), shown(value));
                self.judge.findings.accept("", &text, "a field that the page does not show");
            }
            self.path.pop();
        }
    }

    /// What was created before it was modified on the page was so here.
    fn order_of_times(&mut self, expected: &Map<String, Value>, actual: &Map<String, Value>) {
        let pick = |map: &Map<String, Value>, names: &[&str]| {
            map.iter().find_map(|(key, value)| {
                let lower = key.to_ascii_lowercase();
                let named = names.iter().any(|n| lower.starts_with(n));
                value
                    .as_str()
                    .filter(|_| named)
                    .and_then(|text| time_order(text).map(|order| (key.clone(), text.to_owned(), order)))
            })
        };
        const CREATED: [&str; 2] = ["created", "creation"];
        const MODIFIED: [&str; 4] = ["modified", "updated", "lastmodified", "lastupdated"];
        let (Some(c), Some(m)) = (pick(expected, &CREATED), pick(expected, &MODIFIED)) else { return };
        let (Some(now_c), Some(now_m)) = (pick(actual, &CREATED), pick(actual, &MODIFIED)) else { return };
        if c.2 <= m.2 && now_c.2 > now_m.2 {
            self.path.push(m.0);
            self.reject(&m.1, &now_m.1, false, format!("it was modified before it was created, at {}", now_c.1));
            self.path.pop();
        }
    }

    fn array(&mut self, expected: &[Value], actual: &[Value]) {
        if expected.is_empty() && !actual.is_empty() {
            self.reject("[]", &shown(&Value::Array(actual.to_vec())), false, "the list must be empty".into());
            return;
        }
        if expected.len() != actual.len() {
            let reason = if actual.len() < expected.len() { "entries are missing" } else { "there are more entries" };
            let (e, a) = (format!("{} entries", expected.len()), format!("{} entries", actual.len()));
            self.reject(&e, &a, actual.len() < expected.len(), reason.into());
            return;
        }
        if self.is_set(expected) && self.set(expected, actual) {
            return;
        }
        for (index, (e, a)) in expected.iter().zip(actual).enumerate() {
            if self.judge.findings.is_full() {
                break;
            }
            self.path.push(index.to_string());
            self.value(e, a);
            self.path.pop();
        }
    }

    /// Whether the service gives these in no order: IAM's lists, and what AWS lists of resources.
    fn is_set(&self, expected: &[Value]) -> bool {
        const SETS: [&str; 30] = [
            "action",
            "notaction",
            "resource",
            "notresource",
            "aws",
            "service",
            "federated",
            "statement",
            "attachedpolicies",
            "tags",
            "tagset",
            "tagspecificationset",
            "subnets",
            "subnetids",
            "securitygroups",
            "securitygroupids",
            "groups",
            "availabilityzones",
            "targethealthdescriptions",
            "associations",
            "addons",
            "nodegroups",
            "imagetags",
            "ippermissions",
            "ipranges",
            "useridgrouppairs",
            "roles",
            "policies",
            "instances",
            "types",
        ];
        let key = self.key().to_ascii_lowercase();
        expected.len() > 1 && (SETS.contains(&key.as_str()) || key.ends_with("list") || key.ends_with("ids"))
    }

    /// Matches two sets; `false`, with no trace, when they are not the same.
    fn set(&mut self, expected: &[Value], actual: &[Value]) -> bool {
        let mark = self.judge.mark();
        let mut used = vec![false; actual.len()];
        let mut attempts = MOST_ATTEMPTS.max(expected.len() * 2);
        let mut moved = false;
        for (index, e) in expected.iter().enumerate() {
            let mut found = None;
            for candidate in (index..actual.len()).chain(0..index).filter(|&c| !used[c]) {
                if attempts == 0 {
                    break;
                }
                attempts -= 1;
                if self.attempt(e, &actual[candidate]) {
                    found = Some(candidate);
                    break;
                }
            }
            match found {
                Some(candidate) => {
                    used[candidate] = true;
                    moved |= candidate != index;
                }
                None => {
                    self.judge.back(mark);
                    return false;
                }
            }
        }
        if moved {
            let place = self.place();
            self.judge.findings.accept(&place, &place, "a set, in another order");
        }
        true
    }

    /// Compares without a trace unless it matches.
    fn attempt(&mut self, expected: &Value, actual: &Value) -> bool {
        if std::mem::discriminant(expected) != std::mem::discriminant(actual) {
            return false;
        }
        if let (Value::String(e), Value::String(a)) = (expected, actual) {
            let key = self.key().to_owned();
            return self.judge.phrase(e, a, &key).is_ok();
        }
        let mark = self.judge.mark();
        let outer = std::mem::take(&mut self.judge.findings);
        self.value(expected, actual);
        let inner = std::mem::replace(&mut self.judge.findings, outer);
        if inner.has_rejections() {
            self.judge.back(mark);
            return false;
        }
        self.judge.findings.absorb(inner);
        true
    }

    fn string(&mut self, expected: &str, actual: &str) {
        if expected.starts_with(['{', '['])
            && expected != actual
            && let (Ok(e), Ok(a)) = (serde_json::from_str::<Value>(expected), serde_json::from_str::<Value>(actual))
        {
            self.value(&e, &a);
            return;
        }
        let key = self.key().to_owned();
        if let Err(difference) = self.judge.phrase(expected, actual, &key) {
            let transient = is_state(&key) || self.path.iter().any(|part| part == "status" || part == "TargetHealth");
            self.reject(expected, actual, transient, difference.reason);
        }
    }

    fn number(&mut self, expected: &serde_json::Number, actual: &serde_json::Number) {
        if expected == actual || (expected.as_f64() == actual.as_f64() && !(expected.is_i64() && actual.is_i64())) {
            return;
        }
        let key = self.key().to_owned();
        let (e, a) = (expected.to_string(), actual.to_string());
        if is_time(&key) && is_epoch(expected) && is_epoch(actual) {
            self.judge.findings.accept(&e, &a, Kind::Time.name());
            return;
        }
        let positive = |n: &serde_json::Number| n.as_u64().is_some_and(|n| n > 0);
        if key_names_picked(&key) && positive(expected) && positive(actual) {
            self.judge.findings.accept(&e, &a, Kind::Picked.name());
            return;
        }
        let port = |n: &serde_json::Number| n.as_u64().is_some_and(|n| (30000..=32767).contains(&n));
        if key.to_ascii_lowercase().ends_with("port") && port(expected) && port(actual) {
            if let Err(difference) = self.judge.bind(Kind::NodePort, &e, &a) {
                self.reject(&e, &a, false, difference.reason);
            }
            return;
        }
        if key_names_account(&key) && self.judge.phrase(&e, &a, &key).is_ok() {
            return;
        }
        self.reject(&e, &a, is_state(&key), String::new());
    }
}

/// Most keys are words: nothing in them could stand for anything else.
fn is_plain(key: &str) -> bool {
    key.bytes().all(|b| b.is_ascii_alphabetic())
}

/// Whether a number may be seconds or milliseconds since 1970.
fn is_epoch(number: &serde_json::Number) -> bool {
    number.as_f64().is_some_and(|n| EPOCH_SECONDS.contains(&n) || EPOCH_SECONDS.contains(&(n / 1000.0)))
}

fn is_time(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower == "ts"
        || ["time", "date", "timestamp", "expiration"].iter().any(|end| lower.ends_with(end))
        || key.ends_with("At")
}

/// Whether a field tells a state, which time may change.
pub(super) fn is_state(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    [
        "status",
        "state",
        "phase",
        "health",
        "ready",
        "replicas",
        "code",
        "reason",
        "available",
        "desired",
        "current",
        "conditions",
    ]
    .iter()
    .any(|word| lower.ends_with(word) || lower.starts_with(word))
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
