//! `configMapGenerator` and `secretGenerator`, and the hashes behind the names of what they make.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::kustomization::{Generator, GeneratorOptions};
use super::resource::{Behavior, Resource, sorted};

/// Reads the content of a file of the kustomization.
pub(super) type Read<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

/// Makes a ConfigMap or a Secret.
///
/// # Errors
/// When a source is not there or says nothing sensible.
pub(super) fn generate(
    kind: &str,
    generator: &Generator,
    global: Option<&GeneratorOptions>,
    read: Read<'_>,
) -> Result<Resource, String> {
    if generator.name.is_empty() {
        return Err(
            if kind == "Secret" { "a secret must have a name" } else { "a configmap must have a name" }.to_owned()
        );
    }
    let pairs = sources(kind, generator, read)?;
    let mut value = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": generator.name}});
    let secret = kind == "Secret";
    if secret {
        let of = if generator.secret_type.is_empty() { "Opaque" } else { &generator.secret_type };
        value["type"] = of.into();
    }
    let (mut data, mut binary) = (Map::new(), Map::new());
    for (key, content) in pairs {
        if secret {
            data.insert(key, folded_base64(&content).into());
        } else {
            match String::from_utf8(content) {
                Ok(text) => data.insert(key, text.into()),
                Err(bytes) => binary.insert(key, folded_base64(bytes.as_bytes()).into()),
            };
        }
    }
    for (field, entries) in [("data", data), ("binaryData", binary)] {
        if !entries.is_empty() {
            value[field] = Value::Object(entries);
        }
    }
    let options = generator.options.as_ref();
    let both = || options.into_iter().chain(global);
    if both().any(|options| options.immutable) {
        value["immutable"] = true.into();
    }
    let mut resource = Resource::new(value);
    resource.set_meta("namespace", &generator.namespace);
    let texts = |of: fn(&GeneratorOptions) -> Option<&BTreeMap<String, String>>| {
        let mut texts = Map::new();
        for (key, text) in both().filter_map(of).flatten() {
            texts.entry(key.clone()).or_insert_with(|| text.clone().into());
        }
        texts
    };
    resource.set_texts("labels", texts(|options| options.labels.as_ref()));
    resource.set_texts("annotations", texts(|options| options.annotations.as_ref()));
    resource.hashed = !both().any(|options| options.disable_name_suffix_hash);
    resource.behavior = match generator.behavior.as_str() {
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        _ => Behavior::Create,
    };
    Ok(resource)
}

/// The keys and contents that a generator's sources give, in the order of the sources.
fn sources(kind: &str, generator: &Generator, read: Read<'_>) -> Result<Vec<(String, Vec<u8>)>, String> {
    let mut pairs: Vec<(String, Vec<u8>)> = Vec::new();
    let env = (!generator.env.is_empty()).then_some(&generator.env);
    for file in generator.envs.iter().flatten().chain(env) {
        let content = read(file).map_err(|why| format!("loading KV pairs: env source files: [{file}]: {why}"))?;
        let text = String::from_utf8(content)
            .map_err(|_| format!("loading KV pairs: env source files: [{file}]: line 1 has invalid utf8 bytes"))?;
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').ok_or_else(|| {
                format!("loading KV pairs: env source files: [{file}]: {line} would take its value from the environment, which a lesson's build does not see: write {line}=VALUE")
            })?;
            pairs.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    for literal in generator.literals.iter().flatten() {
        let wrong = || {
            format!(
                "loading KV pairs: literal sources [{literal}]: invalid literal source {literal}, expected key=value"
            )
        };
        let (key, value) = literal.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
        let quoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
        pairs.push((key.to_owned(), quoted.unwrap_or(value).as_bytes().to_vec()));
    }
    for source in generator.files.iter().flatten() {
        let wrong = |why: &str| format!("loading KV pairs: file sources: [{source}]: {why}");
        let (key, path) = match source.split_once('=') {
            None => (source.rsplit('/').next().unwrap_or(source), source.as_str()),
            Some(("", _)) => {
                return Err(wrong(&format!("missing key name for file path {:?} in source {source:?}", &source[1..])));
            }
            Some((_, "")) => {
                return Err(wrong(&format!(
                    "missing file path for key name {:?} in source {source:?}",
                    source.trim_end_matches('=')
                )));
            }
            Some((_, path)) if path.contains('=') => return Err(wrong("key names or file paths cannot contain '='")),
            Some(both) => both,
        };
        pairs.push((key.to_owned(), read(path).map_err(|why| wrong(&why))?));
    }
    let kind = kind.to_lowercase();
    let mut seen = std::collections::HashSet::new();
    for (key, _) in &pairs {
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c)) {
            return Err(format!("{key:?} is not a valid key name for a {kind}"));
        }
        if !seen.insert(key) {
            return Err(format!("{kind} {} illegally repeats the key `{key}`", generator.name));
        }
    }
    Ok(pairs)
}

/// Base64 in lines of 70 characters, as soon as it is longer than that.
fn folded_base64(content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    if encoded.len() < 70 {
        return encoded;
    }
    let mut folded = String::new();
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, more) = rest.split_at(rest.len().min(70));
        folded.push_str(line);
        folded.push('\n');
        rest = more;
    }
    folded
}

/// Adds what a generator made to what is there, as its behavior says.
///
/// # Errors
/// When what it replaces is missing, or what it creates is there.
pub(super) fn absorb(resources: &mut Vec<Resource>, mut made: Resource) -> Result<(), String> {
    let id = made.id();
    let mut places = (0..resources.len()).filter(|at| resources[*at].ids().iter().any(|other| other.equals(&id)));
    let place = places.next();
    let several = places.next().is_some();
    let Some(old) = place.and_then(|place| resources.get_mut(place)) else {
        return match made.behavior {
            Behavior::Create => super::resource::append(resources, made),
            _ => Err(format!("id {} does not exist; cannot merge or replace", go_syntax(&id))),
        };
    };
    if several {
        return Err(format!("found multiple objects that could accept merge of {id}"));
    }
    if made.behavior == Behavior::Create {
        return Err(format!("id {} exists; behavior must be merge or replace", go_syntax(&id)));
    }
    for field in ["labels", "annotations"] {
        let mut texts = old.texts(field);
        texts.extend(made.texts(field));
        made.set_texts(field, texts);
    }
    if made.behavior == Behavior::Merge {
        for field in ["data", "binaryData"] {
            let mut entries = old.value[field].as_object().cloned().unwrap_or_default();
            entries.extend(made.value[field].as_object().cloned().unwrap_or_default());
            if !entries.is_empty() {
                made.value[field] = Value::Object(entries);
            }
        }
    }
    let (name, namespace) = (old.name().to_owned(), old.meta("namespace").to_owned());
    made.set_meta("name", &name);
    made.set_meta("namespace", &namespace);
    made.previous = std::mem::take(&mut old.previous);
    made.prefixes = std::mem::take(&mut old.prefixes);
    made.suffixes = std::mem::take(&mut old.suffixes);
    made.behavior = old.behavior;
    made.hashed &= old.hashed;
    *old = made;
    Ok(())
}

/// An id as Go prints the struct.
fn go_syntax(id: &super::resource::Id) -> String {
    let gvk = &id.gvk;
    format!(
        "resid.ResId{{Gvk:resid.Gvk{{Group:{:?}, Version:{:?}, Kind:{:?}, isClusterScoped:{}}}, Name:{:?}, Namespace:{:?}}}",
        gvk.group,
        gvk.version,
        gvk.kind,
        gvk.is_cluster_scoped(),
        id.name,
        id.namespace
    )
}

/// Puts the hash of its content behind the name of an object.
pub(super) fn add_hash(resource: &mut Resource) {
    let kind = resource.gvk().kind;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let or_empty = |value: &Value| if value.is_object() { value.clone() } else { Value::String(text(value)) };
    let value = &resource.value;
    // The fields are sorted by name, as Go does it; what a name stands for is in kustomize's api/hasher.
    let mut hashed = BTreeMap::from([
        ("kind", Value::String(kind.clone())),
        // Kustomize looks for a field called `metadata/name`, which no object has.
        ("name", Value::String(String::new())),
        ("data", or_empty(&value["data"])),
    ]);
    let more = if kind == "Secret" { "stringData" } else { "binaryData" };
    if value[more].is_object() {
        hashed.insert(more, value[more].clone());
    }
    if kind == "Secret" {
        hashed.insert("type", Value::String(text(&value["type"])));
    }
    let mut json =
        serde_json::to_string(&hashed.iter().map(|(key, value)| (*key, sorted(value))).collect::<BTreeMap<_, _>>())
            .unwrap_or_default();
    for (c, escape) in
        [("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u{2028}", "\\u2028"), ("\u{2029}", "\\u2029")]
    {
        json = json.replace(c, escape);
    }
    json = json.replace("\\b", "\\u0008").replace("\\f", "\\u000c");
    let digest = Sha256::digest(json.as_bytes());
    let hex: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    let hash: String = hex
        .chars()
        .map(|c| match c {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect();
    let name = format!("{}-{hash}", resource.name());
    resource.remember();
    resource.set_meta("name", &name);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_give_keys_and_values() {
        let generator = Generator {
            literals: Some(vec!["a=1=2".into(), "b='x y'".into()]),
            envs: Some(vec!["e".into()]),
            files: Some(vec!["f/g.txt".into(), "k=h".into()]),
            ..Generator::default()
        };
        let read = |path: &str| {
            Ok(match path {
                "e" => b"# c\n\n  X=y z\n".to_vec(),
                other => other.as_bytes().to_vec(),
            })
        };
        let pairs: Vec<(String, String)> = sources("ConfigMap", &generator, &read)
            .unwrap()
            .into_iter()
            .map(|(key, value)| (key, String::from_utf8(value).unwrap()))
            .collect();
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("X", "y z"), ("a", "1=2"), ("b", "x y"), ("g.txt", "f/g.txt"), ("k", "h")]);
    }

    #[test]
    fn long_base64_is_folded() {
        assert_eq!(folded_base64(b"x"), "eA==");
        let lines: Vec<usize> = folded_base64(&[0; 60]).lines().map(str::len).collect();
        assert_eq!(lines, [70, 10]);
    }
}
