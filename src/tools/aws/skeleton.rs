//! `--generate-cli-skeleton`: what an input or an output looks like, without a call.

use serde_json::{Map, Value, json};

use super::model::{Kind, Service};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Skeleton {
    /// An input to fill in, as JSON.
    Input,
    /// The same as YAML with comments.
    YamlInput,
    /// An answer, in the output format.
    Output,
}

/// The words for it.
pub(super) const CHOICES: &[&str] = &["input", "output", "yaml-input"];

impl Skeleton {
    /// By its word; none is `input`.
    pub fn named(word: Option<&str>) -> Self {
        match word {
            Some("output") => Self::Output,
            Some("yaml-input") => Self::YamlInput,
            _ => Self::Input,
        }
    }
}

/// A value of a shape as botocore's `ArgumentGenerator` makes it. Of a choice it is the first; an answer's strings are
/// the names of their members.
pub(super) fn value(service: &Service, shape: Option<&str>, output: bool) -> Value {
    let maker = Maker { service, output };
    shape.map_or_else(|| json!({}), |shape| maker.make(shape, "", &mut Vec::new()))
}

struct Maker<'a> {
    service: &'a Service,
    output: bool,
}

impl<'a> Maker<'a> {
    fn make(&self, name: &'a str, called: &str, above: &mut Vec<&'a str>) -> Value {
        let shape = self.service.shape(name);
        match shape.kind {
            Kind::Structure => {
                if above.contains(&name) {
                    return json!({});
                }
                above.push(name);
                let members = shape
                    .members
                    .iter()
                    .map(|member| (member.name.clone(), self.make(&member.shape, &member.name, above)));
                let made = Value::Object(members.collect());
                above.pop();
                made
            }
            Kind::List => {
                let inner = shape.member.as_deref().unwrap_or("string");
                let called = if self.output { shape.called.as_deref().unwrap_or(inner) } else { "" };
                json!([self.make(inner, called, above)])
            }
            Kind::Map => {
                let inner = shape.value.as_deref().unwrap_or("string");
                Value::Object(Map::from_iter([("KeyName".to_owned(), self.make(inner, "", above))]))
            }
            Kind::String if self.output => json!(called),
            Kind::String => json!(shape.choices.first().map_or("", String::as_str)),
            Kind::Integer | Kind::Long => json!(0),
            Kind::Float | Kind::Double => json!(0.0),
            Kind::Boolean => json!(true),
            Kind::Timestamp => json!("1970-01-01T00:00:00"),
            Kind::Blob => Value::Null,
        }
    }
}

/// An input as YAML: each member with a comment that says whether it must be there, and what it may be.
pub(super) fn yaml(service: &Service, shape: Option<&str>) -> String {
    let mut out = String::new();
    if let Some(shape) = shape {
        write_members(service, shape, 0, &mut Vec::new(), &mut out);
    }
    if out.is_empty() { "{}\n".to_owned() } else { out }
}

fn write_members<'a>(service: &'a Service, name: &'a str, depth: usize, above: &mut Vec<&'a str>, out: &mut String) {
    above.push(name);
    for member in &service.shape(name).members {
        let shape = service.shape(&member.shape);
        let mut comment = Vec::new();
        if member.required {
            comment.push("[REQUIRED]".to_owned());
        }
        if !shape.choices.is_empty() {
            comment.push(format!("Valid values are: {}.", shape.choices.join(", ")));
        }
        let comment = if comment.is_empty() { String::new() } else { format!(" # {}", comment.join(" ")) };
        let start = out.len();
        write(service, &member.shape, &member.name, depth, above, out);
        // The comment stands at the end of the member's first line.
        let end = out[start..].find('\n').map_or(out.len(), |at| start + at);
        out.insert_str(end, &comment);
    }
    above.pop();
}

fn write<'a>(service: &'a Service, name: &'a str, key: &str, depth: usize, above: &mut Vec<&'a str>, out: &mut String) {
    let indent = "  ".repeat(depth);
    let shape = service.shape(name);
    match shape.kind {
        Kind::Structure if above.contains(&name) => out.push_str(&format!("{indent}{key}: {{}}\n")),
        Kind::Structure => {
            out.push_str(&format!("{indent}{key}:\n"));
            write_members(service, name, depth + 1, above, out);
        }
        Kind::Map => {
            out.push_str(&format!("{indent}{key}:\n"));
            write(service, shape.value.as_deref().unwrap_or("string"), "KeyName", depth + 1, above, out);
        }
        Kind::List => {
            out.push_str(&format!("{indent}{key}:\n"));
            let inner = shape.member.as_deref().unwrap_or("string");
            let mut item = String::new();
            if service.shape(inner).kind == Kind::Structure && !above.contains(&inner) {
                write_members(service, inner, depth + 1, above, &mut item);
                // The first member stands behind the dash.
                let text = item.trim_start();
                out.push_str(&format!("{indent}- {text}"));
            } else {
                write(service, inner, "", 0, above, &mut item);
                out.push_str(&format!("{indent}- {}", item.trim_start_matches(": ")));
            }
        }
        Kind::String => {
            let first = shape.choices.first().map_or("''", String::as_str);
            out.push_str(&format!("{indent}{key}: {first}\n"));
        }
        Kind::Integer | Kind::Long => out.push_str(&format!("{indent}{key}: 0\n")),
        Kind::Float | Kind::Double => out.push_str(&format!("{indent}{key}: 0.0\n")),
        Kind::Boolean => out.push_str(&format!("{indent}{key}: true\n")),
        Kind::Timestamp => out.push_str(&format!("{indent}{key}: 1970-01-01 00:00:00\n")),
        Kind::Blob => out.push_str(&format!("{indent}{key}: !!binary ''\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::model;
    use super::*;

    #[test]
    fn skeletons_have_every_member_in_order() {
        let eks = model::service("eks").unwrap();
        let input = value(eks, Some("CreatePodIdentityAssociationRequest"), false);
        let keys: Vec<_> = input.as_object().unwrap().keys().collect();
        let members: Vec<_> =
            eks.shape("CreatePodIdentityAssociationRequest").members.iter().map(|member| &member.name).collect();
        assert_eq!(keys, members);
        assert_eq!(input["tags"], json!({"KeyName": ""}));
        assert_eq!(input["disableSessionTags"], json!(true));
        let output = value(eks, Some("ListClustersResponse"), true);
        assert_eq!(output, json!({"clusters": ["String"], "nextToken": "nextToken"}));
    }

    #[test]
    fn every_yaml_skeleton_is_yaml_and_as_the_json_one() {
        for name in model::SERVICES {
            let service = model::service(name).unwrap();
            for (operation, entry) in &service.operations {
                let text = yaml(service, entry.input.as_deref());
                let read: Value =
                    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{operation}: {error}\n{text}"));
                let json = value(service, entry.input.as_deref(), false);
                assert_eq!(shape_of(&read), shape_of(&json), "{operation}\n{text}");
            }
        }
        let text = yaml(model::service("eks").unwrap(), Some("DescribeClusterRequest"));
        assert_eq!(text, "name: '' # [REQUIRED]\n");
    }

    /// The keys and kinds of a value.
    fn shape_of(value: &Value) -> Value {
        match value {
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), shape_of(value))).collect::<Map<_, _>>().into()
            }
            Value::Array(all) => all.iter().map(shape_of).collect(),
            _ => Value::Null,
        }
    }
}
