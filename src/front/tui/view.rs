//! Draws the model. Pure in the model and the area: the same twice, whatever the size.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph};

use super::document::{Document, layout};
use super::keys::Action;
use super::model::{Model, Overlay, Reveal};
use super::theme::{Theme, sign, words};
use super::wrap::{columns, fit};
use crate::lesson::{CourseFolder, blocks};
use crate::session::{StepState, plain};

/// From this many columns on, the outline stands beside the page.
const WIDE: u16 = 110;
const OUTLINE: u16 = 34;

/// What was laid out last, so that a frame that changes nothing of the page costs nothing.
#[derive(Default)]
pub struct Cache {
    key: Option<(usize, u64, u16)>,
    parsed: Option<(usize, Vec<blocks::Block>)>,
    document: Document,
}

/// Draws everything.
pub fn view(frame: &mut Frame<'_>, model: &mut Model, cache: &mut Cache) {
    let theme = model.options.theme;
    let area = frame.area();
    if area.width == 0 || area.height == 0 {
        return;
    }
    let notice = if model.notice_shown && area.height > 6 { 1 } else { 0 };
    let [top, middle, message, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(notice),
        Constraint::Length(1),
    ])
    .areas(area);
    let page = if area.width >= WIDE {
        let [outline_area, page] = Layout::horizontal([Constraint::Length(OUTLINE), Constraint::Min(0)]).areas(middle);
        outline(frame, outline_area, model, theme);
        page
    } else {
        middle
    };
    header(frame, top, model, theme);
    body(frame, page, model, cache, theme);
    if notice > 0
        && let Some(text) = model.notices.last()
    {
        let text = fit(&format!(" {} (Esc hides, m shows all)", plain(text.as_bytes())), usize::from(message.width));
        frame.render_widget(Paragraph::new(Line::styled(text, theme.busy())), message);
    }
    footer(frame, bottom, model, theme);
    overlay(frame, middle, model, theme);
}

fn header(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let title = model.course.lessons.get(model.lesson).map_or("", |lesson| lesson.front_matter.title.as_str());
    let (passed, all) = model.progress(model.lesson);
    let mut right = format!("page {}/{} ", model.lesson + 1, model.course.lessons.len());
    if all > 0 {
        right = format!("{passed}/{all} steps  {right}");
    }
    let width = usize::from(area.width);
    let room = width.saturating_sub(columns(&right) + 1);
    let left = fit(&format!(" {}", plain(title.as_bytes())), room);
    let gap = " ".repeat(width.saturating_sub(columns(&left) + columns(&right)));
    let line = fit(&format!("{left}{gap}{right}"), width);
    frame.render_widget(Paragraph::new(Line::styled(line, theme.bar())), area);
}

fn body(frame: &mut Frame<'_>, area: Rect, model: &mut Model, cache: &mut Cache, theme: Theme) {
    let margin = if area.width > 60 { 2 } else { 0 };
    let width = area.width.saturating_sub(2 * margin).max(1);
    let key = (model.lesson, model.version, width);
    if cache.key != Some(key) {
        if cache.parsed.as_ref().is_none_or(|(lesson, _)| *lesson != model.lesson) {
            let blocks = model.course.lessons.get(model.lesson).map(blocks::of).unwrap_or_default();
            cache.parsed = Some((model.lesson, blocks));
        }
        let blocks = cache.parsed.as_ref().map_or(&[][..], |(_, blocks)| blocks);
        cache.document = layout(model, blocks, usize::from(width), theme);
        cache.key = Some(key);
    }
    let rows = usize::from(area.height);
    model.extent = (cache.document.lines.len(), rows);
    if model.places != cache.document.steps {
        model.places.clone_from(&cache.document.steps);
    }
    match model.reveal.take() {
        Some(Reveal::Top(id)) => {
            if let Some((first, last)) = cache.document.steps.get(&id).copied() {
                bring_into_view(model, first, last, rows);
            }
        }
        Some(Reveal::End(id)) => {
            if let Some((first, last)) = cache.document.steps.get(&id).copied() {
                let first = first.max((last + 1).saturating_sub(rows));
                bring_into_view(model, first, last, rows);
            }
        }
        None => {}
    }
    // The page may have become shorter.
    model.scroll_to(model.scrolled());
    let lines: Vec<Line<'_>> = cache.document.lines.iter().skip(model.scrolled()).take(rows).cloned().collect();
    let area = Rect { x: area.x + margin.min(area.width), width: width.min(area.width), ..area };
    frame.render_widget(Paragraph::new(lines), area);
}

/// Scrolls as little as shows the lines, the first one before all.
fn bring_into_view(model: &mut Model, first: usize, last: usize, rows: usize) {
    let at = model.scrolled();
    if last >= at + rows {
        model
            .scroll_to((last + 1).saturating_sub(rows).min(first.saturating_sub(2).max(last + 1 - rows.min(last + 1))));
    }
    if first < model.scrolled() {
        model.scroll_to(first.saturating_sub(2));
    }
}

fn footer(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let text = if model.confirm_quit {
        match model.running() {
            Some(_) => " A step is running. q again quits and cancels it; any other key goes on.".to_owned(),
            None => " Ctrl-C again, or q, quits.".to_owned(),
        }
    } else if !model.started {
        " Starting the sandbox …  q quit".to_owned()
    } else {
        let mut keys: Vec<&str> = Vec::new();
        let waiting = match model.running().and_then(|id| model.steps.get(&id)).map(|step| &step.state) {
            Some(state @ (StepState::Waiting(_) | StepState::Hook(_))) => words(state),
            _ => String::new(),
        };
        if !waiting.is_empty() {
            keys.push(&waiting);
        }
        let state = model.selected.and_then(|id| model.steps.get(&id)).map(|step| &step.state);
        let seen = model.selected.is_none_or(|id| model.sees(id));
        match state {
            Some(StepState::Ready | StepState::Failed(_)) if !seen => keys.push("Enter read on"),
            Some(StepState::Ready) => keys.push("Enter run"),
            Some(StepState::Failed(_) | StepState::Unfinished) => keys.push("Enter try again"),
            Some(StepState::Waiting(_)) => keys.push("s skip the wait"),
            Some(StepState::Settling(_)) => keys.push("s stop waiting"),
            Some(StepState::Passed) | None if !model.at_end() => keys.push("Enter read on"),
            Some(StepState::Passed) | None => keys.push("Enter next page"),
            _ => {}
        }
        if model.running().is_some() {
            keys.push("Esc cancel");
        }
        if model.looked_at().is_some() {
            keys.push("d details");
        }
        if matches!(state, Some(StepState::Passed | StepState::Failed(_))) {
            keys.push("u undo");
        }
        keys.extend(["n next step", "j/k scroll", "] page", "o outline", "? keys", "q quit"]);
        // The way to all keys, and out, is always seen.
        for lesser in ["n next step", "o outline", "j/k scroll", "d details", "] page"] {
            if columns(&keys.join("  ")) + 2 <= usize::from(area.width) {
                break;
            }
            keys.retain(|key| *key != lesser);
        }
        format!(" {}", keys.join("  "))
    };
    let width = usize::from(area.width);
    let text = fit(&text, width);
    let gap = " ".repeat(width.saturating_sub(columns(&text)));
    frame.render_widget(Paragraph::new(Line::styled(format!("{text}{gap}"), theme.bar())), area);
}

/// The course's folders and pages, and the steps of the page that is shown.
fn outline(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let (lines, at) = outline_lines(model, model.lesson, true, theme);
    let rows = usize::from(area.height);
    let from = (at + rows / 2).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    let lines: Vec<Line<'_>> = lines.into_iter().skip(from).take(rows).collect();
    let block = Block::new().borders(Borders::RIGHT).border_style(theme.quiet());
    frame.render_widget(Paragraph::new(lines).block(block), area);
}

/// The outline's lines, and which of them is the marked page.
fn outline_lines(model: &Model, marked: usize, steps: bool, theme: Theme) -> (Vec<Line<'static>>, usize) {
    let mut lines = Vec::new();
    let mut at = 0;
    folder_lines(model, &model.course.tree, 0, marked, steps, theme, &mut lines, &mut at);
    (lines, at)
}

#[allow(clippy::too_many_arguments, reason = "a recursion over one tree, private to this file")]
fn folder_lines(
    model: &Model,
    folder: &CourseFolder,
    depth: usize,
    marked: usize,
    steps: bool,
    theme: Theme,
    lines: &mut Vec<Line<'static>>,
    at: &mut usize,
) {
    let indent = " ".repeat(depth * 2);
    let title = format!(" {indent}{}", plain(folder.title.as_bytes()));
    lines.push(Line::styled(title, Style::new().add_modifier(Modifier::BOLD)));
    for lesson in &folder.lessons {
        let Some(page) = model.course.lessons.get(*lesson) else { continue };
        let (passed, all) = model.progress(*lesson);
        let mark = if all > 0 && passed == all { "✓" } else { " " };
        let progress = if all > 0 { format!(" {passed}/{all}") } else { String::new() };
        let title = plain(page.front_matter.title.as_bytes());
        let text = format!(" {indent}{mark} {title}{progress}");
        let style = if *lesson == marked { theme.bar() } else { Style::new() };
        if *lesson == marked {
            *at = lines.len();
        }
        lines.push(Line::styled(text, style));
        if steps && *lesson == model.lesson {
            for (number, (id, step)) in model.page_steps().enumerate() {
                let pointer = if model.selected == Some(id) { "›" } else { " " };
                let short = match &step.state {
                    StepState::Settling(_) => "waiting for the cluster".to_owned(),
                    StepState::Ready => "ready".to_owned(),
                    StepState::Failed(_) => "failed".to_owned(),
                    state => words(state),
                };
                lines.push(Line::from(vec![
                    Span::raw(format!("  {indent}{pointer} ")),
                    Span::styled(format!("{} {} {short}", sign(&step.state), number + 1), theme.step(&step.state)),
                ]));
            }
        }
    }
    for folder in &folder.folders {
        folder_lines(model, folder, depth + 1, marked, steps, theme, lines, at);
    }
}

fn overlay(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let (title, lines, at) = match model.overlay {
        Overlay::None => return,
        Overlay::Help => {
            let keys = |action: &Action| {
                model.options.keys.keys(*action).map(|chord| chord.to_string()).collect::<Vec<_>>().join(" ")
            };
            let wide = Action::ALL.iter().map(|action| columns(&keys(action))).max().unwrap_or(0) + 2;
            let width = usize::from(area.width.min(84).saturating_sub(2));
            let lines = |action: &Action| {
                let keys = [(format!("{:wide$}", keys(action)), theme.ready())];
                let rest = [(" ".repeat(wide), Style::new())];
                super::wrap::words(&[(action.what().to_owned(), Style::new())], width, &keys, &rest)
            };
            (" Keys ", Action::ALL.iter().flat_map(lines).collect(), 0)
        }
        Overlay::Outline { at } => {
            let (lines, at) = outline_lines(model, at, false, theme);
            (" Outline: Enter opens ", lines, at)
        }
        Overlay::Notices if model.notices.is_empty() => (" Messages ", vec![Line::raw("There are none.")], 0),
        Overlay::Notices => {
            let width = usize::from(area.width.saturating_sub(4)).max(1);
            let wrapped = |text: &String| {
                super::wrap::words(
                    &[(plain(text.as_bytes()), Style::new())],
                    width,
                    &[],
                    &[("  ".into(), Style::new())],
                )
            };
            (" Messages ", model.notices.iter().rev().flat_map(wrapped).collect(), 0)
        }
    };
    let height = (lines.len() as u16).saturating_add(2).min(area.height);
    let width = area.width.min(84);
    let popup = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let rows = usize::from(height.saturating_sub(2));
    let from = (at + rows / 2 + 1).saturating_sub(rows).min(lines.len().saturating_sub(rows));
    let lines: Vec<Line<'_>> = lines.into_iter().skip(from).collect();
    frame.render_widget(Clear, popup);
    let block = Block::bordered().title(title).border_style(theme.ready());
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}
