//! Saving a session after each step, and what is told where that fails: the session goes on, and what could not be saved is
//! tried again the next time and when the learner quits.

use std::collections::{BTreeMap, BTreeSet};

use super::machine::Machine;
use super::model::StepState;
use super::state::{Moment, StateError, StateFolder};
use crate::lesson::{Course, StepId};

/// Passed steps that are nowhere but on the screen.
#[derive(Debug, thiserror::Error)]
#[error("your progress could not be saved: {why}{}", lost(.steps))]
pub struct Unsaved {
    why: StateError,
    /// The steps, each as page and line.
    steps: Vec<String>,
}

fn lost(steps: &[String]) -> String {
    match steps {
        [] => String::new(),
        [one] => format!("\n1 step that passed is not kept: {one}"),
        more => format!("\n{} steps that passed are not kept: {}", more.len(), more.join(", ")),
    }
}

/// Keeps a session on the disk, as far as the disk lets it.
pub(super) struct Saver {
    folder: StateFolder,
    /// Moments before steps that are still to be written.
    owed: BTreeMap<StepId, Moment>,
    /// The steps that the disk knows as passed.
    kept: BTreeSet<StepId>,
    /// Those that the learner was told of last.
    told: BTreeSet<StepId>,
    /// Why the last saving failed.
    failed: Option<StateError>,
    history_failed: bool,
}

impl Saver {
    /// One for a session as it begins: what it knows was read from the disk.
    pub fn new(folder: StateFolder, machine: &Machine) -> Self {
        let kept = passed(machine);
        Self { folder, owed: BTreeMap::new(), told: kept.clone(), kept, failed: None, history_failed: false }
    }

    /// What was tried at the prompt before.
    pub fn history(&self) -> Vec<String> {
        self.folder.history()
    }

    /// Adds a command to what was tried; returns what the learner is to be told, once.
    pub fn remember_try(&mut self, command: &str) -> Option<String> {
        let error = self.folder.remember_try(command).err()?;
        let first = !std::mem::replace(&mut self.history_failed, true);
        first.then(|| format!("What you try is not kept for the next time: {error}."))
    }

    /// The moment before a step, from the disk.
    pub fn before(&self, id: StepId) -> Option<Moment> {
        self.folder.before(id)
    }

    /// Saves the moment before a step; one that cannot be written is kept for the next saving, which tells of it.
    pub fn save_before(&mut self, id: StepId, moment: Moment) {
        match self.folder.save_before(id, &moment) {
            Ok(()) => drop(self.owed.remove(&id)),
            Err(_) => drop(self.owed.insert(id, moment)),
        }
    }

    /// Saves everything; returns what the learner is to be told.
    pub fn save(&mut self, moment: &Moment, machine: &Machine) -> Option<String> {
        let passed = passed(machine);
        match self.write(moment) {
            Ok(()) => {
                (self.kept, self.told) = (passed.clone(), passed);
                self.failed.take().map(|_| "Your progress is saved again.".to_owned())
            }
            Err(error) => {
                // Once, and again for each step that is lost with the session.
                let news = self.failed.is_none() || !passed.is_subset(&self.told);
                let text = format!(
                    "Your progress could not be saved: {error}. The session goes on; make room, and it is saved after the next \
                     step or when you quit."
                );
                self.told = passed;
                self.failed = Some(error);
                news.then_some(text)
            }
        }
    }

    /// What is lost if the session ends now.
    pub fn unsaved(&mut self, course: &Course, machine: &Machine) -> Option<Unsaved> {
        let why = self.failed.take()?;
        let place = |id: &StepId| {
            let lesson = course.lessons.get(id.lesson)?;
            let path = lesson.path.strip_prefix(&course.root).unwrap_or(&lesson.path);
            Some(format!("{} line {}", path.display(), lesson.steps.get(id.step)?.span.line))
        };
        let steps = passed(machine).difference(&self.kept).filter_map(place).collect();
        Some(Unsaved { why, steps })
    }

    fn write(&mut self, moment: &Moment) -> Result<(), StateError> {
        // First what the latest state speaks of.
        while let Some((id, before)) = self.owed.first_key_value() {
            self.folder.save_before(*id, before)?;
            self.owed.pop_first();
        }
        self.folder.save(moment)
    }
}

fn passed(machine: &Machine) -> BTreeSet<StepId> {
    machine.executed().filter(|id| machine.state(*id).is_some_and(StepState::has_passed)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::home::Home;
    use super::super::machine::{CommandEnd, Input, Rules};
    use super::super::model::Request;
    use super::super::state::Files;
    use super::*;
    use crate::compare::Known;
    use crate::lesson::{CourseFolder, Lesson};
    use crate::shell::{Ended, ShellState};

    fn course() -> Arc<Course> {
        let text = "---\ntitle: T\n---\n\n```bash\n$ a\n```\n\n```bash\n$ b\n```\n";
        let lessons = vec![Lesson::parse(Path::new("page.md"), text.as_bytes()).unwrap()];
        let tree = CourseFolder { lessons: vec![0], ..CourseFolder::default() };
        Arc::new(Course { lessons, tree, ..Course::default() })
    }

    fn id(step: usize) -> StepId {
        StepId { lesson: 0, step }
    }

    fn pass(machine: &mut Machine, step: usize) {
        machine.handle(Duration::ZERO, Input::Request(Request::Run(id(step))));
        machine.handle(
            Duration::ZERO,
            Input::CommandEnded(CommandEnd {
                status: 0,
                ended: Ended::Exited,
                output: Vec::new(),
                home: Home::default(),
                calls: Vec::new(),
                unknown: Vec::new(),
                pending: false,
                known: Known::default(),
            }),
        );
    }

    fn moment(machine: &Machine) -> Moment {
        let shell = ShellState(serde_json::Value::Null);
        let time = (jiff::Timestamp::UNIX_EPOCH, Duration::ZERO);
        Moment::new(machine.progress(), time, shell, Files::default(), None)
    }

    #[test]
    fn what_cannot_be_saved_is_told_and_saved_when_it_can() {
        let folder = tempfile::tempdir().unwrap();
        let course = course();
        let mut machine = Machine::new(Arc::clone(&course), Rules::default());
        let mut saver = Saver::new(StateFolder::at(folder.path()).unwrap(), &machine);
        // Folders stand where the files would.
        let (now, before) = (folder.path().join("now.json"), folder.path().join("before-0-0.json"));
        std::fs::create_dir(&now).unwrap();
        std::fs::create_dir(&before).unwrap();
        saver.save_before(id(0), moment(&machine));
        pass(&mut machine, 0);
        let told = saver.save(&moment(&machine), &machine).unwrap();
        assert!(told.contains("could not be saved") && told.contains("before-0-0.json"), "{told}");
        assert_eq!(saver.save(&moment(&machine), &machine), None, "nothing new is lost");
        std::fs::remove_dir(&before).unwrap();
        pass(&mut machine, 1);
        let told = saver.save(&moment(&machine), &machine).unwrap();
        assert!(told.contains("now.json"), "{told}");
        let unsaved = saver.unsaved(&course, &machine).unwrap().to_string();
        assert!(unsaved.ends_with("2 steps that passed are not kept: page.md line 5, page.md line 9"), "{unsaved}");
        assert!(saver.save(&moment(&machine), &machine).is_some());
        std::fs::remove_dir(&now).unwrap();
        assert_eq!(saver.save(&moment(&machine), &machine).as_deref(), Some("Your progress is saved again."));
        assert!(saver.unsaved(&course, &machine).is_none());
        assert!(before.is_file(), "the moment before the step was made up for");
        let (latest, complaint) = saver.folder.latest();
        assert_eq!((latest.unwrap().progress, complaint), (machine.progress(), None));
    }
}
