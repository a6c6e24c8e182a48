//! What an operation would change, looked at instead of done: `assets/aws/effects.yaml` says for each operation what to read and
//! what to compare. An operation that it does not have is told to be one that cannot be looked at.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::command::{Answer, Prepared};
use super::failure::Failure;
use super::model::{Kind, Service};
use crate::target::{AwsClients, Claimed, Effects, Field, Subject};

/// What the services say of what is not there.
const NOT_THERE: &[&str] = &["ResourceNotFoundException", "NoSuchEntity", "NotFoundException"];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Effect {
    kind: String,
    name: Vec<String>,
    find: Option<Find>,
    read: String,
    input: BTreeMap<String, String>,
    #[serde(default)]
    at: Option<String>,
    #[serde(rename = "in", default)]
    list: Option<String>,
    #[serde(default, rename = "where")]
    fits: BTreeMap<String, String>,
    #[serde(default)]
    fields: Option<BTreeMap<String, String>>,
    #[serde(default)]
    absent: bool,
    #[serde(default)]
    since: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Find {
    read: String,
    input: BTreeMap<String, String>,
    list: String,
    #[serde(default, rename = "where")]
    fits: BTreeMap<String, String>,
    take: Vec<String>,
}

type Table = BTreeMap<String, BTreeMap<String, Effect>>;

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = include_str!("../../../assets/aws/effects.yaml");
        serde_saphyr::from_str(text).unwrap_or_else(|error| unreachable!("assets/aws/effects.yaml: {error}"))
    })
}

/// What an operation's input says of other inputs and of the answer.
struct Inputs<'a> {
    own: &'a Map<String, Value>,
    found: BTreeMap<String, Value>,
}

impl Inputs<'_> {
    fn value(&self, source: &str) -> Value {
        if let Some(text) = source.strip_prefix('=') {
            return Value::String(text.to_owned());
        }
        if let Some(name) = source.strip_prefix("found.") {
            return self.found.get(name).cloned().unwrap_or(Value::Null);
        }
        let mut parts = source.split('.');
        let first = parts.next().and_then(|name| self.own.get(name)).cloned().unwrap_or(Value::Null);
        parts.fold(first, |value, part| value.get(part).cloned().unwrap_or(Value::Null))
    }

    fn fill(&self, input: &BTreeMap<String, String>) -> Map<String, Value> {
        input
            .iter()
            .map(|(name, source)| (name.clone(), self.value(source)))
            .filter(|(_, value)| !value.is_null())
            .collect()
    }

    fn fits(&self, element: &Value, fits: &BTreeMap<String, String>) -> bool {
        fits.iter().all(|(name, source)| element[name] == self.value(source))
    }
}

/// Claims what the operation would leave; answers what is there, `null` for nothing.
///
/// # Errors
/// When the account cannot be read, or the operation is one whose effect cannot be looked at.
pub(super) async fn look(
    effects: &Effects,
    service: &Service,
    name: &str,
    input: &Map<String, Value>,
    clients: &AwsClients,
    zone: &jiff::tz::TimeZone,
) -> Result<Value, Failure> {
    let Some(effect) = table().get(&service.name).and_then(|operations| operations.get(name)) else {
        let subject = Subject {
            service: service.name.clone(),
            kind: "operation".into(),
            namespace: String::new(),
            name: name.to_owned(),
        };
        let message = format!("{subject}: not done: here is only looked at what is there");
        effects.claim(subject, Claimed::NotTell { why: "what it leaves cannot be looked at".into() }, None);
        return Err(Failure::general(message));
    };
    let mut inputs = Inputs { own: input, found: BTreeMap::new() };
    let names: Vec<String> =
        effect.name.iter().map(|member| inputs.value(member).as_str().unwrap_or_default().to_owned()).collect();
    let subject = Subject {
        service: service.name.clone(),
        kind: effect.kind.clone(),
        namespace: String::new(),
        name: names.join("/"),
    };
    let claim = |thing: Option<&Value>, fields: Vec<Field>| {
        let since = effect.since.as_ref().and_then(|member| thing?[member].as_str()?.parse().ok());
        let found = thing.is_some();
        let state = if effect.absent { Claimed::BeAbsent { found } } else { Claimed::BePresent { found, fields } };
        effects.claim(subject.clone(), state, since);
    };
    let ask = async |operation: &str, input: Map<String, Value>| -> Result<Option<Value>, Failure> {
        let prepared = Prepared::of(service, operation, input, clients.clone(), zone.clone())?;
        match prepared.ask().await? {
            Answer::Given { value, .. } => Ok(Some(value)),
            Answer::Refused { code, .. } if NOT_THERE.contains(&code.as_str()) => Ok(None),
            Answer::Refused { code, message, .. } => Err(prepared.refused(code, message)),
        }
    };
    if let Some(find) = &effect.find {
        let answer = ask(&find.read, inputs.fill(&find.input)).await?.unwrap_or(Value::Null);
        let one = at(&answer, &find.list).as_array().into_iter().flatten().find(|one| inputs.fits(one, &find.fits));
        let Some(one) = one else {
            claim(None, Vec::new());
            return Ok(Value::Null);
        };
        inputs.found = find.take.iter().map(|member| (member.clone(), one[member].clone())).collect();
    }
    let answer = ask(&effect.read, inputs.fill(&effect.input)).await?;
    let thing = match (&answer, &effect.list) {
        (Some(answer), Some(list)) => {
            at(answer, list).as_array().into_iter().flatten().find(|one| inputs.fits(one, &effect.fits))
        }
        (Some(answer), None) => Some(at(answer, effect.at.as_deref().unwrap_or_default())),
        (None, _) => None,
    };
    let fields = match thing {
        Some(thing) if !effect.absent => fields(service, effect, &inputs, thing),
        _ => Vec::new(),
    };
    claim(thing, fields);
    Ok(answer.unwrap_or(Value::Null))
}

fn at<'v>(value: &'v Value, path: &str) -> &'v Value {
    path.split('.').filter(|part| !part.is_empty()).fold(value, |value, part| &value[part])
}

/// The fields that the input says, each with what is there.
fn fields(service: &Service, effect: &Effect, inputs: &Inputs<'_>, thing: &Value) -> Vec<Field> {
    let mut fields = Vec::new();
    if let Some(named) = &effect.fields {
        for (member, source) in named {
            walk(member.clone(), &inputs.value(source), thing.get(member), &mut fields);
        }
        return fields;
    }
    // A list's element is compared by what singles it out alone.
    if effect.list.is_some() {
        return fields;
    }
    let shape = shape_at(service, &effect.read, effect.at.as_deref().unwrap_or_default());
    for (member, wanted) in inputs.own {
        let kept = shape.is_none_or(|shape| service.shape(shape).members.iter().any(|known| known.name == *member));
        if kept && !effect.input.values().any(|source| source == member) {
            walk(member.clone(), wanted, thing.get(member), &mut fields);
        }
    }
    fields
}

/// The shape of a part of an operation's answer.
fn shape_at<'s>(service: &'s Service, operation: &str, path: &str) -> Option<&'s str> {
    let mut shape = service.operations.get(operation)?.output.as_deref()?;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let known = service.shape(shape);
        if known.kind != Kind::Structure {
            return None;
        }
        shape = &known.members.iter().find(|member| member.name == part)?.shape;
    }
    Some(shape)
}

fn walk(path: String, wanted: &Value, now: Option<&Value>, fields: &mut Vec<Field>) {
    match wanted {
        Value::Null => {}
        Value::Object(map) => {
            for (key, wanted) in map {
                walk(format!("{path}.{key}"), wanted, now.and_then(|now| now.get(key)), fields);
            }
        }
        wanted => {
            let holds = now.is_some_and(|now| same(wanted, now));
            fields.push(Field { path, expected: wanted.clone(), found: now.cloned(), holds });
        }
    }
}

/// Whether an input and an answer say the same: documents as JSON, lists in any order.
fn same(wanted: &Value, now: &Value) -> bool {
    match (wanted, now) {
        (Value::Array(wanted), Value::Array(now)) => {
            wanted.iter().all(|wanted| now.iter().any(|now| same(wanted, now)))
        }
        (Value::Object(wanted), Value::Object(now)) => {
            wanted.iter().all(|(key, wanted)| now.get(key).is_some_and(|now| same(wanted, now)))
        }
        (Value::String(text), Value::Object(_)) => {
            serde_json::from_str::<Value>(text).is_ok_and(|document| document == *now)
        }
        (wanted, now) => wanted == now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::aws::model;

    #[test]
    fn the_table_names_what_the_services_have() {
        for (service, operations) in table() {
            let service = model::service(service).expect(service);
            let members = |operation: &str| {
                let operation = service.operations.get(operation).unwrap_or_else(|| panic!("{operation}"));
                service.input(operation).iter().map(|member| member.name.clone()).collect::<Vec<_>>()
            };
            for (name, effect) in operations {
                assert!(service.operations[name].mutating, "{name}");
                let own = members(name);
                let given = |source: &String| {
                    let first = source.split('.').next().unwrap_or_default();
                    source.starts_with('=') || first == "found" || own.iter().any(|member| member == first)
                };
                let fields = effect.fields.iter().flat_map(BTreeMap::values);
                for source in effect.name.iter().chain(effect.input.values()).chain(effect.fits.values()).chain(fields)
                {
                    assert!(given(source), "{name}: {source}");
                }
                for (read, input) in [(&effect.read, &effect.input)]
                    .into_iter()
                    .chain(effect.find.as_ref().map(|find| (&find.read, &find.input)))
                {
                    assert!(!service.operations[read].mutating, "{name} reads by {read}");
                    let known = members(read);
                    for member in input.keys() {
                        assert!(known.contains(member), "{name}: {read} has no {member}");
                    }
                }
                let path = effect.list.as_deref().or(effect.at.as_deref()).expect("a place in the answer");
                assert!(shape_at(service, &effect.read, path).is_some(), "{name}: {path}");
            }
        }
    }

    #[test]
    fn documents_and_lists_are_compared_by_what_they_say() {
        use serde_json::json;
        assert!(same(&json!("{\"a\": [1]}"), &json!({"a": [1]})));
        assert!(!same(&json!("{\"a\": [2]}"), &json!({"a": [1]})));
        assert!(same(
            &json!([{"Key": "b", "Value": "2"}]),
            &json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
        ));
    }
}
