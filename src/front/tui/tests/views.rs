//! Every view at three sizes, and its colours in two themes.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;

use super::{FIRST, PAGE, draw, options, press, state, step_report};
use crate::front::tui::Options;
use crate::front::tui::model::Model;
use crate::front::tui::theme::Theme;
use crate::front::tui::update;
use crate::front::tui::view::{Cache, view};
use crate::lesson::{Course, CourseFolder, Lesson};
use crate::session::{Cause, Completions, Event, Request, StepState, TryReport};
use crate::tools::StdStream;

const SIZES: [(u16, u16); 3] = [(40, 20), (80, 24), (120, 40)];

const SECOND_PAGE: &str = r#"---
title: Blocks of all kinds
---
::required-time{estimatedLabExecutionTimeMinutes="12"}

<!-- a remark that nobody sees -->

> Quoted *words*,
> on two lines.

1. one
   - inner
     1. innermost
2. two, with a [page](./page.md) and the [web](https://example.org/a)

:::warning Careful
It bites.
:::

<Tabs>
  <TabItem value="a" label="Linux">
    For Linux.
  </TabItem>
  <TabItem value="b" label="macOS">
    For macOS.
  </TabItem>
</Tabs>

![A diagram of the cluster](./cluster.png)

```diff
-old
+new
```

```json
{"a": [1, "two", null]}
```

| Left | Right |
| :--- | ---: |
| 漢字 | 1 |
| b | 22 |
"#;

fn course() -> Arc<Course> {
    let page = |name: &str, text: &str| Lesson::parse(Path::new(name), text.as_bytes()).expect("a page");
    let lessons = vec![page("/course/page.md", PAGE), page("/course/blocks.md", SECOND_PAGE)];
    let tree = CourseFolder { title: "Course".into(), lessons: vec![0, 1], ..CourseFolder::default() };
    Arc::new(Course { root: "/course".into(), title: "A course".into(), lessons, tree })
}

fn model() -> Model {
    model_in(options())
}

fn model_in(options: Options) -> Model {
    let mut model = Model::new(course(), options, (80, 24));
    update::event(&mut model, state(FIRST, StepState::Ready));
    model
}

fn on_page(mut model: Model, step: Option<StepState>) -> Model {
    model.home = false;
    let Some(step) = step else { return model };
    update::event(&mut model, state(FIRST, StepState::Running(0)));
    let text = "NAME  READY  STATUS\nweb-2  1/1  Pending\n".to_owned();
    update::event(&mut model, Event::Output { id: FIRST, command: Some(0), stream: StdStream::Stdout, text });
    let cause = if let StepState::Failed(cause) = step { Some(cause) } else { None };
    if !matches!(step, StepState::Running(_)) {
        update::event(&mut model, Event::StepDone { id: FIRST, report: step_report(cause, cause.is_none()) });
    }
    update::event(&mut model, state(FIRST, step));
    model
}

/// All sizes of a view, one below the other.
fn sizes(make: Make) -> String {
    let mut out = String::new();
    for (columns, rows) in SIZES {
        let mut model = make(options());
        model.size = (columns, rows);
        let _ = writeln!(out, "{columns}x{rows}");
        for line in draw(&mut model, columns, rows).lines() {
            let _ = writeln!(out, "|{line}");
        }
    }
    out
}

fn keyed(mut model: Model, keys: &[KeyCode]) -> Model {
    for key in keys {
        let (columns, rows) = model.size;
        draw(&mut model, columns, rows);
        press(&mut model, *key);
    }
    model
}

fn typed(model: Model, text: &str) -> Model {
    keyed(model, &text.chars().map(KeyCode::Char).collect::<Vec<_>>())
}

/// The prompt, with what was tried there.
fn prompt(options: Options) -> Model {
    let mut model = typed(on_page(model_in(options), None), "p");
    let history = vec!["kubectl get pods".to_owned(), "kubectl get nodes".to_owned()];
    update::event(&mut model, Event::History { commands: history });
    for (command, stream, text, exit_status) in [
        ("echo 'one\ntwo'", StdStream::Stdout, "one\ntwo\n", 0),
        ("kubectl get nothing", StdStream::Stderr, "error: the server doesn't have a resource type \"nothing\"\n", 1),
    ] {
        update::event(&mut model, Event::TryBegun { command: command.into() });
        update::event(&mut model, Event::TryOutput { stream, text: text.into() });
        let report = TryReport { exit_status, cause: None, calls: Vec::new() };
        update::event(&mut model, Event::TryDone { report });
    }
    typed(model, "kubectl get ")
}

fn prompt_menu(options: Options) -> Model {
    let mut model = prompt(options);
    let asked = press(&mut model, KeyCode::Tab);
    let [Request::Complete { number, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    let words = (1..40).map(|number| format!("resources-{number:02}")).collect();
    update::event(&mut model, Event::Completions { number: *number, completions: Completions { from: 12, words } });
    keyed(model, &[KeyCode::Tab, KeyCode::Tab])
}

fn failed(options: Options) -> Model {
    on_page(model_in(options), Some(StepState::Failed(Cause::Output)))
}

fn page(options: Options) -> Model {
    on_page(model_in(options), None)
}

/// Makes a view for how a person wants it.
type Make = fn(Options) -> Model;

/// Every view that there is.
const VIEWS: &[(&str, Make)] = &[
    ("home", model_in),
    ("prose", |options| {
        let mut model = page(options);
        model.lesson = 1;
        model.selected = None;
        model
    }),
    ("a_step_ready", |options| keyed(page(options), &[KeyCode::Tab, KeyCode::BackTab])),
    ("a_step_running", |options| on_page(model_in(options), Some(StepState::Running(0)))),
    ("a_step_settling", |options| {
        on_page(model_in(options), Some(StepState::Settling("STATUS: Pending, expected Running".into())))
    }),
    ("a_step_passed", |options| {
        let model = on_page(model_in(options), Some(StepState::Waiting(24)));
        keyed(model, &[KeyCode::Char('d'), KeyCode::Tab, KeyCode::BackTab])
    }),
    ("a_step_failed", |options| typed(failed(options), "e")),
    ("a_difference_by_lines", |options| keyed(failed(options), &[KeyCode::Char('v'), KeyCode::Tab, KeyCode::BackTab])),
    ("a_difference_side_by_side", |options| {
        keyed(failed(options), &[KeyCode::Char('v'), KeyCode::Char('v'), KeyCode::Tab, KeyCode::BackTab])
    }),
    ("the_output", |options| typed(on_page(model_in(options), Some(StepState::Running(0))), "t")),
    ("the_keys", |options| typed(page(options), "?")),
    ("the_outline", |options| typed(page(options), "o")),
    ("the_messages", |options| {
        let mut model = page(options);
        update::event(&mut model, Event::Notice { text: "Something happened that is worth to be known.".into() });
        typed(model, "m")
    }),
    ("the_palette", |options| typed(page(options), ":out")),
    ("the_links", |options| typed(page(options), "]f")),
    ("a_search", |options| keyed(typed(page(options), "/first"), &[KeyCode::Enter])),
    ("the_prompt", prompt),
    ("the_prompts_menu", prompt_menu),
    ("the_prompts_search", |options| {
        let mut model = prompt(options);
        let key = KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL);
        update::input(&mut model, &crossterm::event::Event::Key(key));
        typed(model, "po")
    }),
    ("quitting", |options| typed(on_page(model_in(options), Some(StepState::Running(0))), "q")),
];

#[test]
fn every_view_at_three_sizes() {
    for (name, make) in VIEWS {
        insta::assert_snapshot!(*name, sizes(*make));
    }
}

#[test]
fn every_view_in_two_themes() {
    for (name, make) in VIEWS {
        let both = ["dark", "light"].map(|theme| format!("{theme}\n{}", styles(*make, theme)));
        insta::assert_snapshot!(format!("{name}_in_colour"), both.concat());
    }
}

/// Where each style begins and ends, a row a line.
fn styles(make: Make, theme: &str) -> String {
    let (columns, rows) = SIZES[1];
    let theme = Theme::named(theme).expect("a theme");
    let mut model = make(Options { theme, ..options() });
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
    let mut cache = Cache::default();
    for _ in 0..2 {
        terminal.draw(|frame| view(frame, &mut model, &mut cache)).expect("drawn");
    }
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for row in 0..rows {
        let mut last = None;
        let mut line = String::new();
        for column in 0..columns {
            let cell = &buffer[(column, row)];
            let style = (cell.fg, cell.bg, cell.modifier);
            if last != Some(style) && !cell.symbol().trim().is_empty() {
                let ground = if cell.bg == Color::Reset { String::new() } else { format!(" on {}", cell.bg) };
                let how = if cell.modifier.is_empty() { String::new() } else { format!(" {:?}", cell.modifier) };
                let _ = write!(line, "{{{}{ground}{how}}}", cell.fg);
                last = Some(style);
            }
            line.push_str(cell.symbol());
        }
        let _ = writeln!(out, "|{}", line.trim_end());
    }
    out
}

#[test]
fn a_link_opens_its_page_and_a_tab_turns() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    assert_eq!(model.lesson, 1);
    let screen = draw(&mut model, 80, 60);
    assert!(screen.contains("For Linux.") && !screen.contains("For macOS."), "{screen}");
    assert!(!screen.contains("remark that nobody sees"), "{screen}");
    press(&mut model, KeyCode::Char('w'));
    let screen = draw(&mut model, 80, 60);
    assert!(!screen.contains("For Linux.") && screen.contains("For macOS."), "{screen}");
    press(&mut model, KeyCode::Char('f'));
    press(&mut model, KeyCode::Enter);
    assert_eq!(model.lesson, 0);
}

#[test]
fn only_addresses_of_the_web_are_given_to_the_terminal() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    let mut terminal = Terminal::new(TestBackend::new(80, 60)).expect("a test backend");
    let mut cache = Cache::default();
    terminal.draw(|frame| view(frame, &mut model, &mut cache)).expect("drawn");
    let links = cache.links.borrow();
    assert_eq!(links.iter().map(|link| (link.2, link.3.as_str())).collect::<Vec<_>>(), [(3, "https://example.org/a")]);
}

#[test]
fn a_search_goes_on_over_the_course() {
    let mut model = on_page(model(), None);
    draw(&mut model, 80, 24);
    press(&mut model, KeyCode::Char('/'));
    for letter in "bites".chars() {
        press(&mut model, KeyCode::Char(letter));
    }
    press(&mut model, KeyCode::Enter);
    let screen = draw(&mut model, 80, 24);
    assert_eq!(model.lesson, 1, "{screen}");
    assert!(screen.contains("It bites."), "{screen}");
}

#[test]
fn a_page_whose_predecessor_is_unfinished_says_so() {
    let mut model = on_page(model(), None);
    press(&mut model, KeyCode::Char(']'));
    assert!(draw(&mut model, 80, 24).contains("is not finished (0/2"));
}
