//! Which objects a patch or a replacement is for.

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::resource::{Gvk, Id, Resource};

/// The objects that a patch or a replacement is for: all that fit every part that is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct Selector {
    /// The API group, as all of the first five a regular expression for the whole text.
    pub group: String,
    /// The version.
    pub version: String,
    /// The kind.
    pub kind: String,
    /// The name.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// By labels, as `kubectl -l` takes it.
    pub label_selector: String,
    /// By annotations, in the same form.
    pub annotation_selector: String,
}

impl Selector {
    /// The part that names an object, in kustomize's form of ids.
    pub fn id(&self) -> Id {
        let gvk = Gvk { group: self.group.clone(), version: self.version.clone(), kind: self.kind.clone() };
        Id { gvk, name: self.name.clone(), namespace: self.namespace.clone() }
    }

    /// As it is shown in errors: without the parts that are not given.
    pub fn described(&self) -> Value {
        let parts = [
            ("group", &self.group),
            ("version", &self.version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
            ("labelSelector", &self.label_selector),
            ("annotationSelector", &self.annotation_selector),
        ];
        let given = parts.into_iter().filter(|(_, text)| !text.is_empty());
        Value::Object(given.map(|(part, text)| (part.to_owned(), text.clone().into())).collect())
    }

    /// Whether an id fits, all parts being taken by the letter.
    pub fn names(&self, id: &Id) -> bool {
        let fits = |wanted: &str, is: &str| wanted.is_empty() || wanted == is;
        id.gvk.is_selected(&self.id().gvk)
            && fits(&self.name, &id.name)
            && (self.namespace.is_empty() || self.namespace == id.effective_namespace())
    }
}

/// A selector ready for use.
pub(super) struct Matcher<'a> {
    selector: &'a Selector,
    patterns: Vec<(String, Option<Regex>)>,
}

impl<'a> Matcher<'a> {
    /// Reads the regular expressions.
    ///
    /// # Errors
    /// When one is none.
    pub fn new(selector: &'a Selector) -> Result<Self, String> {
        let texts =
            [&selector.group, &selector.version, &selector.kind, &selector.name, &selector.namespace].into_iter();
        let patterns = texts.map(|text| {
            let pattern = (!text.is_empty()).then(|| Regex::new(&format!("^(?:{text})$"))).transpose();
            pattern.map(|pattern| (text.clone(), pattern)).map_err(|error| error.to_string())
        });
        Ok(Self { selector, patterns: patterns.collect::<Result<_, _>>()? })
    }

    fn fits(&self, part: usize, text: &str) -> bool {
        self.patterns.get(part).and_then(|(_, pattern)| pattern.as_ref()).is_none_or(|pattern| pattern.is_match(text))
    }

    /// Whether one of these ids is what the selector names, all of its parts being taken by the letter.
    pub fn names_one(&self, ids: &[Id]) -> bool {
        ids.iter().any(|id| self.selector.names(id))
    }

    fn fits_kind(&self, gvk: &Gvk) -> bool {
        self.fits(0, &gvk.group) && self.fits(1, &gvk.version) && self.fits(2, &gvk.kind)
    }

    /// Whether labels and annotations fit.
    ///
    /// # Errors
    /// When a selector is none.
    pub fn fits_texts(&self, resource: &Resource) -> Result<bool, String> {
        Ok(fits_selector(&self.selector.label_selector, &resource.texts("labels"))?
            && fits_selector(&self.selector.annotation_selector, &resource.texts("annotations"))?)
    }

    /// Whether an object fits: by its first or present name and namespace.
    ///
    /// # Errors
    /// When a selector is none.
    pub fn fits_resource(&self, resource: &Resource) -> Result<bool, String> {
        let (now, first) = (resource.id(), resource.original_id());
        let either = |part: usize, of: fn(&Id) -> &str| self.fits(part, of(&first)) || self.fits(part, of(&now));
        Ok(either(4, Id::effective_namespace)
            && either(3, |id| &id.name)
            && self.fits_kind(&now.gvk)
            && self.fits_texts(resource)?)
    }
}

/// Whether texts by key fit a selector such as `a=b,c in (d,e),!f`.
///
/// # Errors
/// When it is no selector.
pub fn fits_selector(selector: &str, texts: &Map<String, Value>) -> Result<bool, String> {
    let mut requirements = vec![String::new()];
    let mut depth = 0;
    for c in selector.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        match requirements.last_mut() {
            Some(last) if c != ',' || depth > 0 => last.push(c),
            _ => requirements.push(String::new()),
        }
    }
    for requirement in requirements.iter().map(|requirement| requirement.trim()).filter(|text| !text.is_empty()) {
        let wrong = || format!("unable to parse requirement: {requirement}");
        let get = |key: &str| texts.get(key.trim()).and_then(Value::as_str);
        let set = |text: &str| -> Option<Vec<String>> {
            let inner = text.trim().strip_prefix('(')?.strip_suffix(')')?;
            Some(inner.split(',').map(|value| value.trim().to_owned()).collect())
        };
        let fits = if let Some(key) = requirement.strip_prefix('!').filter(|rest| !rest.contains('=')) {
            get(key).is_none()
        } else if let Some((key, value)) = requirement.split_once("!=") {
            get(key) != Some(value.trim())
        } else if let Some((key, value)) = requirement.split_once("==").or_else(|| requirement.split_once('=')) {
            get(key) == Some(value.trim())
        } else if let Some((key, values)) = requirement.split_once(" notin ") {
            let values = set(values).ok_or_else(wrong)?;
            get(key).is_none_or(|is| !values.iter().any(|value| value == is))
        } else if let Some((key, values)) = requirement.split_once(" in ") {
            let values = set(values).ok_or_else(wrong)?;
            get(key).is_some_and(|is| values.iter().any(|value| value == is))
        } else if requirement.contains(char::is_whitespace) {
            return Err(wrong());
        } else {
            get(requirement).is_some()
        };
        if !fits {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn selectors_select() {
        let labels = json!({"a": "1", "b": "2"}).as_object().cloned().unwrap();
        for (selector, expected) in [
            ("a=1", true),
            ("a==1,b!=1", true),
            ("a in (0, 1),!c", true),
            ("a notin (1)", false),
            ("c", false),
            ("b,a=2", false),
            ("", true),
        ] {
            assert_eq!(fits_selector(selector, &labels), Ok(expected), "{selector}");
        }
        assert!(fits_selector("a b", &labels).is_err());
    }
}
