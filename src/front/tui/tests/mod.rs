//! The screen, drawn without a terminal: what it shows, and that no size breaks it.

mod storm;
mod views;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event as Input, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::Options;
use super::keys::KeyMap;
use super::model::{Model, Overlay};
use super::theme::Theme;
use super::update;
use super::view::{Cache, view};
use crate::compare::{Accepted, Comparison, Outcome, Rejected};
use crate::lesson::{Course, CourseFolder, Lesson, StepId};
use crate::session::{Advice, Cause, CommandReport, Event, Request, StepReport, StepState, Verdict};
use crate::tools::StdStream;

const PAGE: &str = r#"---
title: Pods & <things>
---

# First

Some *prose* with `code`, **strong** words, a [link](https://example.org) and 漢字 and a long_word_that_does_not_fit_in_a_narrow_window.

- one
- two
  - nested

:::tip Remember
A tip.
:::

| Name | What it is |
| --- | --- |
| `a` | the first letter of the alphabet |

```bash wait=30
$ kubectl get pods -n some-namespace --output wide
NAME  READY  STATUS
web-1  1/1  Running
```

```yaml
kind: Pod
```

```bash expectError=true
$ false
```
"#;

fn course() -> Arc<Course> {
    let lesson = Lesson::parse(Path::new("/course/page.md"), PAGE.as_bytes()).expect("a page");
    let tree = CourseFolder { title: "Course".into(), lessons: vec![0], ..CourseFolder::default() };
    Arc::new(Course { root: "/course".into(), title: "Course".into(), lessons: vec![lesson], tree })
}

const FIRST: StepId = StepId { lesson: 0, step: 0 };
const SECOND: StepId = StepId { lesson: 0, step: 1 };

fn state(id: StepId, state: StepState) -> Event {
    Event::Step { id, state }
}

fn options() -> Options {
    Options { keys: KeyMap::default(), theme: Theme::none(), mouse: false }
}

fn model() -> Model {
    let mut model = Model::new(course(), options(), (80, 24));
    update::event(&mut model, state(FIRST, StepState::Ready));
    update::event(&mut model, state(SECOND, StepState::Locked));
    model
}

fn draw(model: &mut Model, columns: u16, rows: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
    let mut cache = Cache::default();
    // Twice: what is to be seen may be brought into view by the first.
    for _ in 0..2 {
        terminal.draw(|frame| view(frame, model, &mut cache)).expect("drawn");
    }
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in 0..rows {
        let line: String = (0..columns).map(|column| buffer[(column, row)].symbol()).collect();
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

fn press(model: &mut Model, code: KeyCode) -> Vec<Request> {
    update::input(model, &Input::Key(KeyEvent::new(code, KeyModifiers::NONE)))
}

/// A command whose output matched with a difference, or did not.
fn report(matched: bool) -> CommandReport {
    let comparison = if matched {
        let accepted = Accepted { expected: "web-1".into(), actual: "web-2".into(), reason: "a generated name".into() };
        Comparison { verdict: Outcome::Match, accepted: vec![accepted], rejected: Vec::new() }
    } else {
        let rejected = Rejected {
            place: "row web-1, column STATUS".into(),
            expected: "Running".into(),
            actual: "Pending".into(),
            reason: "a status is never volatile".into(),
            transient: true,
        };
        Comparison { verdict: Outcome::Mismatch, accepted: Vec::new(), rejected: vec![rejected] }
    };
    CommandReport {
        command: "kubectl get pods".into(),
        exit_status: 0,
        stdout: "NAME  READY  STATUS\nweb-2  1/1  Running\n".into(),
        stderr: String::new(),
        expected: Some("NAME  READY  STATUS\nweb-1  1/1  Running".into()),
        comparison,
        calls: Vec::new(),
    }
}

fn step_report(cause: Option<Cause>, matched: bool) -> StepReport {
    let mut report = StepReport {
        line: 24,
        verdict: if cause.is_some() { Verdict::Failed } else { Verdict::Passed },
        cause,
        commands: vec![report(matched)],
        hooks: Vec::new(),
        wait_s: 0,
        ms: 12,
        advice: None,
    };
    let course = course();
    let step = course.step(FIRST).expect("a step");
    report.advice = cause.map(|cause| Advice::of(step, cause, &report, Duration::from_secs(120), true));
    report
}

#[test]
fn every_state_is_drawn_at_every_size() {
    let states = [
        StepState::Ready,
        StepState::Running(0),
        StepState::Settling("STATUS: Pending, expected Running".into()),
        StepState::Waiting(24),
        StepState::Failed(Cause::Output),
        StepState::Passed,
        StepState::Unfinished,
    ];
    for (prompt, overlay) in [
        (true, Overlay::None),
        (false, Overlay::None),
        (false, Overlay::Help { at: 3 }),
        (false, Overlay::Outline { at: 0 }),
        (false, Overlay::Notices { at: 9 }),
        (false, Overlay::Palette { at: 2 }),
        (false, Overlay::Links { at: 0 }),
    ] {
        for step in &states {
            let mut model = model();
            model.overlay = overlay;
            model.prompt.open = prompt;
            update::event(&mut model, Event::TryBegun { command: "echo \u{1b}[31m\nmore".into() });
            model.prompt.editor.set("kubectl get\n漢字 ".repeat(9));
            update::event(&mut model, Event::Notice { text: "Something\u{1b}[31m to say".into() });
            update::event(&mut model, state(FIRST, StepState::Running(0)));
            let text = "漢字\t\u{1f469}\u{200d}\u{1f467} out\n".repeat(30);
            update::event(&mut model, Event::Output { id: FIRST, command: Some(0), stream: StdStream::Stderr, text });
            update::event(&mut model, state(FIRST, step.clone()));
            for (columns, rows) in [(1, 1), (2, 2), (3, 5), (10, 3), (20, 50), (50, 20), (80, 24), (120, 40), (200, 60)]
            {
                model.size = (columns, rows);
                let text = draw(&mut model, columns, rows);
                assert!(!text.contains('\u{1b}'), "an escape sequence came through at {columns}x{rows}");
            }
        }
    }
}

#[test]
fn a_step_that_failed_says_where_and_what_next() {
    let mut model = model();
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    update::event(&mut model, Event::StepDone { id: FIRST, report: step_report(Some(Cause::Output), false) });
    update::event(&mut model, state(FIRST, StepState::Failed(Cause::Output)));
    let screen = draw(&mut model, 80, 24);
    for text in
        ["row web-1, column STATUS", "expected Running", "got      Pending", "Enter runs it again", "Enter try again"]
    {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    assert_eq!(press(&mut model, KeyCode::Enter), [Request::Run(FIRST)]);
}

#[test]
fn a_learner_goes_from_step_to_step() {
    let mut model = model();
    assert_eq!(press(&mut model, KeyCode::Enter), [Request::Run(FIRST)]);
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    update::event(&mut model, Event::StepDone { id: FIRST, report: step_report(None, true) });
    update::event(&mut model, state(FIRST, StepState::Waiting(30)));
    assert!(draw(&mut model, 80, 24).contains("waiting 30 s before the next step"));
    assert!(press(&mut model, KeyCode::Enter).is_empty(), "a wait is not skipped by accident");
    assert!(model.notice_shown);
    assert_eq!(press(&mut model, KeyCode::Esc), [Request::SkipWait]);
    assert!(!model.notice_shown);
    assert_eq!(press(&mut model, KeyCode::Char('s')), [Request::SkipWait]);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(update::input(&mut model, &Input::Key(interrupt)), [Request::SkipWait]);
    update::event(&mut model, state(FIRST, StepState::Passed));
    update::event(&mut model, state(SECOND, StepState::Ready));
    assert_eq!(model.selected, Some(SECOND));
    draw(&mut model, 80, 24);
    assert!(press(&mut model, KeyCode::Enter).is_empty(), "a step that is not to be seen is not run");
    draw(&mut model, 80, 60);
    assert_eq!(press(&mut model, KeyCode::Enter), [Request::Run(SECOND)]);
}

#[test]
fn accepted_differences_are_quiet_until_asked_for() {
    let mut model = model();
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    update::event(&mut model, Event::StepDone { id: FIRST, report: step_report(None, true) });
    update::event(&mut model, state(FIRST, StepState::Passed));
    model.selected = Some(FIRST);
    assert!(!draw(&mut model, 80, 60).contains("a generated name"));
    press(&mut model, KeyCode::Char('d'));
    assert!(draw(&mut model, 80, 60).contains("a generated name"));
}

#[test]
fn quitting_while_a_step_runs_asks_once_more() {
    let mut model = model();
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    assert!(press(&mut model, KeyCode::Char('q')).is_empty());
    assert!(draw(&mut model, 80, 24).contains("q again quits"));
    press(&mut model, KeyCode::Char('j'));
    assert!(press(&mut model, KeyCode::Char('q')).is_empty(), "another key goes on");
    assert_eq!(press(&mut model, KeyCode::Char('q')), [Request::Quit]);
    assert!(model.quit);
}

#[test]
fn what_undoes_more_than_a_step_is_asked_for_twice() {
    let mut model = model();
    draw(&mut model, 80, 60);
    update::event(&mut model, state(FIRST, StepState::Passed));
    assert_eq!(press(&mut model, KeyCode::Char('U')), [Request::UndoTo(FIRST)], "one step is soon done again");
    update::event(&mut model, state(SECOND, StepState::Passed));
    assert!(press(&mut model, KeyCode::Char('U')).is_empty());
    assert!(draw(&mut model, 80, 60).contains("undoes 2 steps that are done: U again"));
    press(&mut model, KeyCode::Char('j'));
    assert!(press(&mut model, KeyCode::Char('U')).is_empty(), "another key goes on");
    assert_eq!(press(&mut model, KeyCode::Char('U')), [Request::UndoTo(FIRST)]);
    assert!(!model.notice_shown);
}

#[test]
fn a_page_is_read_when_all_but_the_last_words_are_seen() {
    let mut model = model();
    update::event(&mut model, state(FIRST, StepState::Passed));
    update::event(&mut model, state(SECOND, StepState::Passed));
    draw(&mut model, 80, 24);
    assert!(!model.at_end());
    let rows = (model.laid.page.0 - model.laid.tail) as u16 + 2;
    let screen = draw(&mut model, 80, rows);
    assert!(model.at_end() && !screen.contains("Well done"), "{screen}");
    let screen = draw(&mut model, 80, rows + 2);
    assert!(screen.contains("✓ This page is done, and it is the last one. Well done. q quits."), "{screen}");
}

#[test]
fn what_a_page_says_twice_or_only_to_its_site_is_left_out() {
    let page = "---\ntitle: Pods\n---\n\n# Pods\n\n::required-time\n\nText.\n\n```yaml\nkind: Pod\n# HIGHLIGHT\nname: a\n```\n";
    let lesson = Lesson::parse(Path::new("/course/page.md"), page.as_bytes()).expect("a page");
    let tree = CourseFolder { title: "Course".into(), lessons: vec![0], ..CourseFolder::default() };
    let course = Course { root: "/course".into(), title: "Course".into(), lessons: vec![lesson], tree };
    let mut model = Model::new(Arc::new(course), options(), (40, 20));
    let screen = draw(&mut model, 40, 20);
    let lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    assert_eq!(
        lines[1..9],
        ["Pods", "", "Text.", "", "▏  kind: Pod", "▏ ▐name: a", "", "This is the last page. q quits."],
        "{screen}"
    );
}
