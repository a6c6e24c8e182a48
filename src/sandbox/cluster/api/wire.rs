//! Objects in Kubernetes' protobuf form. kubectl's typed commands (`create configmap`, `auth can-i`, …) send it without
//! asking; answers may be JSON, which they accept as well.
//!
//! An object travels as four bytes of magic and an envelope that names its version and kind
//! (`k8s.io/apimachinery/pkg/runtime.Unknown`), then the message of its type. Which number is which field is a table.

use std::collections::HashMap;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::schema::Type;

/// The media type.
pub const MEDIA: &str = "application/vnd.kubernetes.protobuf";

const MAGIC: &[u8] = b"k8s\0";

/// How deep messages may be in each other.
const DEEPEST: usize = 64;

/// Numbers and truth values that Go's types hold plainly, not behind a pointer: a nought there is sent although it was
/// not set, and JSON would leave it out.
const PLAIN: &[&str] = &[
    "containerPort",
    "hostPort",
    "nodePort",
    "healthCheckNodePort",
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
    "minReadySeconds",
    "generation",
    "observedGeneration",
    "weight",
    "count",
    "hostNetwork",
    "hostPID",
    "hostIPC",
    "stdin",
    "stdinOnce",
    "tty",
    "readOnly",
    "paused",
    "publishNotReadyAddresses",
    "unschedulable",
    "globalDefault",
    "value",
    "currentReplicas",
    "readyReplicas",
    "updatedReplicas",
    "availableReplicas",
    "disruptionsAllowed",
    "currentHealthy",
    "desiredHealthy",
    "expectedPods",
    "allowed",
    "denied",
    "incomplete",
    "authenticated",
];

enum Place {
    /// A field of the object.
    Field(&'static str),
    /// A message whose fields are the object's own.
    Inline(HashMap<u64, &'static str>),
}

static NUMBERS: LazyLock<HashMap<&'static str, HashMap<u64, Place>>> = LazyLock::new(|| {
    let mut types: HashMap<&'static str, HashMap<u64, Place>> = HashMap::new();
    let mut current = "";
    for line in include_str!("schema/wire.txt").lines().filter(|line| !line.starts_with('#')) {
        let Some(field) = line.strip_prefix(' ') else {
            current = line;
            types.entry(current).or_default();
            continue;
        };
        let mut words = field.split(' ');
        let (Some(Ok(number)), Some(name)) = (words.next().map(str::parse), words.next()) else { continue };
        let place = match name {
            "-" => Place::Inline(
                words
                    .filter_map(|word| word.split_once('='))
                    .filter_map(|(n, name)| Some((n.parse().ok()?, name)))
                    .collect(),
            ),
            name => Place::Field(name),
        };
        types.entry(current).or_default().insert(number, place);
    }
    types
});

/// The names of a type's fields in the order of their numbers; none for a type that is not in the table.
pub fn field_order(of: Type) -> Vec<&'static str> {
    let mut places: Vec<_> = NUMBERS.get(of.name()).into_iter().flatten().collect();
    places.sort_unstable_by_key(|(number, _)| **number);
    let mut names = Vec::new();
    for (_, place) in places {
        match place {
            Place::Field(name) => names.push(*name),
            Place::Inline(inner) => {
                let mut inner: Vec<_> = inner.iter().collect();
                inner.sort_unstable_by_key(|(number, _)| **number);
                names.extend(inner.into_iter().map(|(_, name)| *name));
            }
        }
    }
    names
}

/// A value as it is on the wire.
#[derive(Clone, Copy)]
enum Item<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message, in order.
struct Message<'a>(&'a [u8]);

impl Message<'_> {
    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }
}

impl<'a> Message<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    /// The next field; `Ok(None)` at the end.
    fn next(&mut self) -> Result<Option<(u64, Item<'a>)>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let broken = || "unexpected end of a protobuf message".to_owned();
        let key = self.varint().ok_or_else(broken)?;
        let item = match key & 7 {
            0 => Item::Number(self.varint().ok_or_else(broken)?),
            1 => Item::Number(u64::from_le_bytes(
                self.take(8).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)?,
            )),
            2 => {
                let length = self.varint().and_then(|length| usize::try_from(length).ok()).ok_or_else(broken)?;
                Item::Bytes(self.take(length).ok_or_else(broken)?)
            }
            5 => {
                let bytes: [u8; 4] = self.take(4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(broken)?;
                Item::Number(u64::from(u32::from_le_bytes(bytes)))
            }
            other => return Err(format!("protobuf wire type {other} is not known")),
        };
        Ok(Some((key >> 3, item)))
    }

    /// The last value of a field.
    fn last(mut self, wanted: u64) -> Result<Option<Item<'a>>, String> {
        let mut found = None;
        while let Some((number, item)) = self.next()? {
            if number == wanted {
                found = Some(item);
            }
        }
        Ok(found)
    }
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "a protobuf string is not UTF-8".to_owned())
}

fn bytes_of(message: &[u8], number: u64) -> Result<&[u8], String> {
    match Message(message).last(number)? {
        Some(Item::Bytes(bytes)) => Ok(bytes),
        _ => Ok(&[]),
    }
}

/// Reads an object in its envelope as JSON would have it.
///
/// # Errors
/// What is wrong with it.
pub fn read(bytes: &[u8]) -> Result<Value, String> {
    let envelope = bytes.strip_prefix(MAGIC).ok_or("the protobuf envelope's magic number is missing")?;
    let meta = bytes_of(envelope, 1)?;
    let (version, kind) = (text(bytes_of(meta, 1)?)?, text(bytes_of(meta, 2)?)?);
    let raw = bytes_of(envelope, 2)?;
    let (group, short_version) = version.split_once('/').unwrap_or(("", version));
    let group = group.split('.').next().filter(|group| !group.is_empty()).unwrap_or("core");
    let wanted = match kind {
        "DeleteOptions" => "meta.v1.DeleteOptions".to_owned(),
        _ => format!("{group}.{short_version}.{kind}"),
    };
    let known = NUMBERS.keys().find(|name| **name == wanted);
    let of = known.ok_or_else(|| format!("no kind {kind:?} is registered for version {version:?} in protobuf"))?;
    let mut object = Map::new();
    object.insert("apiVersion".into(), version.into());
    object.insert("kind".into(), kind.into());
    fields(raw, Type::named(of), &mut object, DEEPEST)?;
    Ok(Value::Object(object))
}

/// Reads the fields of a message into an object.
fn fields(bytes: &[u8], of: Type, object: &mut Map<String, Value>, depth: usize) -> Result<(), String> {
    if depth == 0 {
        return Err("the object is nested too deeply".into());
    }
    let Some(numbers) = NUMBERS.get(of.name()) else { return Ok(()) };
    let mut message = Message(bytes);
    while let Some((number, item)) = message.next()? {
        match (numbers.get(&number), item) {
            (Some(Place::Field(name)), item) => field(name, item, of, object, depth)?,
            (Some(Place::Inline(inner)), Item::Bytes(bytes)) => {
                let mut message = Message(bytes);
                while let Some((number, item)) = message.next()? {
                    if let Some(name) = inner.get(&number) {
                        field(name, item, of, object, depth)?;
                    }
                }
            }
            // A field of a newer client.
            _ => {}
        }
    }
    Ok(())
}

fn field(name: &str, item: Item<'_>, owner: Type, object: &mut Map<String, Value>, depth: usize) -> Result<(), String> {
    let Some(entry) = owner.field(name) else { return Ok(()) };
    if let Some(of) = entry.of.item() {
        let list = object.entry(name).or_insert_with(|| json!([]));
        let Some(list) = list.as_array_mut() else { return Ok(()) };
        match item {
            // Numbers may come packed.
            Item::Bytes(bytes) if matches!(of.name(), "int32" | "int64" | "bool") => {
                let mut packed = Message(bytes);
                while let Some(number) = (!packed.0.is_empty()).then(|| packed.varint()).flatten() {
                    list.push(value(Item::Number(number), of, depth)?);
                }
            }
            item => list.push(value(item, of, depth)?),
        }
        return Ok(());
    }
    if let Some(of) = entry.of.values() {
        let Item::Bytes(bytes) = item else { return Ok(()) };
        let key = text(bytes_of(bytes, 1)?)?.to_owned();
        let held = match (Message(bytes).last(2)?, of.item()) {
            // A list in a map is a message of its own, with the list in its first field.
            (Some(Item::Bytes(bytes)), Some(of)) => {
                let (mut list, mut message) = (Vec::new(), Message(bytes));
                while let Some((_, item)) = message.next()? {
                    list.push(value(item, of, depth)?);
                }
                Value::Array(list)
            }
            (Some(item), _) => value(item, of, depth)?,
            (None, _) => value(Item::Bytes(&[]), of, depth)?,
        };
        let map = object.entry(name).or_insert_with(|| json!({}));
        if let Some(map) = map.as_object_mut() {
            map.insert(key, held);
        }
        return Ok(());
    }
    let held = value(item, entry.of, depth)?;
    let unset = match &held {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Bool(false) => PLAIN.contains(&name),
        Value::Number(number) => number.as_i64() == Some(0) && PLAIN.contains(&name),
        _ => false,
    };
    if !unset {
        object.insert(name.to_owned(), held);
    }
    Ok(())
}

/// Numbers are sent as two's complement of 64 bits.
fn signed(number: u64) -> i64 {
    i64::from_ne_bytes(number.to_ne_bytes())
}

fn value(item: Item<'_>, of: Type, depth: usize) -> Result<Value, String> {
    Ok(match (of.name(), item) {
        ("bool", Item::Number(number)) => Value::Bool(number != 0),
        ("float64", Item::Number(number)) => json!(f64::from_bits(number)),
        (_, Item::Number(number)) => signed(number).into(),
        ("string", Item::Bytes(bytes)) => text(bytes)?.into(),
        ("bytes", Item::Bytes(bytes)) => BASE64_STANDARD.encode(bytes).into(),
        ("time", Item::Bytes(bytes)) => time(bytes)?,
        ("quantity", Item::Bytes(bytes)) => text(bytes_of(bytes, 1)?)?.into(),
        ("int-or-string", Item::Bytes(bytes)) => match Message(bytes).last(1)? {
            Some(Item::Number(1)) => text(bytes_of(bytes, 3)?)?.into(),
            _ => match Message(bytes).last(2)? {
                Some(Item::Number(number)) => signed(number).into(),
                _ => 0.into(),
            },
        },
        // JSON within: RawExtension, FieldsV1.
        ("any", Item::Bytes(bytes)) => {
            serde_json::from_slice(bytes_of(bytes, 1)?).map_err(|error| format!("JSON within protobuf: {error}"))?
        }
        (_, Item::Bytes(bytes)) => {
            let mut object = Map::new();
            fields(bytes, of, &mut object, depth - 1)?;
            Value::Object(object)
        }
    })
}

/// Seconds and nanoseconds as RFC 3339; no time at all is an empty message.
fn time(bytes: &[u8]) -> Result<Value, String> {
    let number = |wanted| match Message(bytes).last(wanted) {
        Ok(Some(Item::Number(number))) => Ok(signed(number)),
        Ok(_) => Ok(0),
        Err(error) => Err(error),
    };
    let (seconds, nanos) = (number(1)?, number(2)?);
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    let nanos = i32::try_from(nanos).map_err(|error| error.to_string())?;
    let at = jiff::Timestamp::new(seconds, nanos).map_err(|error| error.to_string())?;
    let form = if nanos == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%6fZ" };
    Ok(at.strftime(form).to_string().into())
}

#[cfg(test)]
mod tests;
