//! `patches`, `patchesStrategicMerge` and `patchesJson6902`.

use serde_json::{Map, Value};

use super::document::{is_null, read, settle};
use super::kustomization::Patch;
use super::resource::{Id, Resource};
use super::select::{Matcher, Selector};
use super::{json_patch, merge};

/// What a patch says.
enum Change {
    /// Objects to merge.
    Merge(Vec<Value>),
    /// Operations of a JSON patch.
    Operations(Vec<Value>),
}

/// Applies a patch; `load` reads its file.
///
/// # Errors
/// When it is none, or finds nothing to change.
pub(super) fn apply(
    resources: &mut Vec<Resource>,
    patch: &Patch,
    load: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(), String> {
    let inline = patch.patch.trim();
    let trouble = |why: String| {
        format!("trouble configuring builtin PatchTransformer with config: `\n{}`: {why}", described(patch))
    };
    let (text, source) = match (inline.is_empty(), patch.path.is_empty()) {
        (true, true) => return Err(trouble(format!("must specify one of patch and path in\n{}", described(patch)))),
        (false, false) => {
            return Err(trouble(format!("patch and path can't be set at the same time\n{}", described(patch))));
        }
        (false, true) => (inline.to_owned(), format!("patch: {inline:?}")),
        (true, false) => {
            let loaded = load(&patch.path);
            let text = loaded
                .map_err(|why| trouble(format!("failed to get the patch file from path({}): {why}", patch.path)))?;
            (text, format!("path: {:?}", patch.path))
        }
    };
    let allowed = |option: &str| patch.options.as_ref().is_some_and(|options| options.get(option) == Some(&true));
    let parsed = parse(&text).ok_or_else(|| trouble(format!("unable to parse SM or JSON patch from [{source}]")))?;
    match parsed {
        Change::Merge(patches) => {
            for change in patches {
                let change = Merge { change, name: allowed("allowNameChange"), kind: allowed("allowKindChange") };
                match &patch.target {
                    None => change.by_id(resources)?,
                    Some(target) => change.by_target(resources, target)?,
                }
            }
            Ok(())
        }
        Change::Operations(operations) => {
            let missing = || format!("must specify a target for JSON patch [{source}]");
            let target = patch.target.as_ref().ok_or_else(missing)?;
            apply_operations(resources, target, &operations)
        }
    }
}

/// Applies what `patchesStrategicMerge` lists: files, or patches themselves.
///
/// # Errors
/// When one is none, or finds nothing to change.
pub(super) fn apply_listed(
    resources: &mut Vec<Resource>,
    listed: &[String],
    load: &dyn Fn(&str) -> Result<String, String>,
) -> Result<(), String> {
    let mut patches = Vec::new();
    for one in listed {
        let text = load(one).unwrap_or_else(|_| one.clone());
        match parse(&text) {
            Some(Change::Merge(several)) => patches.extend(several),
            _ => return Err(format!("unable to parse a strategic merge patch from [{one}]")),
        }
    }
    patches.into_iter().try_for_each(|change| Merge { change, name: false, kind: false }.by_id(resources))
}

/// The patch as kustomize shows it in errors.
fn described(patch: &Patch) -> String {
    let mut shown = Map::new();
    for (field, text) in [("patch", patch.patch.trim()), ("path", &patch.path)] {
        if !text.is_empty() {
            shown.insert(field.to_owned(), text.into());
        }
    }
    if let Some(target) = &patch.target {
        shown.insert("target".to_owned(), target.described());
    }
    if let Some(options) = &patch.options {
        let options = options.iter().map(|(option, set)| (option.clone(), (*set).into()));
        shown.insert("options".to_owned(), Value::Object(options.collect()));
    }
    super::rendered(&Value::Object(shown))
}

/// What a text says, if it is a patch.
fn parse(text: &str) -> Option<Change> {
    let mut documents = read(text).ok()?;
    match documents.first_mut()? {
        Value::Array(operations) => {
            operations.iter_mut().for_each(settle);
            Some(Change::Operations(std::mem::take(operations)))
        }
        _ => {
            let objects = documents.iter().all(|document| super::target::check(document).is_ok());
            objects.then_some(Change::Merge(documents))
        }
    }
}

/// An object to merge into others.
struct Merge {
    change: Value,
    /// Whether it may change names.
    name: bool,
    /// Whether it may change kinds.
    kind: bool,
}

impl Merge {
    fn id(&self) -> Id {
        Resource::new(self.change.clone()).id()
    }

    /// Merges it into the one object that is called as it is.
    fn by_id(&self, resources: &mut Vec<Resource>) -> Result<(), String> {
        let id = self.id();
        let mut places = (0..resources.len()).filter(|at| resources[*at].ids().iter().any(|other| other.equals(&id)));
        let (place, another) = (places.next(), places.next());
        let why = match (place, another) {
            (Some(place), None) => {
                self.apply(&mut resources[place], &self.change)?;
                resources.retain(|resource| !resource.value.is_null());
                return Ok(());
            }
            (Some(_), Some(_)) => "multiple matches for Id",
            _ => "no matches for Id",
        };
        Err(format!(
            "no resource matches strategic merge patch \"{id}\": {why} {id}; failed to find unique target for patch {id}"
        ))
    }

    /// Merges it into all that a target selects.
    fn by_target(&self, resources: &mut Vec<Resource>, target: &Selector) -> Result<(), String> {
        let selected = selected(resources, target)?;
        for (resource, _) in resources.iter_mut().zip(selected).filter(|(_, selected)| *selected) {
            let mut change = self.change.clone();
            if let Some(entries) = change.as_object_mut() {
                entries.insert("apiVersion".to_owned(), resource.value["apiVersion"].clone());
            }
            self.apply(resource, &change)?;
        }
        resources.retain(|resource| !resource.value.is_null());
        Ok(())
    }

    fn apply(&self, resource: &mut Resource, change: &Value) -> Result<(), String> {
        let (name, namespace) = (resource.name().to_owned(), resource.meta("namespace").to_owned());
        let kind = resource.value["kind"].clone();
        if self.name || self.kind {
            resource.remember();
        }
        resource.value = merge::merge(resource.value.take(), change)?.unwrap_or(Value::Null);
        if is_null(&resource.value) || resource.value.as_object().is_some_and(Map::is_empty) {
            resource.value = Value::Null;
            return Ok(());
        }
        if !self.kind
            && let Some(entries) = resource.value.as_object_mut()
        {
            entries.insert("kind".to_owned(), kind);
        }
        if !self.name {
            resource.set_meta("name", &name);
        }
        resource.set_meta("namespace", &namespace);
        Ok(())
    }
}

fn selected(resources: &[Resource], target: &Selector) -> Result<Vec<bool>, String> {
    let wrong = |why: String| format!("unable to find patch target \"{}\" in `resources`: {why}", target.id());
    let matcher = Matcher::new(target).map_err(wrong)?;
    resources.iter().map(|resource| matcher.fits_resource(resource)).collect::<Result<_, _>>().map_err(wrong)
}

fn apply_operations(resources: &mut [Resource], target: &Selector, operations: &[Value]) -> Result<(), String> {
    let selected = selected(resources, target)?;
    for (resource, _) in resources.iter_mut().zip(selected).filter(|(_, selected)| *selected) {
        resource.remember();
        settle(&mut resource.value);
        json_patch::apply(&mut resource.value, operations)?;
    }
    Ok(())
}
