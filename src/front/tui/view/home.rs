//! The course: its folders and pages, how far one is, how long each takes. As a screen of its own, and as the outline.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Borders, Paragraph};

use super::framed;
use crate::front::tui::keys::Action;
use crate::front::tui::model::Model;
use crate::front::tui::theme::{Role, Theme, sign, words};
use crate::front::tui::wrap::{self, columns, fit};
use crate::lesson::{CourseFolder, Lesson};
use crate::session::{StepState, plain};

/// A list of pages, being made.
pub(super) struct Listing<'a> {
    pub(super) model: &'a Model,
    pub(super) theme: Theme,
    pub(super) width: usize,
    pub(super) marked: usize,
    /// Whether the steps of the page that is shown stand below it.
    pub(super) steps: bool,
    /// Whether the time that pages need is shown.
    pub(super) times: bool,
    pub(super) lines: Vec<(Line<'static>, Option<usize>)>,
    pub(super) at: usize,
}

impl Listing<'_> {
    pub(super) fn folder(&mut self, folder: &CourseFolder, depth: usize) {
        let indent = " ".repeat(depth * 2);
        // The page that speaks for its folder stands in the folder's line.
        let title_of = |lesson: &usize| self.model.course.lessons.get(*lesson).map(|page| &page.front_matter.title);
        let own = usize::from(folder.lessons.first().and_then(title_of) == Some(&folder.title));
        if own == 0 {
            let title = fit(&format!(" {indent}{}", plain(folder.title.as_bytes())), self.width);
            self.lines.push((Line::styled(title, Style::new().add_modifier(Modifier::BOLD)), None));
        }
        for (at, lesson) in folder.lessons.iter().enumerate() {
            self.page(*lesson, &indent, at < own);
        }
        for folder in &folder.folders {
            self.folder(folder, depth + 1);
        }
    }

    /// A page's line; `speaks` for the page that stands in its folder's.
    fn page(&mut self, lesson: usize, indent: &str, speaks: bool) {
        let Some(page) = self.model.course.lessons.get(lesson) else { return };
        let (passed, all) = self.model.progress(lesson);
        let failed = self.model.steps_of(lesson).any(|(_, step)| matches!(step.state, StepState::Failed(_)));
        let (mark, style) = match (passed, all) {
            (_, 0) => (" ", Style::new()),
            (passed, all) if passed == all => ("✓", self.theme.good()),
            _ if failed => ("✗", self.theme.bad()),
            (0, _) => ("○", Style::new()),
            _ => ("◐", self.theme.busy()),
        };
        let mut right = if all > 0 { format!(" {passed}/{all}") } else { String::new() };
        if self.times
            && let Some(minutes) = minutes(page)
        {
            right = format!("{right}  {minutes:>3} min");
        }
        right.push(' ');
        let pointer = if lesson == self.marked { "›" } else { " " };
        let mark = if speaks && all == 0 { String::new() } else { format!("{mark} ") };
        let left = format!("{pointer}{indent}{mark}{}", plain(page.front_matter.title.as_bytes()));
        let left = fit(&left, self.width.saturating_sub(columns(&right)));
        let gap = " ".repeat(self.width.saturating_sub(columns(&left) + columns(&right)));
        let style = if lesson == self.marked { self.theme.style(Role::Selected) } else { style };
        let style = if speaks { style.add_modifier(Modifier::BOLD) } else { style };
        if lesson == self.marked {
            self.at = self.lines.len();
        }
        self.lines.push((Line::styled(fit(&format!("{left}{gap}{right}"), self.width), style), Some(lesson)));
        if self.steps && lesson == self.model.lesson {
            for (number, (id, step)) in self.model.page_steps().enumerate() {
                let pointer = if self.model.selected == Some(id) { "›" } else { " " };
                let short = match &step.state {
                    StepState::Settling(_) => "waiting for the cluster".to_owned(),
                    StepState::Ready => "ready".to_owned(),
                    StepState::Failed(_) => "failed".to_owned(),
                    state => words(state),
                };
                let text = format!("{} {} {short}", sign(&step.state), number + 1);
                let line = Line::from(vec![
                    Span::raw(format!("  {indent}{pointer} ")),
                    Span::styled(fit(&text, self.width.saturating_sub(4 + indent.len())), self.theme.step(&step.state)),
                ]);
                self.lines.push((line, Some(lesson)));
            }
        }
    }
}

/// The minutes that a page says it takes.
pub(super) fn minutes(page: &Lesson) -> Option<u32> {
    let (_, behind) = page.source.split_once("estimatedLabExecutionTimeMinutes=")?;
    let digits: String = behind.trim_start_matches(['"', '\'', '{']).chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The outline beside the page.
pub(super) fn outline(frame: &mut Frame<'_>, area: Rect, model: &mut Model, theme: Theme) {
    let width = usize::from(area.width.saturating_sub(1));
    let mut listing =
        Listing { model, theme, width, marked: model.lesson, steps: true, times: false, lines: Vec::new(), at: 0 };
    listing.folder(&model.course.tree, 0);
    let Listing { lines, at, .. } = listing;
    let rows = usize::from(area.height);
    let from = (at + rows / 2).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    put(frame, area, model, lines, from, Borders::RIGHT, theme);
}

fn put(
    frame: &mut Frame<'_>,
    area: Rect,
    model: &mut Model,
    lines: Vec<(Line<'static>, Option<usize>)>,
    from: usize,
    borders: Borders,
    theme: Theme,
) {
    let shown: Vec<_> = lines.into_iter().skip(from).take(usize::from(area.height)).collect();
    for (row, (_, lesson)) in shown.iter().enumerate() {
        model.laid.pages.extend(lesson.map(|lesson| (area.y + row as u16, lesson)));
    }
    let lines: Vec<Line<'_>> = shown.into_iter().map(|(line, _)| line).collect();
    frame.render_widget(Paragraph::new(lines).block(framed(borders, theme, false)), area);
}

/// The course as a screen of its own.
pub(super) fn home(frame: &mut Frame<'_>, area: Rect, model: &mut Model, theme: Theme) {
    let width = usize::from(area.width);
    let (mut passed, mut all, mut time) = (0, 0, 0);
    for (at, page) in model.course.lessons.iter().enumerate() {
        let (done, of) = model.progress(at);
        passed += done;
        all += of;
        if of == 0 || done < of {
            time += minutes(page).unwrap_or(0);
        }
    }
    let mut head: Vec<Line<'static>> = vec![Line::default()];
    let bar_width = width.saturating_sub(4).min(40);
    let filled = (bar_width * passed).checked_div(all).unwrap_or(0);
    if all > 0 {
        head.push(Line::from(vec![
            Span::raw("  "),
            Span::styled("█".repeat(filled), theme.good()),
            Span::styled("░".repeat(bar_width - filled), theme.quiet()),
        ]));
    }
    let left = if time > 0 { format!(", about {time} minutes to go") } else { String::new() };
    let run = model.options.keys.hint(Action::Run);
    let resume = model.resume();
    let title = model.course.lessons.get(resume).map_or("", |page| page.front_matter.title.as_str());
    let title = plain(title.as_bytes());
    let next = match passed {
        0 => format!("{run} begins."),
        passed if passed == all => "All steps are done. Well done.".to_owned(),
        _ if model.marked_page() == resume => format!("{run} goes on with “{title}”."),
        _ => String::new(),
    };
    let indent = [("  ".to_owned(), Style::new())];
    let said = vec![(format!("{passed} of {all} steps done{left}. {next}"), Style::new())];
    head.extend(wrap::words(&said, width.saturating_sub(2), &indent, &indent));
    let marked = model.marked_page();
    if let Some(before) = model.unfinished_before(marked).and_then(|before| model.course.lessons.get(before)) {
        let title = plain(before.front_matter.title.as_bytes());
        let text = format!("The page before the marked one, “{title}”, is not finished; you may go on all the same.");
        head.extend(wrap::words(&[(text, theme.busy())], width.saturating_sub(2), &indent, &indent));
    }
    head.push(Line::default());
    let head_rows = (head.len() as u16).min(area.height / 2);
    frame.render_widget(Paragraph::new(head), Rect { height: head_rows, ..area });
    let list = Rect { y: area.y + head_rows, height: area.height - head_rows, width: area.width.min(90), ..area };
    let mut listing = Listing {
        model,
        theme,
        width: usize::from(list.width),
        marked,
        steps: false,
        times: true,
        lines: Vec::new(),
        at: 0,
    };
    listing.folder(&model.course.tree, 0);
    let Listing { lines, at, .. } = listing;
    let rows = usize::from(list.height);
    let from = (at + rows / 2 + 1).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    put(frame, list, model, lines, from, Borders::NONE, theme);
}
