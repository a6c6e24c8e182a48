//! What an author's screen holds besides the learner's, and what changes it. Pure.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::runs::Runs;
use crate::check::Severity;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay, Reveal};
use crate::front::tui::update;
use crate::lesson::{Course, StepId};
use crate::session::machine::Matching;
use crate::session::{EditedCourse, Event, Request, StepState};

/// Something that is wrong with a page, or with a file beside the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file.
    pub path: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// How much it matters.
    pub severity: Severity,
    /// What kind of thing, as `lectern check --explain` knows it; empty for what that does not know.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
    /// The line of the file.
    pub text: String,
    /// Whether the page cannot be used as it is.
    pub fatal: bool,
}

/// What was found when the files were looked at.
#[derive(Debug, Clone, Default)]
pub struct Look {
    /// The course as it is now. A page that cannot be used is in it as it last could. None when nothing can be used.
    pub course: Option<Arc<Course>>,
    /// What is wrong, by page and place.
    pub remarks: Vec<Remark>,
    /// What sessions start from, besides the pages: another text asks for another session. Empty if that cannot be used.
    pub world: String,
    /// What to watch.
    pub watched: Vec<super::watch::Watched>,
}

/// A list that lies over the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// What is wrong; one of it is marked.
    Findings {
        /// The marked one.
        at: usize,
    },
    /// What a step did otherwise than the last time.
    Changes {
        /// Which.
        id: StepId,
        /// The first line that is shown.
        top: usize,
    },
}

/// What to do when the page is laid out the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Keep the line at the top where it is: the lines before, and which of them was at the top.
    Keep {
        /// The lines.
        lines: Vec<String>,
        /// The place of the one at the top.
        top: usize,
    },
    /// Show the place of a remark.
    Show(usize),
    /// Show the next place that a remark is about.
    ShowNext,
}

/// What an author's screen holds besides the learner's.
#[derive(Debug, Default)]
pub struct Preview {
    /// What is wrong.
    pub remarks: Vec<Remark>,
    /// What lies over the page.
    pub list: Option<List>,
    /// What steps did, this time and the last.
    pub runs: Runs,
    /// What is to be done at the next drawing.
    pub then: Option<Then>,
    /// Whether a page that is shown is not the one on the disk, which cannot be used.
    pub stale: bool,
    /// The remark that was looked at last.
    pub shown: Option<usize>,
    /// Courses that the session has not taken up yet, and what became of the steps.
    pending: VecDeque<(Arc<Course>, Matching)>,
}

impl Preview {
    /// A screen that shows what was found first.
    pub fn new(look: &Look) -> Self {
        let mut preview = Self { remarks: look.remarks.clone(), ..Self::default() };
        preview.stale = preview.remarks.iter().any(|remark| remark.fatal);
        preview
    }

    /// How many remarks there are of that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.remarks.iter().filter(|remark| remark.severity == severity).count()
    }

    /// The remarks about a page, with their numbers.
    pub fn remarks_of<'a>(&'a self, path: &'a Path) -> impl Iterator<Item = (usize, &'a Remark)> {
        self.remarks.iter().enumerate().filter(move |(_, remark)| remark.path == path)
    }
}

/// Takes in what was found when the files were looked at again; answers what the session is to be told.
///
/// `lines` are those of the page that is shown.
pub fn reload(model: &mut Model, preview: &mut Preview, look: &Look, lines: Vec<String>) -> Vec<Request> {
    let marked = match preview.list {
        Some(List::Findings { at }) => preview.remarks.get(at).cloned(),
        _ => None,
    };
    preview.remarks.clone_from(&look.remarks);
    preview.shown = None;
    if let Some(List::Findings { at }) = &mut preview.list {
        // The same one stays marked, or what came in its place.
        let same = marked.and_then(|marked| {
            preview.remarks.iter().position(|of| (&of.path, &of.message) == (&marked.path, &marked.message))
        });
        *at = same.unwrap_or(*at).min(preview.remarks.len().saturating_sub(1));
    }
    say_what_is_broken(model, preview);
    let Some(course) = &look.course else { return Vec::new() };
    let matching = Matching::of(&model.course, course);
    preview.then = Some(Then::Keep { lines, top: model.scrolled() });
    preview.runs.rename(&matching);
    rename(model, course, &matching);
    if let Some(List::Changes { id, .. }) = &mut preview.list {
        match matching.step(*id) {
            Some(now) => *id = now,
            None => preview.list = None,
        }
    }
    preview.pending.push_back((Arc::clone(course), matching));
    vec![Request::TakeUp(EditedCourse(Arc::clone(course)))]
}

/// Says once that a page cannot be used as it is, and that it can again.
fn say_what_is_broken(model: &mut Model, preview: &mut Preview) {
    let broken = preview.remarks.iter().find(|remark| remark.fatal);
    match broken {
        Some(Remark { path, line, message, .. }) => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let text = format!("{name}:{line}: {message}. What is shown is how it last was.");
            if !model.notice_shown || model.notices.last() != Some(&text) {
                model.say(text);
            }
        }
        None if preview.stale => {
            model.notice_shown = false;
        }
        None => {}
    }
    preview.stale = broken.is_some();
}

/// The model shows another form of its course; the person stays where they are.
fn rename(model: &mut Model, course: &Arc<Course>, matching: &Matching) {
    let lesson = |old: usize| matching.lessons.get(&old).copied();
    let fresh = Model::new(Arc::clone(course), model.options.clone(), model.size);
    let mut steps = fresh.steps;
    for view in steps.values_mut().filter(|view| view.state == StepState::Locked) {
        view.state = StepState::Ready;
    }
    let mut before = std::mem::take(&mut model.steps);
    for (old, (new, same)) in &matching.steps {
        if let Some(view) = before.remove(old)
            && let Some(slot) = steps.get_mut(new)
            && (*same || view.is_running() || matches!(view.state, StepState::Waiting(_)))
            && slot.state != StepState::NotExecuted
        {
            *slot = view;
        }
    }
    model.steps = steps;
    model.scroll =
        std::mem::take(&mut model.scroll).into_iter().filter_map(|(old, at)| Some((lesson(old)?, at))).collect();
    model.tabs = std::mem::take(&mut model.tabs)
        .into_iter()
        .filter_map(|((old, group), at)| Some(((lesson(old)?, group), at)))
        .collect();
    let last = course.lessons.len().saturating_sub(1);
    let page = lesson(model.lesson);
    let selected = model.selected;
    model.course = Arc::clone(course);
    model.home_at = model.home_at.and_then(lesson);
    model.lesson = page.unwrap_or(model.lesson.min(last));
    if let Overlay::Outline { at } = &mut model.overlay {
        *at = lesson(*at).unwrap_or(model.lesson);
    }
    model.found = None;
    model.reveal = None;
    // The marked step, or the one that stands where it stood.
    let place = |id: StepId| {
        let ids: Vec<StepId> = model.page_steps().map(|(id, _)| id).collect();
        ids.iter().rev().find(|other| other.step <= id.step).or(ids.first()).copied()
    };
    model.selected = match selected {
        Some(id) => matching.step(id).filter(|now| now.lesson == model.lesson).or_else(|| place(id)),
        None => model.page_steps().next().map(|(id, _)| id),
    };
}

/// The session begins anew: no step has run in it.
pub fn begin_anew(model: &mut Model, preview: &mut Preview) {
    preview.pending.clear();
    model.prompt.ended();
    model.started = false;
    for view in model.steps.values_mut().filter(|view| view.state != StepState::NotExecuted) {
        view.clear();
        view.state = StepState::Ready;
        view.version += 1;
    }
}

/// Takes what the session says, whose steps may have other names by now.
pub fn hear(model: &mut Model, preview: &mut Preview, event: Event) {
    let now = |id: StepId| preview.pending.iter().try_fold(id, |id, (_, matching)| matching.step(id));
    let event = match event {
        Event::TakenUp { course, steps } => {
            let known = preview.pending.iter().any(|(of, _)| Arc::ptr_eq(of, &course.0));
            while known && preview.pending.pop_front().is_some_and(|(of, _)| !Arc::ptr_eq(&of, &course.0)) {}
            // One that was edited again is on its way.
            if preview.pending.is_empty() {
                for (id, (state, report)) in steps {
                    let Some(view) = model.steps.get_mut(&id) else { continue };
                    if view.state != state {
                        view.version += 1;
                        if matches!(state, StepState::Ready | StepState::Locked) {
                            view.clear();
                        }
                        view.state = state;
                    }
                    if view.report.is_none()
                        && let Some(report) = report
                    {
                        view.version += 1;
                        for (number, command) in report.commands.iter().enumerate() {
                            view.command_ended(number, command.clone());
                        }
                        view.report = Some(report);
                    }
                }
            }
            return;
        }
        Event::Step { id, state } => now(id).map(|id| Event::Step { id, state }),
        Event::Output { id, command, stream, text } => now(id).map(|id| Event::Output { id, command, stream, text }),
        Event::Command { id, command, report } => now(id).map(|id| Event::Command { id, command, report }),
        Event::StepDone { id, report } => now(id).map(|id| Event::StepDone { id, report }),
        Event::LessonDone { lesson } => {
            let page = preview.pending.iter().try_fold(lesson, |at, (_, matching)| matching.lessons.get(&at).copied());
            page.map(|lesson| Event::LessonDone { lesson })
        }
        other => Some(other),
    };
    let Some(event) = event else { return };
    if let Event::StepDone { id, report } = &event
        && preview.runs.take(*id, report)
    {
        let number = model.page_steps().position(|(other, _)| other == *id).map_or(0, |at| at + 1);
        let key = model.options.keys.hint(Action::Changes);
        model.say(format!("Step {number} did not do the same as the last time: {key} shows what differs."));
    }
    update::event(model, event);
}

/// Does what only an author's screen can.
pub fn act(model: &mut Model, preview: &mut Preview, action: Action) -> Vec<Request> {
    let on_page = !model.home;
    match action {
        Action::RunAgain | Action::RunTo if on_page => {
            let Some(id) = model.selected else {
                model.say("There is no step on this page.");
                return Vec::new();
            };
            model.reveal = Some(Reveal::End(id));
            model.output_top = None;
            return vec![if action == Action::RunTo { Request::RunTo(id) } else { Request::RunAgain(id) }];
        }
        Action::RunAgain | Action::RunTo => model.say("Open a page first."),
        Action::Findings if preview.remarks.is_empty() => model.say("Nothing is wrong with the pages."),
        Action::Findings => {
            let path = model.course.lessons.get(model.lesson).map(|page| page.path.as_path());
            let here = preview.remarks.iter().position(|remark| on_page && Some(remark.path.as_path()) == path);
            preview.list = Some(List::Findings { at: here.unwrap_or(0) });
        }
        Action::NextFinding if on_page => preview.then = Some(Then::ShowNext),
        Action::NextFinding => model.say("Open a page first."),
        Action::Changes => match model.looked_at().filter(|_| on_page) {
            Some(id) if preview.runs.differs(id) => preview.list = Some(List::Changes { id, top: 0 }),
            Some(id) if preview.runs.ran_twice(id) => model.say("The step did the same as the last time."),
            _ => model.say("The step has not run twice: there is nothing to compare."),
        },
        _ => {}
    }
    Vec::new()
}

/// A key while a list lies over the page.
pub fn act_in_list(model: &mut Model, preview: &mut Preview, action: Action) {
    let last = preview.remarks.len().saturating_sub(1);
    let Some(list) = &mut preview.list else { return };
    let at = match list {
        List::Findings { at } => at,
        List::Changes { top, .. } => top,
    };
    match action {
        Action::Down | Action::NextStep | Action::NextMatch | Action::NextFinding => *at += 1,
        Action::Up | Action::PreviousStep | Action::PreviousMatch => *at = at.saturating_sub(1),
        Action::PageDown | Action::HalfDown => *at += 8,
        Action::PageUp | Action::HalfUp => *at = at.saturating_sub(8),
        Action::Top => *at = 0,
        Action::Bottom => *at = usize::MAX,
        Action::Run => {
            let chosen = *list;
            preview.list = None;
            if let List::Findings { at } = chosen {
                show(model, preview, at);
            }
            return;
        }
        _ => {
            preview.list = None;
            return;
        }
    }
    if let List::Findings { at } = list {
        *at = (*at).min(last);
    }
}

/// Goes to the place of a remark.
fn show(model: &mut Model, preview: &mut Preview, number: usize) {
    let Some(remark) = preview.remarks.get(number) else { return };
    match model.course.lessons.iter().position(|page| page.path == remark.path) {
        Some(lesson) => {
            if model.lesson != lesson || model.home {
                update::open(model, lesson);
            }
            model.output = false;
            if let Some(id) = step_at(model, remark.line) {
                model.selected = Some(id);
            }
            preview.then = Some(Then::Show(number));
        }
        None => model.say(format!("{}:{}: {}", remark.path.display(), remark.line, remark.message)),
    }
}

/// The executed step of the page that is shown whose fence has that line.
pub fn step_at(model: &Model, line: usize) -> Option<StepId> {
    let page = model.course.lessons.get(model.lesson)?;
    let holds = |id: &StepId| {
        page.steps.get(id.step).is_some_and(|step| {
            let lines =
                page.source.get(step.span.start..step.span.end).map_or(0, |text| text.trim_end().lines().count());
            (step.span.line..step.span.line + lines).contains(&line)
        })
    };
    model.page_steps().map(|(id, _)| id).find(holds)
}
