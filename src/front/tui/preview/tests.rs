//! The author's screen, drawn without a terminal.

use std::fmt::Write;
use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::model::{List, begin_anew, hear, reload};
use super::*;
use crate::check::Severity;
use crate::front::tui::keys::KeyMap;
use crate::front::tui::theme::Theme;
use crate::lesson::{CourseFolder, Lesson, StepId};
use crate::session::{EditedCourse, StepReport, StepState, Verdict};

/// A page of many paragraphs with steps between them.
fn page(paragraphs: &[&str]) -> String {
    let mut text = "---\ntitle: Pods\n---\n".to_owned();
    for paragraph in paragraphs {
        match paragraph.strip_prefix("$ ") {
            Some(command) => text.push_str(&format!("\n```bash\n$ {command}\n```\n")),
            None => text.push_str(&format!("\n{paragraph}\n")),
        }
    }
    text
}

fn course(pages: &[(&str, String)]) -> Arc<Course> {
    let lessons: Vec<Lesson> =
        pages.iter().map(|(name, text)| Lesson::parse(Path::new(name), text.as_bytes()).expect("a page")).collect();
    let tree =
        CourseFolder { title: "Course".into(), lessons: (0..lessons.len()).collect(), ..CourseFolder::default() };
    Arc::new(Course { title: "Course".into(), lessons, tree, ..Course::default() })
}

fn look(course: &Arc<Course>, remarks: &[(usize, Severity, &str)]) -> Look {
    let remarks = remarks.iter().map(|(line, severity, message)| Remark {
        path: course.lessons[0].path.clone(),
        line: *line,
        column: 1,
        severity: *severity,
        code: "some-code".into(),
        message: (*message).into(),
        help: "mend it".into(),
        text: course.lessons[0].source.lines().nth(line - 1).unwrap_or_default().to_owned(),
        fatal: false,
    });
    Look { course: Some(Arc::clone(course)), remarks: remarks.collect(), world: "w".into(), watched: Vec::new() }
}

struct Author {
    model: Model,
    preview: Preview,
    cache: Cache,
    size: (u16, u16),
}

impl Author {
    fn new(look: &Look) -> Self {
        let options = Options { keys: KeyMap::default(), theme: Theme::none(), mouse: false };
        let mut model = Model::new(look.course.clone().expect("a course"), options, (80, 24));
        model.preview = true;
        let preview = Preview::new(look);
        let mut author = Self { model, preview, cache: Cache::default(), size: (80, 24) };
        let ids: Vec<StepId> = author.model.steps.keys().copied().collect();
        for id in ids {
            hear(&mut author.model, &mut author.preview, Event::Step { id, state: StepState::Ready });
        }
        author
    }

    fn draw(&mut self) -> String {
        let (columns, rows) = self.size;
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).expect("a test backend");
        for _ in 0..2 {
            terminal
                .draw(|frame| {
                    draw_page(frame, &mut self.model, &mut self.cache);
                    if view::settle(&mut self.model, &mut self.preview, &self.cache.page.document) {
                        frame.buffer_mut().reset();
                        draw_page(frame, &mut self.model, &mut self.cache);
                    }
                    view::over(frame, &self.model, &self.preview, &self.cache.page.document);
                })
                .expect("drawn");
        }
        let buffer = terminal.backend().buffer();
        let mut text = String::new();
        for row in 0..rows {
            let line: String = (0..columns).map(|column| buffer[(column, row)].symbol()).collect();
            let _ = writeln!(text, "{}", line.trim_end());
        }
        text
    }

    fn save(&mut self, look: &Look) -> Vec<Request> {
        let lines = place::texts(&self.cache.page.document);
        let asked = reload(&mut self.model, &mut self.preview, look, lines);
        self.cache.page = Page::default();
        asked
    }

    fn press(&mut self, code: KeyCode) -> Vec<Request> {
        let key = Input::Key(KeyEvent::new(code, KeyModifiers::NONE));
        let mut asked = take(&mut self.model, &mut self.preview, &key);
        for wish in std::mem::take(&mut self.model.wishes) {
            if let Wish::Author(action) = wish {
                asked.extend(model::act(&mut self.model, &mut self.preview, action));
            }
        }
        asked
    }

    fn hear(&mut self, event: Event) {
        hear(&mut self.model, &mut self.preview, event);
    }

    /// The session says that a step ran and printed this.
    fn ran(&mut self, id: StepId, stdout: &str) {
        self.hear(Event::Step { id, state: StepState::Running(0) });
        let command = crate::session::CommandReport {
            command: "echo".into(),
            exit_status: 0,
            stdout: stdout.into(),
            stderr: String::new(),
            expected: None,
            comparison: crate::compare::Comparison::unchecked(),
            calls: Vec::new(),
        };
        let verdict = Verdict::Passed;
        let report = StepReport {
            line: 1,
            verdict,
            cause: None,
            commands: vec![command],
            hooks: Vec::new(),
            wait_s: 0,
            ms: 1,
            advice: None,
        };
        self.hear(Event::StepDone { id, report });
        self.hear(Event::Step { id, state: StepState::Passed });
    }
}

fn id(step: usize) -> StepId {
    StepId { lesson: 0, step }
}

/// Forty paragraphs, a step in the middle and one at the end.
fn long(first: &str) -> Vec<String> {
    let mut parts: Vec<String> =
        std::iter::once(first.to_owned()).chain((0..40).map(|n| format!("Paragraph {n}."))).collect();
    parts.insert(20, "$ echo middle".into());
    parts.push("$ echo end".into());
    parts
}

fn text(parts: &[String]) -> String {
    page(&parts.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_saved_page_is_shown_where_its_author_was() {
    let before = course(&[("page.md", text(&long("First.")))]);
    let mut author = Author::new(&look(&before, &[]));
    author.draw();
    author.model.scroll_to(30);
    let seen = author.draw();
    let top = |screen: &str| screen.lines().find(|line| line.contains("Paragraph")).map(str::to_owned);
    // Ten lines more ahead of it, and another step.
    let mut parts = long("First.");
    for n in 0..10 {
        parts.insert(0, format!("New {n}."));
    }
    parts.insert(0, "$ echo new".into());
    let now = course(&[("page.md", text(&parts))]);
    author.model.selected = Some(id(1));
    assert_eq!(author.save(&look(&now, &[])), [Request::TakeUp(EditedCourse(Arc::clone(&now)))]);
    assert_eq!(top(&author.draw()), top(&seen));
    assert_eq!(author.model.selected, Some(id(2)), "the same step is marked");
    assert!(author.model.scrolled() > 30);
}

#[test]
fn what_came_of_a_step_stays_with_it_until_it_is_edited() {
    let before = course(&[("page.md", page(&["$ echo one", "$ echo two"]))]);
    let mut author = Author::new(&look(&before, &[]));
    author.draw();
    author.ran(id(0), "one\n");
    author.ran(id(1), "two\n");
    let now = course(&[("page.md", page(&["$ echo zero", "$ echo one", "$ echo TWO"]))]);
    author.save(&look(&now, &[]));
    let states = |author: &Author| -> Vec<StepState> {
        (0..3).map(|step| author.model.steps[&id(step)].state.clone()).collect()
    };
    use StepState::{Passed, Ready};
    assert_eq!(states(&author), [Ready, Passed, Ready]);
    // The session has not taken it up: it speaks of the steps as they were.
    author.hear(Event::Step { id: id(1), state: StepState::Running(0) });
    assert_eq!(states(&author), [Ready, Passed, StepState::Running(0)]);
    let steps = (0..3).map(|step| (id(step), (if step == 1 { Passed } else { Ready }, None))).collect();
    author.hear(Event::TakenUp { course: EditedCourse(Arc::clone(&now)), steps });
    assert_eq!(states(&author), [Ready, Passed, Ready]);
    author.hear(Event::Step { id: id(0), state: StepState::Passed });
    assert_eq!(states(&author), [Passed, Passed, Ready], "from then on it speaks of those of now");
}

#[test]
fn a_session_speaks_of_the_course_that_it_took_up_last() {
    let courses: Vec<_> = ["a", "b", "c"]
        .iter()
        .enumerate()
        .map(|(more, _)| course(&[("page.md", page(&[&vec!["$ new"; more][..], &["$ one"]].concat()))]))
        .collect();
    let mut author = Author::new(&look(&courses[0], &[]));
    author.save(&look(&courses[1], &[]));
    author.save(&look(&courses[2], &[]));
    author.hear(Event::Step { id: id(0), state: StepState::Passed });
    assert_eq!(author.model.steps[&id(2)].state, StepState::Passed, "two edits on");
    // It took up the last one at once.
    author.hear(Event::TakenUp { course: EditedCourse(Arc::clone(&courses[2])), steps: Default::default() });
    author.hear(Event::Step { id: id(0), state: StepState::Passed });
    assert_eq!(author.model.steps[&id(0)].state, StepState::Passed);
}

#[test]
fn what_is_wrong_stands_in_the_margin_and_in_a_list_that_jumps() {
    let parts = long("First.");
    let page = course(&[("page.md", text(&parts))]);
    let lines: Vec<String> = page.lessons[0].source.lines().map(str::to_owned).collect();
    let line_of = |text: &str| lines.iter().position(|line| line.contains(text)).expect("there") + 1;
    let remarks = [
        (line_of("Paragraph 3."), Severity::Warning, "the third is odd"),
        (line_of("echo middle"), Severity::Error, "the middle is wrong"),
    ];
    let mut author = Author::new(&look(&page, &remarks));
    let screen = author.draw();
    assert!(screen.lines().next().is_some_and(|top| top.contains("✗ 1  ! 1")), "{screen}");
    let line = screen.lines().find(|line| line.contains("Paragraph 3.")).expect("seen");
    assert!(line.starts_with('!') && line.contains("the third is odd"), "{screen}");
    assert!(!screen.contains("echo middle"));
    author.press(KeyCode::Char('D'));
    let screen = author.draw();
    assert!(screen.contains(" 1 error, 1 warning "), "{screen}");
    assert!(screen.contains("the third is odd; mend it (some-code)"), "{screen}");
    author.press(KeyCode::Char('j'));
    author.press(KeyCode::Enter);
    let screen = author.draw();
    let line = screen.lines().find(|line| line.contains("$ echo middle")).expect("jumped to");
    assert!(line.starts_with('✗'), "{screen}");
    assert!(screen.contains("the middle is wrong; mend it (some-code)"), "{screen}");
    assert_eq!(author.model.selected, Some(id(0)));
    // The next one is the first again.
    author.press(KeyCode::Char('c'));
    assert!(author.draw().contains("the third is odd; mend it"));
}

#[test]
fn a_broken_page_is_shown_as_it_was_with_what_is_wrong() {
    let page = course(&[("page.md", page(&["Text.", "$ echo one"]))]);
    let mut author = Author::new(&look(&page, &[]));
    author.draw();
    author.ran(id(0), "one\n");
    let mut broken = look(&page, &[(2, Severity::Error, "the front matter is not closed")]);
    broken.remarks[0].fatal = true;
    author.save(&broken);
    let screen = author.draw();
    for text in ["the front matter is not closed", "how it last was", "$ echo one", "✗ 1"] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    assert_eq!(author.model.steps[&id(0)].state, StepState::Passed);
    author.save(&look(&page, &[]));
    let screen = author.draw();
    assert!(!screen.contains("how it last was"), "{screen}");
    // Nothing at all can be read: the same.
    let nothing = Look { course: None, remarks: broken.remarks, ..Look::default() };
    assert!(author.save(&nothing).is_empty());
    assert!(author.draw().contains("$ echo one"));
}

#[test]
fn keys_run_a_step_again_and_the_page_up_to_it() {
    let page = course(&[("page.md", page(&["$ echo one", "$ echo two"]))]);
    let mut author = Author::new(&look(&page, &[]));
    author.draw();
    assert_eq!(author.press(KeyCode::Enter), [Request::RunAgain(id(0))]);
    author.press(KeyCode::Tab);
    assert_eq!(author.press(KeyCode::Char('X')), [Request::RunTo(id(1))]);
    assert_eq!(author.press(KeyCode::Char('x')), [Request::RunAgain(id(1))]);
    author.press(KeyCode::Char('H'));
    assert!(author.press(KeyCode::Char('x')).is_empty(), "no page is open");
    // By its name too.
    author.press(KeyCode::Enter);
    author.press(KeyCode::Char(':'));
    "run-to".chars().for_each(|c| drop(author.press(KeyCode::Char(c))));
    assert_eq!(author.press(KeyCode::Enter), [Request::RunTo(id(0))]);
}

#[test]
fn what_differs_from_the_last_run_is_shown() {
    let first = course(&[("page.md", page(&["$ echo one", "$ echo two"]))]);
    let mut author = Author::new(&look(&first, &[]));
    author.draw();
    author.ran(id(0), "alpha\nbeta\n");
    author.press(KeyCode::Char('i'));
    assert!(author.draw().contains("has not run twice"));
    // An edit in between does not matter: it is still that step.
    let now = course(&[("page.md", page(&["New.", "$ echo ONE", "$ echo two"]))]);
    author.save(&look(&now, &[]));
    author.hear(Event::TakenUp { course: EditedCourse(now), steps: Default::default() });
    author.ran(id(0), "alpha\ngamma\n");
    author.model.selected = Some(id(0));
    let screen = author.draw();
    assert!(screen.contains("Step 1 did not do the same as the last time: i shows"), "{screen}");
    assert!(screen.lines().any(|line| line.starts_with('≠')), "{screen}");
    author.press(KeyCode::Char('i'));
    assert!(matches!(author.preview.list, Some(List::Changes { .. })));
    let screen = author.draw();
    for text in ["- the last time", "- beta", "+ gamma", "alpha"] {
        assert!(screen.contains(text), "no {text:?} in\n{screen}");
    }
    author.press(KeyCode::Esc);
    author.ran(id(0), "alpha\ngamma\n");
    author.press(KeyCode::Char('i'));
    assert!(author.draw().contains("did the same as the last time"));
}

#[test]
fn pages_that_come_and_go_leave_the_author_on_theirs() {
    let text = |name: &str| page(&[name, "$ echo one"]);
    let before = course(&[("a.md", text("A")), ("b.md", text("B")), ("c.md", text("C"))]);
    let mut author = Author::new(&look(&before, &[]));
    author.draw();
    author.model.home = false;
    author.model.lesson = 1;
    author.draw();
    let now = course(&[("0.md", text("0")), ("a.md", text("A")), ("b.md", text("B"))]);
    author.save(&look(&now, &[]));
    assert_eq!(author.model.lesson, 2);
    author.draw();
    // Its page is gone: the one in its place.
    let now = course(&[("0.md", text("0"))]);
    author.save(&look(&now, &[]));
    assert_eq!(author.model.lesson, 0);
    author.draw();
}

#[test]
fn a_session_that_begins_anew_has_run_nothing() {
    let page = course(&[("page.md", page(&["$ echo one"]))]);
    let mut author = Author::new(&look(&page, &[]));
    author.ran(id(0), "a\n");
    begin_anew(&mut author.model, &mut author.preview);
    assert_eq!(author.model.steps[&id(0)].state, StepState::Ready);
    // What it did before is remembered.
    author.ran(id(0), "b\n");
    assert!(author.preview.runs.differs(id(0)));
}

#[test]
fn no_size_breaks_it() {
    let page = course(&[("page.md", text(&long("First.")))]);
    let remarks = [(5, Severity::Warning, "odd"), (1, Severity::Error, "wrong"), (400, Severity::Note, "far")];
    let mut author = Author::new(&look(&page, &remarks));
    for size in [(1, 1), (2, 2), (3, 5), (20, 50), (58, 10), (80, 24), (120, 40), (200, 60)] {
        author.size = size;
        author.model.size = size;
        for keys in ["D", "j", "c", "D", "G", "k"] {
            keys.chars().for_each(|c| drop(author.press(KeyCode::Char(c))));
            author.draw();
        }
        author.press(KeyCode::Esc);
        author.draw();
    }
}
