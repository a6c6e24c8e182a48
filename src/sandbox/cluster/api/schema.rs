//! The types of the built-in kinds: which fields there are, of what type, and how lists are merged. Read from a table.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use super::quantity::Quantity;

static TEXT: &str = include_str!("schema/types.txt");

static TYPES: LazyLock<HashMap<&'static str, HashMap<&'static str, Field>>> = LazyLock::new(|| {
    let mut types: HashMap<&'static str, HashMap<&'static str, Field>> = HashMap::new();
    let mut current = "";
    for line in TEXT.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        if let Some(field) = line.strip_prefix(' ') {
            let mut words = field.split(' ');
            let (Some(name), Some(of)) = (words.next(), words.next()) else { continue };
            let mut entry = Field {
                of: Type(of.trim_start_matches('!')),
                listed: List::Atomic,
                patch: None,
                retain: false,
                atomic: false,
                required: of.starts_with('!'),
            };
            for word in words {
                match word.split_once('=') {
                    Some(("map", keys)) => entry.listed = List::Map(keys),
                    Some(("patch", how)) => {
                        let (key, retain) = how.split_once(',').map_or((how, false), |(key, _)| (key, true));
                        entry.patch = Some(key);
                        entry.retain = retain;
                    }
                    _ if word == "set" => entry.listed = List::Set,
                    _ if word == "retain" => entry.retain = true,
                    _ if word == "atomic" => entry.atomic = true,
                    _ => {}
                }
            }
            types.entry(current).or_default().insert(name, entry);
        } else {
            current = line;
            types.entry(current).or_default();
        }
    }
    types
});

/// A type: a name of the table, or `string`, `[]T`, `{}T`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Type(&'static str);

/// How a list is merged by server-side apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// As a whole.
    Atomic,
    /// As a set of distinct values.
    Set,
    /// By the fields named here, separated by commas.
    Map(&'static str),
}

/// A field of a type.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its type.
    pub of: Type,
    /// How it is merged if it is a list.
    pub listed: List,
    /// By which field strategic merge patches merge the list: `.` for a set of plain values; `None` replaces it.
    pub patch: Option<&'static str>,
    /// Whether `$retainKeys` applies.
    pub retain: bool,
    /// Whether an object or map is replaced as a whole by server-side apply.
    pub atomic: bool,
    /// Whether the type's schema requires it.
    pub required: bool,
}

impl Type {
    /// The type of that name in the table.
    pub fn named(name: &'static str) -> Self {
        Self(name)
    }

    /// The type of that name, if the table has it: `apps.v1.Deployment`.
    pub fn find(name: &str) -> Option<Self> {
        TYPES.get_key_value(name).map(|(name, _)| Self(name))
    }

    /// The field of that name: of the struct, or any key of a map.
    pub fn field(self, name: &str) -> Option<Field> {
        if let Some(item) = self.0.strip_prefix("{}") {
            return Some(Field {
                of: Type(item),
                listed: List::Atomic,
                patch: None,
                retain: false,
                atomic: false,
                required: false,
            });
        }
        TYPES.get(self.0)?.get(name).copied()
    }

    /// The fields of a struct, by name.
    pub fn fields(self) -> Vec<(&'static str, Field)> {
        let mut fields: Vec<_> = TYPES.get(self.0).into_iter().flatten().map(|(name, field)| (*name, *field)).collect();
        fields.sort_unstable_by_key(|(name, _)| *name);
        fields
    }

    /// The type of a list's items.
    pub fn item(self) -> Option<Type> {
        self.0.strip_prefix("[]").map(Type)
    }

    /// The name of a struct, or of a plain type.
    pub fn name(self) -> &'static str {
        self.0
    }

    /// The type of a map's values.
    pub fn values(self) -> Option<Type> {
        self.0.strip_prefix("{}").map(Type)
    }

    /// Whether it is a struct of the table.
    #[cfg(test)]
    pub fn is_struct(self) -> bool {
        TYPES.contains_key(self.0)
    }

    /// Whether anything may be in it.
    pub fn is_any(self) -> bool {
        self.0 == "any"
    }

    /// Go's name of the struct, as its JSON decoder's messages have it.
    fn go_name(self) -> &'static str {
        self.0.rsplit('.').next().unwrap_or(self.0)
    }
}

/// What is wrong with an object by its type.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Fields that the type does not have: `spec.replicaz`.
    pub unknown: Vec<String>,
    /// The first value of a wrong type, in the words of Go's decoder.
    pub mistyped: Option<String>,
}

/// Compares an object with its type. Fields that do not exist are taken out of it, as the decoder drops them, and amounts get
/// their canonical form.
pub fn check(object: &mut Value, of: Type) -> Findings {
    let mut findings = Findings::default();
    walk(object, of, "", "", of.go_name(), &mut findings);
    findings
}

fn walk(value: &mut Value, of: Type, path: &str, go_path: &str, owner: &str, findings: &mut Findings) {
    let mut wrong = |value: &Value, go: &str| {
        let what = match value {
            Value::Null => return,
            Value::Bool(_) => "bool".to_owned(),
            Value::Number(number) if go.starts_with("int") => format!("number {number}"),
            Value::Number(_) => "number".to_owned(),
            Value::String(_) => "string".to_owned(),
            Value::Array(_) => "array".to_owned(),
            Value::Object(_) => "object".to_owned(),
        };
        let message = if go_path.is_empty() {
            format!("json: cannot unmarshal {what} into Go value of type {go}")
        } else {
            format!("json: cannot unmarshal {what} into Go struct field {owner}.{go_path} of type {go}")
        };
        findings.mistyped.get_or_insert(message);
    };
    if value.is_null() {
        return;
    }
    if let Some(item) = of.item() {
        let Value::Array(items) = value else { return wrong(value, &go_type(of)) };
        for (at, one) in items.iter_mut().enumerate() {
            walk(one, item, &format!("{path}[{at}]"), go_path, owner, findings);
        }
        return;
    }
    if let Some(item) = of.0.strip_prefix("{}") {
        let Value::Object(entries) = value else { return wrong(value, &go_type(of)) };
        for (key, one) in entries {
            walk(one, Type(item), &format!("{path}.{key}"), go_path, owner, findings);
        }
        return;
    }
    if of.0 == "quantity" && (value.is_string() || value.is_number()) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        match text.parse::<Quantity>() {
            Ok(amount) => *value = amount.to_string().into(),
            Err(why) => drop(findings.mistyped.get_or_insert_with(|| why.to_owned())),
        }
        return;
    }
    let Some(fields) = TYPES.get(of.0) else {
        let fits = match of.0 {
            "string" | "time" | "bytes" => value.is_string(),
            "bool" => value.is_boolean(),
            "int32" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "int64" => value.is_i64() || value.is_u64(),
            "float64" => value.is_number(),
            "int-or-string" => value.is_string() || value.is_number(),
            "quantity" => false,
            _ => true,
        };
        if !fits {
            wrong(value, &go_type(of));
        }
        return;
    };
    let Value::Object(entries) = value else { return wrong(value, &go_type(of)) };
    let name = of.go_name();
    let mut unknown = Vec::new();
    for (key, one) in entries.iter_mut() {
        let below = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match fields.get(key.as_str()) {
            Some(field) => {
                let go_below = if go_path.is_empty() { key.clone() } else { format!("{go_path}.{key}") };
                walk(one, field.of, &below, &go_below, name, findings);
            }
            None => {
                unknown.push(key.clone());
                findings.unknown.push(below);
            }
        }
    }
    for key in unknown {
        entries.shift_remove(&key);
    }
}

fn go_type(of: Type) -> String {
    if let Some(item) = of.item() {
        return format!("[]{}", go_type(item));
    }
    if let Some(item) = of.0.strip_prefix("{}") {
        return format!("map[string]{}", go_type(Type(item)));
    }
    match of.0 {
        "time" => "time.Time".into(),
        "bytes" => "[]uint8".into(),
        "quantity" => "resource.Quantity".into(),
        "int-or-string" => "intstr.IntOrString".into(),
        "string" | "bool" | "int32" | "int64" | "float64" => of.0.into(),
        named => {
            // Packages are named after version, as in v1.PodSpec.
            let mut parts = named.rsplitn(3, '.');
            let (kind, version) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            format!("{version}.{kind}")
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_type_that_a_field_names_exists() {
        let plain =
            ["string", "bool", "int32", "int64", "float64", "quantity", "int-or-string", "time", "bytes", "any"];
        for (name, fields) in TYPES.iter() {
            for (field, entry) in fields {
                let mut of = entry.of.0;
                while let Some(item) = of.strip_prefix("[]").or_else(|| of.strip_prefix("{}")) {
                    of = item;
                }
                assert!(plain.contains(&of) || TYPES.contains_key(of), "{name}.{field}: {of}");
            }
        }
    }

    #[test]
    fn every_built_in_kind_has_its_type() {
        for kind in super::super::kinds::BUILT_IN {
            assert!(kind.schema.is_some_and(|name| Type::named(name).is_struct()), "{}", kind.kind);
        }
    }

    #[test]
    fn unknown_fields_are_named_by_their_path_and_dropped() {
        let mut object = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replicaz": 2, "template": {
            "metadata": {"labels": {"anything": "goes"}},
            "spec": {"containers": [{"name": "c", "imagePullPolcy": "Always"}]}}}});
        let findings = check(&mut object, Type::named("apps.v1.Deployment"));
        assert_eq!(findings.unknown, ["spec.replicaz", "spec.template.spec.containers[0].imagePullPolcy"]);
        assert_eq!(findings.mistyped, None);
        assert_eq!(object["spec"]["template"]["spec"]["containers"], json!([{"name": "c"}]));
    }

    #[test]
    fn wrong_types_are_told_as_go_tells_them() {
        let of = Type::named("apps.v1.Deployment");
        let told = |spec: Value| check(&mut json!({"spec": spec}), of).mistyped.unwrap_or_default();
        assert_eq!(
            told(json!({"replicas": "two"})),
            "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32"
        );
        assert_eq!(
            told(json!({"template": {"spec": {"containers": {}}}})),
            "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container"
        );
    }
}
