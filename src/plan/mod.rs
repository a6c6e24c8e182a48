//! What pages will call, from their commands alone: nothing is run. What only running tells is `*`.

mod policy;
mod roles;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::rc::Rc;

use serde::Serialize;

use crate::check::shell::{self, Call, Input, Script};
use crate::files::Below;
use crate::lesson::{Course, StepId};
use crate::tools::Files;
use crate::tools::plan::{self, Objects, Planned};

pub use policy::policy;
pub use roles::roles;
pub use text::human;

/// How deep functions that call functions are followed.
const DEEPEST: usize = 8;

/// What the pages of a course will call.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// The pages that have executed steps, in course order.
    pub lessons: Vec<PlannedLesson>,
}

/// What a page will call.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedLesson {
    /// The page.
    pub path: String,
    /// Its title.
    pub title: String,
    /// SHA-256 of the page.
    pub digest: String,
    /// Its executed steps.
    pub steps: Vec<PlannedStep>,
}

/// What a step will call.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedStep {
    /// Which.
    #[serde(skip)]
    pub id: StepId,
    /// The line of its fence.
    pub line: usize,
    /// Its calls, in the order in which they are written.
    pub calls: Vec<StepCall>,
}

/// One call of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepCall {
    /// The command that makes it, as it is written.
    pub command: String,
    /// Whether a hook makes it, and not the step itself.
    pub hook: bool,
    /// What is called.
    #[serde(flatten)]
    pub call: Planned,
}

/// No hook script is longer, in bytes.
const LONGEST_HOOK: u64 = 4 << 20;

impl Plan {
    /// Plans all pages of a course. `files` are what lessons see, their home folder the working directory.
    pub fn of(course: &Course, files: &Files) -> Self {
        let mut lessons = Vec::new();
        // A hook that leads out of the course is none of it.
        let own = Below::open(&course.root).ok();
        for (number, lesson) in course.lessons.iter().enumerate() {
            // Of functions, those that the page itself defines.
            let mut known = Functions::default();
            let mut steps = Vec::new();
            for (at, step) in lesson.steps.iter().enumerate().filter(|(at, _)| lesson.executes(*at)) {
                let mut calls = Vec::new();
                let hook = step.annotations.hook.as_deref().and_then(|name| lesson.hook_path(name));
                let hook =
                    hook.and_then(|path| own.as_ref()?.text(path.strip_prefix(&course.root).ok()?, LONGEST_HOOK).ok());
                if let Some(hook) = &hook {
                    calls.extend(of_hook(hook, "before", files));
                }
                for command in &step.commands {
                    calls.extend(of_script(&command.text, &mut known, files, false));
                }
                if let Some(hook) = &hook {
                    calls.extend(of_hook(hook, "after", files));
                }
                let mut once: Vec<StepCall> = Vec::new();
                for call in calls {
                    if !once.contains(&call) {
                        once.push(call);
                    }
                }
                steps.push(PlannedStep { id: StepId { lesson: number, step: at }, line: step.span.line, calls: once });
            }
            if !steps.is_empty() {
                lessons.push(PlannedLesson {
                    path: lesson.path.display().to_string(),
                    title: lesson.front_matter.title.clone(),
                    digest: lesson.digest.clone(),
                    steps,
                });
            }
        }
        Self { lessons }
    }

    /// All calls, of all steps.
    pub fn calls(&self) -> impl Iterator<Item = &StepCall> {
        self.lessons.iter().flat_map(|lesson| &lesson.steps).flat_map(|step| &step.calls)
    }
}

/// The functions that a shell has, by their names: the script of each.
type Functions = BTreeMap<String, Rc<Script>>;

/// The calls of a hook's function, and of what the script does outside of functions.
fn of_hook(text: &str, function: &str, files: &Files) -> Vec<StepCall> {
    let Ok(script) = shell::read(text) else { return Vec::new() };
    let script = Rc::new(script);
    let functions: Functions = script.functions.iter().map(|name| (name.clone(), Rc::clone(&script))).collect();
    let mut found = Vec::new();
    let mut reader = Reader { functions: &functions, files, hook: true, found: &mut found };
    reader.all(&script, None, false, 0);
    if functions.contains_key(function) {
        reader.all(&script, Some(function), false, 0);
    }
    found
}

fn of_script(text: &str, known: &mut Functions, files: &Files, hook: bool) -> Vec<StepCall> {
    let Ok(script) = shell::read(text) else { return Vec::new() };
    let script = Rc::new(script);
    known.extend(script.functions.iter().map(|name| (name.clone(), Rc::clone(&script))));
    let mut found = Vec::new();
    Reader { functions: known, files, hook, found: &mut found }.all(&script, None, false, 0);
    found
}

struct Reader<'a> {
    functions: &'a Functions,
    files: &'a Files,
    hook: bool,
    found: &'a mut Vec<StepCall>,
}

impl Reader<'_> {
    /// The calls of a script's function, or of what stands outside of its functions.
    fn all(&mut self, script: &Script, function: Option<&str>, maybe: bool, depth: usize) {
        for call in script.calls.iter().filter(|call| call.function.as_deref() == function) {
            let maybe = maybe || call.maybe;
            let name = call.name();
            if let Some(defined) = self.functions.get(name).filter(|_| depth < DEEPEST) {
                let defined = Rc::clone(defined);
                self.all(&defined, Some(name), maybe, depth + 1);
                continue;
            }
            let input = input(script, call, self.files, 0);
            for planned in plan::plan(name, &words(call), self.files, &input).unwrap_or_default() {
                let planned = Planned { maybe: planned.maybe || maybe, ..planned };
                self.found.push(StepCall { command: written(call), hook: self.hook, call: planned });
            }
        }
    }
}

/// The arguments, `*` for what is not known. A word that may be none or several is one.
fn words(call: &Call) -> Vec<String> {
    call.words.iter().skip(1).map(|word| word.pattern.clone()).collect()
}

/// The command as it is written.
fn written(call: &Call) -> String {
    call.words.iter().map(|word| word.raw.as_str()).collect::<Vec<_>>().join(" ")
}

/// The objects that a command reads from its standard input, if they are known.
fn input(script: &Script, call: &Call, files: &Files, depth: usize) -> Objects {
    match &call.input {
        Input::Unknown => None,
        Input::Text(text) => plan::documents(text),
        Input::File(word) => plan::objects("cat", std::slice::from_ref(&word.pattern), files, &None),
        Input::Pipe(from) => {
            let from = script.calls.get(*from).filter(|_| depth < DEEPEST)?;
            let before = input(script, from, files, depth + 1);
            plan::objects(from.name(), &words(from), files, &before)
        }
    }
}
