//! An answer of the wire as the CLI shows it: members in the model's order, absent ones absent, unknown ones left out,
//! moments as ISO 8601, policy documents decoded.

use aws_smithy_xml::decode::{Document, ScopedDecoder, try_data};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use serde_json::{Map, Value};

use super::model::{Kind, Operation, Protocol, Service, Shape};

/// The strings that IAM percent-encodes JSON into.
const POLICY_DOCUMENT: &str = "policyDocumentType";

/// Reads an answer's body.
///
/// # Errors
/// What about the body is not as the protocol has it.
pub(super) fn read(service: &Service, operation: &Operation, body: &[u8], zone: &TimeZone) -> Result<Value, String> {
    let Some(output) = operation.output.as_deref() else { return Ok(Value::Object(Map::new())) };
    let reader = Reader { service, zone };
    match service.protocol {
        Protocol::RestJson => {
            let body = if body.is_empty() { b"{}" } else { body };
            let value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            Ok(reader.json(output, value))
        }
        Protocol::Query => {
            let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
            let mut document = Document::new(text);
            let mut root = document.root_element().map_err(|error| error.to_string())?;
            match operation.wrapper.as_deref() {
                Some(wrapper) => {
                    while let Some(mut child) = root.next_tag() {
                        if child.start_el().local() == wrapper {
                            return reader.xml(output, &mut child);
                        }
                    }
                    Ok(Value::Object(Map::new()))
                }
                None => reader.xml(output, &mut root),
            }
        }
    }
}

struct Reader<'a> {
    service: &'a Service,
    zone: &'a TimeZone,
}

impl Reader<'_> {
    fn json(&self, shape_name: &str, value: Value) -> Value {
        let shape = self.service.shape(shape_name);
        match (shape.kind, value) {
            (_, value) if shape.document => value,
            (Kind::Structure, Value::Object(mut map)) => {
                let members = shape.members.iter().filter_map(|member| {
                    let value = map.remove(&member.name).filter(|value| !value.is_null())?;
                    Some((member.name.clone(), self.json(&member.shape, value)))
                });
                Value::Object(members.collect())
            }
            (Kind::Map, Value::Object(map)) => {
                let inner = shape.value.as_deref().unwrap_or("string");
                Value::Object(map.into_iter().map(|(key, value)| (key, self.json(inner, value))).collect())
            }
            (Kind::List, Value::Array(items)) => {
                let inner = shape.member.as_deref().unwrap_or("string");
                items.into_iter().map(|item| self.json(inner, item)).collect()
            }
            (Kind::Timestamp, Value::Number(seconds)) => seconds
                .as_f64()
                .and_then(|seconds| epoch(seconds, self.zone))
                .map_or(Value::Number(seconds), Value::String),
            (Kind::Timestamp, Value::String(text)) => Value::String(iso(&text)),
            (_, value) => value,
        }
    }

    fn xml(&self, shape_name: &str, element: &mut ScopedDecoder<'_, '_>) -> Result<Value, String> {
        let shape = self.service.shape(shape_name);
        match shape.kind {
            Kind::Structure => {
                let mut found = Map::new();
                while let Some(mut child) = element.next_tag() {
                    let name = child.start_el().local().to_owned();
                    if let Some(member) = shape.members.iter().find(|member| member.name == name) {
                        let value = self.xml(&member.shape, &mut child)?;
                        found.insert(name, value);
                    }
                }
                let ordered = shape.members.iter().filter_map(|member| found.remove_entry(&member.name));
                Ok(Value::Object(ordered.collect()))
            }
            Kind::List => {
                let inner = shape.member.as_deref().unwrap_or("string");
                let mut items = Vec::new();
                while let Some(mut child) = element.next_tag() {
                    items.push(self.xml(inner, &mut child)?);
                }
                Ok(Value::Array(items))
            }
            Kind::Map => self.xml_map(shape, element),
            kind => {
                let text = try_data(element).map_err(|error| error.to_string())?;
                Ok(scalar(kind, shape_name, &text))
            }
        }
    }

    fn xml_map(&self, shape: &Shape, element: &mut ScopedDecoder<'_, '_>) -> Result<Value, String> {
        let inner = shape.value.as_deref().unwrap_or("string");
        let mut out = Map::new();
        while let Some(mut entry) = element.next_tag() {
            let (mut key, mut value) = (String::new(), Value::Null);
            while let Some(mut child) = entry.next_tag() {
                match child.start_el().local() {
                    "key" => key = try_data(&mut child).map_err(|error| error.to_string())?.into_owned(),
                    "value" => value = self.xml(inner, &mut child)?,
                    _ => {}
                }
            }
            out.insert(key, value);
        }
        Ok(Value::Object(out))
    }
}

fn scalar(kind: Kind, shape_name: &str, text: &str) -> Value {
    match kind {
        Kind::Integer | Kind::Long => text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from),
        Kind::Float | Kind::Double => text.parse::<f64>().map_or_else(|_| Value::from(text), Value::from),
        Kind::Boolean => Value::Bool(text == "true"),
        Kind::Timestamp => Value::String(iso(text)),
        _ if shape_name == POLICY_DOCUMENT => policy(text),
        _ => Value::String(text.to_owned()),
    }
}

/// A policy document; what is none stays as it is.
fn policy(text: &str) -> Value {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push(u8::try_from(high * 16 + low).unwrap_or_default());
                rest = &tail[2..];
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Seconds since 1970 as the CLI prints them: in the local time zone, with microseconds if there is a fraction.
pub(super) fn epoch(seconds: f64, zone: &TimeZone) -> Option<String> {
    let micros = (seconds * 1e6).round();
    if micros.abs() > 9e17 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and in range")]
    let moment = Timestamp::from_microsecond(micros as i64).ok()?;
    Some(isoformat(&moment.to_zoned(zone.clone())))
}

/// A moment of the wire's text, written as Python's `isoformat` does. What is none stays as it is.
fn iso(text: &str) -> String {
    if let Ok(seconds) = text.parse::<f64>() {
        return epoch(seconds, &TimeZone::UTC).unwrap_or_else(|| text.to_owned());
    }
    match text.parse::<Timestamp>() {
        Ok(moment) if text.ends_with(['Z', 'z']) => isoformat(&moment.to_zoned(TimeZone::UTC)),
        _ => text.to_owned(),
    }
}

fn isoformat(moment: &Zoned) -> String {
    let format = if moment.subsec_nanosecond() == 0 { "%Y-%m-%dT%H:%M:%S%:z" } else { "%Y-%m-%dT%H:%M:%S.%6f%:z" };
    moment.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::model;
    use super::*;

    #[test]
    fn moments() {
        let utc = TimeZone::UTC;
        assert_eq!(epoch(1_760_145_207.763, &utc).unwrap(), "2025-10-11T01:13:27.763000+00:00");
        assert_eq!(epoch(1_760_145_207.0, &utc).unwrap(), "2025-10-11T01:13:27+00:00");
        let paris = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(epoch(1_760_145_207.0, &paris).unwrap(), "2025-10-11T03:13:27+02:00");
        assert_eq!(epoch(1e300, &utc), None);
        assert_eq!(iso("2025-10-11T01:13:27Z"), "2025-10-11T01:13:27+00:00");
        assert_eq!(iso("tomorrow"), "tomorrow");
    }

    #[test]
    fn json_comes_in_the_models_order_without_what_is_unknown_or_null() {
        let eks = model::service("eks").unwrap();
        let body = json!({"association": {"tags": {"b": "1", "a": "2"}, "clusterName": "c", "new": 1, "createdAt": 1.5, "ownerArn": null}});
        let out =
            read(eks, &eks.operations["DescribePodIdentityAssociation"], body.to_string().as_bytes(), &TimeZone::UTC);
        assert_eq!(
            out.unwrap().to_string(),
            r#"{"association":{"clusterName":"c","tags":{"b":"1","a":"2"},"createdAt":"1970-01-01T00:00:01.500000+00:00"}}"#
        );
    }

    #[test]
    fn xml_comes_in_the_models_order_with_documents_decoded() {
        let iam = model::service("iam").unwrap();
        let body = "<GetRoleResponse xmlns=\"x\"><GetRoleResult><Role><RoleName>r</RoleName><Path>/</Path>\
            <AssumeRolePolicyDocument>%7B%22b%22%3A%20%22%C3%BC%22%2C%22a%22%3A1%7D</AssumeRolePolicyDocument>\
            <MaxSessionDuration>3600</MaxSessionDuration><CreateDate>2026-01-01T00:00:00Z</CreateDate>\
            <Tags><member><Value>&lt;v&gt;</Value><Key>k</Key></member></Tags></Role></GetRoleResult></GetRoleResponse>";
        let out = read(iam, &iam.operations["GetRole"], body.as_bytes(), &TimeZone::UTC).unwrap();
        assert_eq!(
            out.to_string(),
            r#"{"Role":{"Path":"/","RoleName":"r","CreateDate":"2026-01-01T00:00:00+00:00","AssumeRolePolicyDocument":{"b":"ü","a":1},"MaxSessionDuration":3600,"Tags":[{"Key":"k","Value":"<v>"}]}}"#
        );
    }
}
