//! What an author's session can do besides a learner's: take up pages as they are now, and run steps again, or up to one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::progress::fence;
use super::{Effect, Machine};
use crate::lesson::{Course, Lesson, StepId};
use crate::session::model::{EditedCourse, Event, StepState};

/// What was so before a step was begun.
#[derive(Debug, Clone, Default)]
pub(super) struct Began {
    /// Counts beginnings: what was begun later has more.
    pub(super) order: u64,
    /// The suites whose `before` had run.
    pub(super) suites: BTreeSet<PathBuf>,
}

/// What became of the pages and steps of a course when it was edited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matching {
    /// Pages that are still there: their places before and now.
    pub lessons: BTreeMap<usize, usize>,
    /// Steps that are still there, and whether each is as it was. A step that is not stands where the edited one stood.
    pub steps: BTreeMap<StepId, (StepId, bool)>,
}

impl Matching {
    /// Finds the pages and steps of `before` again. A page is known by its path, a step by its text and place.
    pub fn of(before: &Course, now: &Course) -> Self {
        let mut found = Self::default();
        let places: BTreeMap<_, _> =
            now.lessons.iter().enumerate().map(|(place, lesson)| (lesson.path.as_path(), place)).collect();
        for (old, lesson) in before.lessons.iter().enumerate() {
            let Some(new) = places.get(lesson.path.as_path()).copied() else { continue };
            found.lessons.insert(old, new);
            let (left, right) = (texts(lesson), texts(&now.lessons[new]));
            let mut pair = |from: usize, to: usize, same: bool| {
                let before = StepId { lesson: old, step: from };
                found.steps.insert(before, (StepId { lesson: new, step: to }, same));
            };
            for operation in capture_diff_slices(Algorithm::Myers, &left, &right) {
                match operation {
                    DiffOp::Equal { old_index, new_index, len } => {
                        (0..len).for_each(|at| pair(old_index + at, new_index + at, true));
                    }
                    DiffOp::Replace { old_index, old_len, new_index, new_len } => {
                        (0..old_len.min(new_len)).for_each(|at| pair(old_index + at, new_index + at, false));
                    }
                    DiffOp::Delete { .. } | DiffOp::Insert { .. } => {}
                }
            }
        }
        found
    }

    /// Where a step is now.
    pub fn step(&self, id: StepId) -> Option<StepId> {
        self.steps.get(&id).map(|(now, _)| *now)
    }
}

/// All that what comes of each step hangs on, besides the files it reads.
fn texts(lesson: &Lesson) -> Vec<(String, bool, Vec<&str>)> {
    let step = |(place, step): (usize, &'_ crate::lesson::Step)| (fence(lesson, place), step.executed);
    let directives = lesson.steps.iter().map(|step| step.directives.iter().map(|of| of.text.as_str()).collect());
    lesson
        .steps
        .iter()
        .enumerate()
        .map(step)
        .zip(directives)
        .map(|((fence, executed), directives)| (fence, executed && lesson.executable, directives))
        .collect()
}

impl Machine {
    /// Remembers what is so before a step that begins now.
    pub(super) fn note_beginning(&mut self, id: StepId) {
        self.beginnings += 1;
        self.before.insert(id, self.bindings[id.lesson].clone());
        self.began.insert(id, Began { order: self.beginnings, suites: self.suites.clone() });
    }

    /// The steps that were begun after one, the last first; all behind it on the course for one that nothing is known of.
    pub(super) fn begun_after(&self, id: StepId) -> Vec<StepId> {
        let Some(began) = self.began.get(&id).filter(|_| self.rules.unlocked) else {
            return self.executed().filter(|other| *other > id).collect();
        };
        let mut later: Vec<(u64, StepId)> =
            self.began.iter().map(|(id, of)| (of.order, *id)).filter(|(order, _)| *order > began.order).collect();
        later.sort_unstable_by(|a, b| b.cmp(a));
        later.into_iter().map(|(_, id)| id).collect()
    }

    /// The suites are as they were before a step.
    pub(super) fn forget_suites(&mut self, id: StepId) {
        if let Some(began) = self.began.get(&id) {
            self.suites.clone_from(&began.suites);
        }
    }

    /// Runs a step as it is now, from before it if it has been run.
    pub(super) fn run_again(&mut self, id: StepId, effects: &mut Vec<Effect>) {
        self.run_all(vec![id], effects);
    }

    /// Runs the steps of a page up to one: from the first that is not passed in its place, or that one alone if all are.
    pub(super) fn run_to(&mut self, id: StepId, effects: &mut Vec<Effect>) {
        let steps: Vec<StepId> = self.executed().filter(|other| other.lesson == id.lesson && *other <= id).collect();
        let in_place = |at: &usize| {
            let ahead = at.checked_sub(1).map_or(0, |ahead| self.order_of(steps[ahead]));
            self.state(steps[*at]) == Some(&StepState::Passed) && self.order_of(steps[*at]) >= ahead
        };
        let mut first = (0..steps.len()).find(|at| !in_place(at)).unwrap_or(steps.len().saturating_sub(1));
        // Going back takes along what was begun since: that is to be run again too.
        while let Some(back) = self.begun_first(&steps[first..]).map(|id| self.order_of(id))
            && let Some(earlier) = steps[..first].iter().position(|other| self.order_of(*other) > back)
        {
            first = earlier;
        }
        let steps = steps.get(first..).unwrap_or_default().to_vec();
        self.run_all(steps, effects);
    }

    /// The one of the steps that was begun first.
    fn begun_first(&self, steps: &[StepId]) -> Option<StepId> {
        steps.iter().filter(|id| self.before.contains_key(id)).min_by_key(|id| self.order_of(**id)).copied()
    }

    /// Runs steps one after the other as far as they pass, from before the one of them that was begun first.
    fn run_all(&mut self, steps: Vec<StepId>, effects: &mut Vec<Effect>) {
        let refusal = if let Some(busy) = self.busy() {
            Some(format!("{busy}: wait for it, or cancel it."))
        } else if steps.iter().any(|id| matches!(self.state(*id), None | Some(StepState::NotExecuted))) {
            Some("This step is only shown; it is not executed.".to_owned())
        } else {
            None
        };
        if let Some(text) = refusal {
            effects.push(Effect::Emit(Event::Refused { text }));
            return;
        }
        let first = self.begun_first(&steps);
        self.queue = steps.into();
        if let Some(first) = first.filter(|_| !self.rules.live) {
            self.going_back = true;
            effects.push(Effect::Restore(first));
        }
    }

    fn order_of(&self, id: StepId) -> u64 {
        self.began.get(&id).map_or(0, |began| began.order)
    }

    /// The step that is to be run next, when nothing runs.
    pub(super) fn next_in_queue(&mut self) -> Option<StepId> {
        if self.busy().is_some() || self.stopping { None } else { self.queue.pop_front() }
    }

    /// Goes on with the course as it is now. What was done of steps that are as they were still holds; an edited one is to
    /// be run again.
    pub(super) fn take_up(&mut self, course: Arc<Course>, effects: &mut Vec<Effect>) {
        let matching = Matching::of(&self.course, &course);
        let mut now = Self::new(Arc::clone(&course), std::mem::take(&mut self.rules));
        for (old, (new, same)) in &matching.steps {
            let executed = now.state(*new).is_some_and(|state| *state != StepState::NotExecuted);
            if !executed {
                continue;
            }
            if let Some(before) = self.before.remove(old) {
                now.before.insert(*new, before);
            }
            if let Some(began) = self.began.remove(old) {
                now.began.insert(*new, began);
            }
            let state = self.state(*old).filter(|_| *same).cloned();
            if let Some(state @ (StepState::Passed | StepState::Failed(_) | StepState::Unfinished)) = state {
                now.states[new.lesson][new.step] = state;
                if self.built_on.contains(old) {
                    now.built_on.insert(*new);
                }
                if let Some(report) = self.reports.remove(old) {
                    now.reports.insert(*new, report);
                }
            }
        }
        for (old, new) in &matching.lessons {
            now.bindings[*new] = std::mem::take(&mut self.bindings[*old]);
        }
        now.lock();
        now.queue = self.queue.iter().filter_map(|id| matching.step(*id)).collect();
        now.queue.retain(|id| now.states[id.lesson][id.step] != StepState::NotExecuted);
        now.suites = std::mem::take(&mut self.suites);
        now.beginnings = self.beginnings;
        now.timers = self.timers;
        now.stopping = self.stopping;
        *self = now;
        let steps = matching.steps.into_iter().map(|(old, (new, _))| (old, new)).collect();
        effects.push(Effect::Renumber { course: Arc::clone(&course), steps });
        let steps = self.executed().map(|id| {
            let state = self.state(id).cloned().unwrap_or(StepState::NotExecuted);
            (id, (state, self.reports.get(&id).cloned()))
        });
        effects.push(Effect::Emit(Event::TakenUp { course: EditedCourse(course), steps: steps.collect() }));
    }

    /// Locks what stands behind a step that is not passed, where steps are locked at all.
    fn lock(&mut self) {
        if self.rules.unlocked {
            return;
        }
        for states in &mut self.states {
            let mut open = true;
            for state in states.iter_mut().filter(|state| **state != StepState::NotExecuted) {
                match state {
                    _ if !open => *state = StepState::Locked,
                    StepState::Locked => *state = StepState::Ready,
                    _ => {}
                }
                open &= *state == StepState::Passed;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::super::{CommandEnd, Input, Rules};
    use super::*;
    use crate::lesson::CourseFolder;
    use crate::session::home::Home;
    use crate::session::model::Request;
    use crate::shell::Ended;

    const T: Duration = Duration::ZERO;

    /// A course of pages, each with its name and commands: a step for each command.
    fn course(pages: &[(&str, &[&str])]) -> Arc<Course> {
        let lessons: Vec<Lesson> = pages
            .iter()
            .map(|(name, commands)| {
                let fences: String = commands.iter().map(|command| format!("\n```bash\n$ {command}\n```\n")).collect();
                let text = format!("---\ntitle: {name}\n---\n{fences}");
                Lesson::parse(Path::new(name), text.as_bytes()).expect("a page")
            })
            .collect();
        let tree = CourseFolder { lessons: (0..lessons.len()).collect(), ..CourseFolder::default() };
        Arc::new(Course { lessons, tree, ..Course::default() })
    }

    fn id(lesson: usize, step: usize) -> StepId {
        StepId { lesson, step }
    }

    /// Plays the target: runs everything that is asked for to its end, and answers the commands and what was gone back to.
    fn play(machine: &mut Machine, request: Request, fails: &[&str]) -> Vec<String> {
        let mut said = Vec::new();
        let mut effects = machine.handle(T, Input::Request(request));
        loop {
            let mut next = None;
            for effect in &effects {
                match effect {
                    Effect::Restore(id) => {
                        said.push(format!("back to {}.{}", id.lesson, id.step));
                        next = Some(Input::Restored(*id));
                    }
                    Effect::Command { script, .. } => {
                        said.push(script.clone());
                        next = Some(Input::CommandEnded(CommandEnd {
                            known: crate::compare::Known::default(),
                            status: u8::from(fails.contains(&script.as_str())),
                            ended: Ended::Exited,
                            output: Vec::new(),
                            home: Home::default(),
                            calls: Vec::new(),
                            unknown: Vec::new(),
                            pending: false,
                        }));
                    }
                    _ => {}
                }
            }
            match next {
                Some(input) => effects = machine.handle(T, input),
                None => return said,
            }
        }
    }

    fn unlocked(course: Arc<Course>) -> Machine {
        Machine::new(course, Rules { unlocked: true, ..Rules::default() })
    }

    #[test]
    fn steps_are_found_again_by_their_text_and_place() {
        let before = course(&[("a.md", &["one", "two", "three"]), ("b.md", &["x"])]);
        let now = course(&[("b.md", &["x"]), ("c.md", &[]), ("a.md", &["zero", "one", "TWO", "three"])]);
        let found = Matching::of(&before, &now);
        assert_eq!(found.lessons, BTreeMap::from([(0, 2), (1, 0)]));
        let steps = [
            (id(0, 0), (id(2, 1), true)),
            (id(0, 1), (id(2, 2), false)),
            (id(0, 2), (id(2, 3), true)),
            (id(1, 0), (id(0, 0), true)),
        ];
        assert_eq!(found.steps, BTreeMap::from(steps));
    }

    #[test]
    fn a_step_runs_again_from_before_it() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two", "three"])]));
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 1)), &[]), ["two"]);
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 0)), &[]), ["one"]);
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 0)), &[]), ["back to 0.0", "one"]);
        assert_eq!(machine.state(id(0, 1)), Some(&StepState::Passed), "it ran before the first step did");
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 1)), &[]), ["back to 0.1", "two"]);
        assert_eq!(machine.state(id(0, 0)), Some(&StepState::Ready), "what ran since is undone");
        assert_eq!(machine.state(id(0, 2)), Some(&StepState::Ready));
    }

    #[test]
    fn the_page_runs_up_to_a_step_as_far_as_it_passes() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two", "three"])]));
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 1)), &[]), ["one", "two"]);
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 2)), &["three"]), ["three"]);
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 2)), &[]), ["back to 0.2", "three"]);
        // All are passed: the last one again.
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 1)), &[]), ["back to 0.1", "two"]);
        assert_eq!(play(&mut machine, Request::UndoTo(id(0, 0)), &[]), ["back to 0.0"]);
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 2)), &["two"]), ["back to 0.0", "one", "two"]);
        assert!(matches!(machine.state(id(0, 1)), Some(StepState::Failed(_))));
        assert_eq!(machine.state(id(0, 2)), Some(&StepState::Ready));
    }

    #[test]
    fn steps_that_ran_in_another_order_run_in_the_pages() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two", "three"])]));
        for step in [2, 0, 1] {
            play(&mut machine, Request::RunAgain(id(0, step)), &[]);
        }
        assert_eq!(play(&mut machine, Request::RunTo(id(0, 2)), &[]), ["back to 0.2", "one", "two", "three"]);
    }

    #[test]
    fn of_two_ways_back_at_once_the_second_counts() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two"])]));
        play(&mut machine, Request::RunTo(id(0, 1)), &[]);
        let back = |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Restore(_)));
        assert!(back(&machine.handle(T, Input::Request(Request::UndoTo(id(0, 1))))));
        assert!(!back(&machine.handle(T, Input::Request(Request::RunAgain(id(0, 1))))), "it is busy");
        assert_eq!(play(&mut machine, Request::UndoTo(id(0, 0)), &[]), ["back to 0.0"]);
        assert_eq!(machine.state(id(0, 0)), Some(&StepState::Ready));
        assert_eq!(machine.state(id(0, 1)), Some(&StepState::Ready));
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 0)), &[]), ["back to 0.0", "one"]);
    }

    #[test]
    fn an_edited_step_is_to_be_run_again_and_the_others_are_as_they_were() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two", "three"])]));
        play(&mut machine, Request::RunTo(id(0, 2)), &[]);
        let now = course(&[("a.md", &["zero", "one", "TWO", "three"])]);
        play(&mut machine, Request::TakeUp(EditedCourse(Arc::clone(&now))), &[]);
        let states: Vec<_> = (0..4).filter_map(|step| machine.state(id(0, step))).collect();
        use StepState::{Passed, Ready};
        assert_eq!(states, [&Ready, &Passed, &Ready, &Passed]);
        assert_eq!(play(&mut machine, Request::RunAgain(id(0, 2)), &[]), ["back to 0.2", "TWO"]);
        assert_eq!(machine.state(id(0, 3)), Some(&Ready), "it ran after the step that was undone");
    }

    #[test]
    fn a_course_is_taken_up_when_nothing_runs() {
        let mut machine = unlocked(course(&[("a.md", &["one", "two"])]));
        machine.handle(T, Input::Request(Request::RunTo(id(0, 1))));
        let now = course(&[("a.md", &["one", "new", "two"])]);
        let taken =
            |effects: &[Effect]| effects.iter().any(|effect| matches!(effect, Effect::Emit(Event::TakenUp { .. })));
        assert!(!taken(&machine.handle(T, Input::Request(Request::TakeUp(EditedCourse(now))))));
        let end = CommandEnd {
            known: crate::compare::Known::default(),
            status: 0,
            ended: Ended::Exited,
            output: Vec::new(),
            home: Home::default(),
            calls: Vec::new(),
            unknown: Vec::new(),
            pending: false,
        };
        let effects = machine.handle(T, Input::CommandEnded(end));
        assert!(taken(&effects));
        // What was to be run next is run, under its name of now.
        let run = |effect: &Effect| matches!(effect, Effect::Command { id: of, .. } if *of == id(0, 2));
        assert!(effects.iter().any(run), "{effects:?}");
        assert_eq!(machine.state(id(0, 0)), Some(&StepState::Passed));
        assert_eq!(machine.state(id(0, 1)), Some(&StepState::Ready));
    }

    #[test]
    fn where_steps_are_locked_what_stands_behind_an_edited_one_is() {
        let mut machine = Machine::new(course(&[("a.md", &["one", "two", "three"])]), Rules::default());
        for step in 0..2 {
            play(&mut machine, Request::Run(id(0, step)), &[]);
        }
        play(&mut machine, Request::TakeUp(EditedCourse(course(&[("a.md", &["ONE", "two", "three"])]))), &[]);
        let states: Vec<_> = (0..3).filter_map(|step| machine.state(id(0, step))).collect();
        assert_eq!(states, [&StepState::Ready, &StepState::Locked, &StepState::Locked]);
    }
}
