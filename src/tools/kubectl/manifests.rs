//! Objects from files, folders and standard input.

use std::io::ErrorKind;

use serde_json::Value;

use super::error::Failure;
use super::options::duration::quote;
use super::print::json;
use super::session::Session;

/// How deep `-R` goes into folders.
const DEPTH: usize = 32;

/// Reads the objects that `-f` names, or builds those of the kustomization that `-k` names; a `List` counts as what it holds.
///
/// # Errors
/// When a file is not there or holds no objects.
pub async fn read(session: &Session) -> Result<Vec<(Value, String)>, Failure> {
    let mut objects = Vec::new();
    let validated = matches!(session.options.text("validate"), "true" | "strict" | "warn");
    let folder = session.options.text("kustomize");
    if !folder.is_empty() {
        if !session.options.all("filename").is_empty() {
            return Err(Failure::message("only one of -f or -k can be specified"));
        }
        let built = super::verbs::built_kustomization(session, folder).await?;
        return Ok(built.into_iter().map(|object| (object, folder.to_owned())).collect());
    }
    for name in session.options.all("filename") {
        if name == "-" {
            let bytes = session.read_stdin().await?;
            let mut read = Vec::new();
            decode(&String::from_utf8_lossy(&bytes), "STDIN", validated, &mut read)?;
            objects.extend(read.into_iter().map(|value| (value, "STDIN".to_owned())));
        } else if name.starts_with("http://") || name.starts_with("https://") {
            return Err(Failure::message(format!(
                "{name} is refused: manifests come from files, nothing is downloaded"
            )));
        } else {
            let mut files = Vec::new();
            find(session, name, session.options.on("recursive"), true, DEPTH, &mut files)?;
            if files.is_empty() {
                return Err(Failure::message(format!(
                    "error reading [{name}]: recognized file extensions are [.json .yaml .yml]"
                )));
            }
            for file in files {
                let text = session
                    .files()
                    .read_to_string(&file)
                    .map_err(|error| Failure::message(format!("open {file}: {}", reason(&error))))?;
                let mut read = Vec::new();
                decode(&text, &file, validated, &mut read)?;
                objects.extend(read.into_iter().map(|value| (value, file.clone())));
            }
        }
    }
    Ok(objects)
}

/// The system's words for what is wrong with a file, as Go tells them.
pub fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "no such file or directory".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        ErrorKind::IsADirectory => "is a directory".into(),
        _ => error.to_string(),
    }
}

fn find(
    session: &Session,
    path: &str,
    recursive: bool,
    named: bool,
    depth: usize,
    files: &mut Vec<String>,
) -> Result<(), Failure> {
    let metadata = session.files().metadata(path).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Failure::message(format!("the path {} does not exist", quote(path))),
        _ => Failure::message(format!("the path {} cannot be accessed: {}", quote(path), reason(&error))),
    })?;
    if !metadata.is_dir() {
        if named || [".json", ".yaml", ".yml"].iter().any(|ending| path.ends_with(ending)) {
            files.push(path.to_owned());
        }
        return Ok(());
    }
    if depth == 0 || !(named || recursive) {
        return Ok(());
    }
    let names =
        session.files().names_in(path).map_err(|error| Failure::message(format!("open {path}: {}", reason(&error))))?;
    for name in names {
        find(session, &format!("{}/{name}", path.trim_end_matches('/')), recursive, false, depth - 1, files)?;
    }
    Ok(())
}

/// Reads YAML documents or JSON values one after the other. `validated`: whether the command looks at them as `--validate` has it.
///
/// # Errors
/// When the text is neither, or a document says not what it is.
pub fn decode(text: &str, source: &str, validated: bool, objects: &mut Vec<Value>) -> Result<(), Failure> {
    for value in documents(text).map_err(|why| {
        Failure::message(format!("error parsing {source}: error converting YAML to JSON: yaml: {why}"))
    })? {
        if value.is_null() {
            continue;
        }
        add(value, source, validated, objects)?;
    }
    Ok(())
}

fn add(value: Value, source: &str, validated: bool, objects: &mut Vec<Value>) -> Result<(), Failure> {
    let missing = |field: &str| {
        Failure::message(format!(
            "unable to decode {}: Object '{field}' is missing in '{}'",
            quote(source),
            json::compact(&value)
        ))
    };
    let is_set = |field: &str| value[field].as_str().is_some_and(|text| !text.is_empty());
    let unset: Vec<&str> = ["apiVersion", "kind"].into_iter().filter(|field| !is_set(field)).collect();
    if validated && !unset.is_empty() {
        let told: Vec<String> = unset.iter().map(|field| format!("{field} not set")).collect();
        let told = if told.len() > 1 { format!("[{}]", told.join(", ")) } else { told.concat() };
        return Err(Failure::message(format!(
            "error validating {}: error validating data: {told}; if you choose to ignore these errors, turn validation off with --validate=false",
            quote(source)
        )));
    }
    let Some(kind) = value["kind"].as_str().filter(|kind| !kind.is_empty()) else { return Err(missing("Kind")) };
    if !is_set("apiVersion") {
        return Err(missing("apiVersion"));
    }
    if kind.ends_with("List")
        && let Some(items) = value["items"].as_array()
    {
        return items.iter().try_for_each(|item| add(item.clone(), source, validated, objects));
    }
    objects.push(value);
    Ok(())
}

/// The documents of a YAML or JSON text.
///
/// # Errors
/// What is wrong, with its line.
pub fn documents(text: &str) -> Result<Vec<Value>, String> {
    if text.trim_start().starts_with(['{', '[']) {
        let stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
        if let Ok(values) = stream.collect::<Result<Vec<Value>, _>>() {
            return Ok(values);
        }
    }
    // Documents are told apart here, so that an empty one is no error and a list of them needs no trick.
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        let separator = line.trim_end() == "---" || line.starts_with("--- ");
        if separator {
            documents.push(String::new());
        } else if let Some(last) = documents.last_mut() {
            last.push_str(line);
        }
    }
    // As Go's library has it, the last of several with the same name counts.
    let options = serde_saphyr::options! { duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins };
    documents
        .iter()
        .filter(|document| document.lines().any(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')))
        .map(|document| {
            serde_saphyr::from_str_with_options::<Value>(document, options.clone())
                .map_err(|error| in_go(&error.to_string(), document))
        })
        .collect()
}

/// What is wrong with a YAML text in the words of Go's library, as far as they are the same thing: its line, and what was
/// looked for there. That library counts the lines of some mistakes from nought, and leaves out the first.
fn in_go(error: &str, text: &str) -> String {
    let first = error.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let Some((place, why)) = first.split_once(": ") else { return first.to_owned() };
    let line: Option<usize> = place.strip_prefix("line ").and_then(|at| at.split(' ').next()?.parse().ok());
    let line = line.unwrap_or_default();
    let (line, why) = match why {
        "unclosed bracket '{'" => (line, "did not find expected ',' or '}'"),
        "unclosed bracket '['" => (line, "did not find expected ',' or ']'"),
        "unclosed quote" => (text.lines().count() + 1, "found unexpected end of stream"),
        why if why.ends_with("did not find expected key") => (line.saturating_sub(1), "did not find expected key"),
        why if why.contains("simple key") && why.contains(':') => (line + 1, "could not find expected ':'"),
        why if why.starts_with("unexpected character") => {
            (if line == 1 { 0 } else { line }, "found character that cannot start any token")
        }
        why if why.starts_with("mapping values are not allowed") => (if line == 1 { 0 } else { line }, why),
        why => (line, why),
    };
    if line == 0 { why.to_owned() } else { format!("line {line}: {why}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn documents_are_told_apart() {
        let text = "# head\n---\napiVersion: v1\nkind: A\n---\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B}\n";
        let mut objects = Vec::new();
        decode(text, "x.yaml", true, &mut objects).unwrap();
        assert_eq!(objects, [json!({"apiVersion": "v1", "kind": "A"}), json!({"apiVersion": "v1", "kind": "B"})]);
        decode(
            "{\"apiVersion\":\"v1\",\"kind\":\"C\"}\n{\"apiVersion\":\"v1\",\"kind\":\"D\"}",
            "-",
            true,
            &mut objects,
        )
        .unwrap();
        assert_eq!(objects.len(), 4);
    }

    #[test]
    fn a_document_says_what_it_is() {
        let failure = decode("a: 1\n", "x.yaml", false, &mut Vec::new()).unwrap_err();
        assert_eq!(failure.report().0, "error: unable to decode \"x.yaml\": Object 'Kind' is missing in '{\"a\":1}'\n");
    }
}
