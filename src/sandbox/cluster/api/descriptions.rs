//! What Kubernetes' API says of its types and their fields, as `kubectl explain` shows it.
//!
//! The texts are Kubernetes' own (Apache-2.0), taken by `assets/kubernetes/describe.py`.

use std::collections::HashMap;
use std::io::Read as _;
use std::sync::LazyLock;

static PACKED: &[u8] = include_bytes!("../../../../assets/kubernetes/descriptions.txt.gz");

static TEXT: LazyLock<String> = LazyLock::new(|| {
    let mut text = String::new();
    // What is part of the program can be unpacked, which a test makes sure of.
    let _ = flate2::read::GzDecoder::new(PACKED).read_to_string(&mut text);
    text
});

/// A type's own text, and those of its fields, with escaped line ends.
#[derive(Default)]
struct Texts {
    own: &'static str,
    fields: HashMap<&'static str, &'static str>,
}

static TYPES: LazyLock<HashMap<&'static str, Texts>> = LazyLock::new(|| {
    let mut types: HashMap<&'static str, Texts> = HashMap::new();
    let mut current = "";
    for line in TEXT.lines() {
        let Some((name, text)) = line.split_once('\t') else { continue };
        match name.strip_prefix(' ') {
            Some(field) => drop(types.entry(current).or_default().fields.insert(field, text)),
            None => {
                current = name;
                types.entry(name).or_default().own = text;
            }
        }
    }
    types
});

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => plain.push('\n'),
                Some(other) => plain.push(other),
                None => {}
            },
            other => plain.push(other),
        }
    }
    plain
}

static ENUMS: &str = include_str!("../../../../assets/kubernetes/enums.txt");

type Values = HashMap<&'static str, HashMap<&'static str, Vec<&'static str>>>;

/// The values that fields may have, by type and field.
static VALUES: LazyLock<Values> = LazyLock::new(|| {
    let mut values = Values::new();
    for line in ENUMS.lines().filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let (Some(name), Some(field)) = (words.next(), words.next()) else { continue };
        let each = words.map(|word| if word == "\"\"" { "" } else { word });
        values.entry(name).or_default().insert(field, each.collect());
    }
    values
});

/// The values that a field of a type may have. None when it may have any.
pub fn values_of(name: &str, field: &str) -> &'static [&'static str] {
    VALUES.get(name).and_then(|fields| fields.get(field)).map_or(&[], Vec::as_slice)
}

/// What is said of a type: `core.v1.PodSpec`. Empty when nothing is.
pub fn of_type(name: &str) -> String {
    TYPES.get(name).map(|texts| unescaped(texts.own)).unwrap_or_default()
}

/// What is said of a field of a type. Empty when nothing is.
pub fn of_field(name: &str, field: &str) -> String {
    TYPES.get(name).and_then(|texts| texts.fields.get(field)).map(|text| unescaped(text)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::kinds::BUILT_IN;
    use super::*;

    #[test]
    fn every_built_in_kind_is_described() {
        for kind in BUILT_IN {
            let name = kind.schema.unwrap_or_default();
            assert!(!of_type(name).is_empty(), "{name}");
        }
    }

    #[test]
    fn values_are_of_fields_that_there_are() {
        for (name, fields) in &*VALUES {
            let known = super::super::schema::Type::named(name).fields();
            for field in fields.keys() {
                assert!(known.iter().any(|(known, _)| known == field), "{name} {field}");
            }
        }
        assert_eq!(values_of("core.v1.PodSpec", "restartPolicy"), ["Always", "Never", "OnFailure"]);
        assert!(values_of("core.v1.PodSpec", "hostname").is_empty());
    }

    #[test]
    fn texts_of_fields() {
        assert!(
            of_field("core.v1.PodSpec", "restartPolicy")
                .starts_with("Restart policy for all containers within the pod.")
        );
        assert!(of_field("core.v1.PodSpec", "os").contains("\n\n"), "paragraphs are kept");
        assert!(of_field("apps.v1.Deployment", "apiVersion").starts_with("APIVersion defines the versioned schema"));
        assert_eq!(of_field("core.v1.PodSpec", "nosuch"), "");
    }
}
