//! Draws the model. Pure in the model and the area: the same twice, whatever the size.

mod foot;
mod home;
mod overlay;
mod pane;
mod prompt;

use std::cell::RefCell;
use std::rc::Rc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

pub(super) use pane::Whole;

use super::document::{Page, Spot, holds};
use super::keys::Action;
use super::model::{Model, Reveal};
use super::terminal::Links;
use super::theme::{Role, Theme};
use super::wrap::{columns, fit, words};
use crate::session::plain;

/// From this many columns on, the outline stands beside the page, and the step's output below it.
const WIDE: u16 = 110;
/// From this many on, the output stands beside the page.
const VERY_WIDE: u16 = 160;
const OUTLINE: u16 = 30;

/// What was laid out last, so that a frame that changes nothing of the page costs nothing.
#[derive(Default)]
pub struct Cache {
    pub page: Page,
    /// Links on the screen: row, column, columns, address.
    pub links: Rc<RefCell<Links>>,
}

/// Draws everything.
pub fn view(frame: &mut Frame<'_>, model: &mut Model, cache: &mut Cache) {
    let theme = model.options.theme;
    let area = frame.area();
    cache.links.borrow_mut().clear();
    model.laid.pages.clear();
    if area.width == 0 || area.height == 0 {
        return;
    }
    let said = notice(model, usize::from(area.width));
    // A long message takes what it needs, but leaves the page its room.
    let notice = if area.height > 6 { said.len().min(usize::from(area.height / 5)) as u16 } else { 0 };
    let [top, middle, message, bottom] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(notice),
        Constraint::Length(1),
    ])
    .areas(area);
    header(frame, top, model, theme);
    if model.home {
        home::home(frame, middle, model, theme);
    } else {
        page(frame, middle, model, cache);
    }
    frame.render_widget(Paragraph::new(said), message);
    foot::footer(frame, bottom, model, theme);
    overlay::overlay(frame, middle, model, theme);
}

/// The last message, until it is hidden.
fn notice(model: &Model, width: usize) -> Vec<Line<'static>> {
    let Some(text) = model.notices.last().filter(|_| model.notice_shown) else { return Vec::new() };
    let keys = &model.options.keys;
    let (hide, all) = (keys.hint(Action::Cancel), keys.hint(Action::Notices));
    let text = format!("{} ({hide} hides, {all} shows all)", plain(text.as_bytes()).replace('\n', " "));
    let indent = [(" ".to_owned(), Style::new())];
    words(&[(text, model.options.theme.busy())], width, &indent, &indent)
}

/// The page, with what stands beside it where there is room.
fn page(frame: &mut Frame<'_>, middle: Rect, model: &mut Model, cache: &mut Cache) {
    let theme = model.options.theme;
    let wide = middle.width >= WIDE;
    if model.prompt.open {
        return with_prompt(frame, middle, model, cache);
    }
    let step = model.looked_at();
    if model.output && step.is_none() {
        model.output = false;
    }
    if !wide {
        if model.output {
            // The page is laid out all the same: keys need to know where its steps are.
            body(frame, middle, model, cache, theme, false, true);
            pane::pane(frame, middle, model, theme, Borders::NONE);
        } else {
            body(frame, middle, model, cache, theme, false, false);
        }
        return;
    }
    let [beside, rest] = Layout::horizontal([Constraint::Length(OUTLINE), Constraint::Min(0)]).areas(middle);
    home::outline(frame, beside, model, theme);
    if middle.width >= VERY_WIDE {
        let [left, right] = Layout::horizontal([Constraint::Percentage(55), Constraint::Min(0)]).areas(rest);
        body(frame, left, model, cache, theme, true, false);
        pane::pane(frame, right, model, theme, Borders::LEFT);
    } else if step.is_some() && middle.height >= 16 {
        let high = if model.output { middle.height * 2 / 3 } else { middle.height * 2 / 5 };
        let [above, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(high)]).areas(rest);
        body(frame, above, model, cache, theme, true, false);
        pane::pane(frame, below, model, theme, Borders::TOP);
    } else {
        body(frame, rest, model, cache, theme, middle.height >= 16, false);
    }
}

/// The page with the prompt below it, or beside it where there is room.
fn with_prompt(frame: &mut Frame<'_>, middle: Rect, model: &mut Model, cache: &mut Cache) {
    let theme = model.options.theme;
    let mut rest = middle;
    if middle.width >= WIDE {
        let [beside, behind] = Layout::horizontal([Constraint::Length(OUTLINE), Constraint::Min(0)]).areas(middle);
        home::outline(frame, beside, model, theme);
        rest = behind;
    }
    if middle.width >= VERY_WIDE {
        let [left, right] = Layout::horizontal([Constraint::Percentage(50), Constraint::Min(0)]).areas(rest);
        body(frame, left, model, cache, theme, true, false);
        prompt::prompt(frame, right, model, theme, Borders::LEFT);
        return;
    }
    // A low terminal has no room for both.
    let high = if rest.height < 12 { rest.height } else { rest.height - rest.height * 2 / 5 };
    let [above, below] = Layout::vertical([Constraint::Min(0), Constraint::Length(high)]).areas(rest);
    body(frame, above, model, cache, theme, true, above.height == 0);
    prompt::prompt(frame, below, model, theme, Borders::TOP);
}

fn header(frame: &mut Frame<'_>, area: Rect, model: &Model, theme: Theme) {
    let (title, right) = if model.home {
        (model.course.title.as_str(), format!("{} pages ", model.course.lessons.len()))
    } else {
        let title = model.course.lessons.get(model.lesson).map_or("", |lesson| lesson.front_matter.title.as_str());
        let (passed, all) = model.progress(model.lesson);
        let page = format!("page {}/{} ", model.lesson + 1, model.course.lessons.len());
        (title, if all > 0 { format!("{passed}/{all} steps  {page}") } else { page })
    };
    let width = usize::from(area.width);
    let room = width.saturating_sub(columns(&right) + 1);
    let left = fit(&format!(" {}", plain(title.as_bytes())), room);
    let gap = " ".repeat(width.saturating_sub(columns(&left) + columns(&right)));
    let line = fit(&format!("{left}{gap}{right}"), width);
    frame.render_widget(Paragraph::new(Line::styled(line, theme.bar())), area);
}

#[allow(clippy::too_many_arguments, reason = "private to this file; the page is drawn in three layouts")]
fn body(
    frame: &mut Frame<'_>,
    area: Rect,
    model: &mut Model,
    cache: &mut Cache,
    theme: Theme,
    brief: bool,
    hidden: bool,
) {
    let margin = if area.width > 60 { 2 } else { 0 };
    let width = area.width.saturating_sub(2 * margin).max(1);
    cache.page.lay_out(model, usize::from(width), brief);
    let document = &cache.page.document;
    let rows = usize::from(area.height);
    model.laid.page = (document.len, rows);
    match model.reveal.take() {
        Some(Reveal::Top(id)) => {
            if let Some((first, last)) = model.laid.steps.get(&id).copied() {
                bring_into_view(model, first, last, rows);
            }
        }
        Some(Reveal::End(id)) => {
            if let Some((first, last)) = model.laid.steps.get(&id).copied() {
                let first = first.max((last + 1).saturating_sub(rows));
                bring_into_view(model, first, last, rows);
            }
        }
        Some(Reveal::Match { from, forwards }) => {
            let end = document.len.saturating_sub(1);
            let around = if forwards { 0 } else { end };
            let found = document.find(&model.search, from.min(document.len), forwards);
            model.found = found.or_else(|| document.find(&model.search, around, forwards));
            match model.found {
                Some(line) if line < model.scrolled() || line >= model.scrolled() + rows => {
                    model.scroll_to(line.saturating_sub(rows / 3));
                }
                Some(_) => {}
                None => model.say(format!("“{}” is not on this page.", model.search)),
            }
        }
        None => {}
    }
    model.laid.matches =
        if model.search.is_empty() { Vec::new() } else { document.all_matches(&model.search).collect() };
    // The page may have become shorter.
    model.scroll_to(model.scrolled());
    let from = model.scrolled();
    let x = area.x + margin.min(area.width);
    model.laid.area = (area.y, x, area.height, width);
    if hidden {
        return;
    }
    let mut lines = document.lines(from, rows);
    if !model.search.is_empty() {
        for (at, line) in lines.iter_mut().enumerate() {
            let role = if model.found == Some(from + at) { Role::FoundHere } else { Role::Found };
            mark_found(line, &model.search, theme.style(role));
        }
    }
    for Spot { line, column, width, url } in document.spots(from, rows) {
        if let Some(row) = line.checked_sub(from).filter(|row| *row < rows)
            && let Some(url) = safe_address(&url)
        {
            cache.links.borrow_mut().push((area.y + row as u16, x + column as u16, width as u16, url));
        }
    }
    let area = Rect { x, width: width.min(area.width), ..area };
    frame.render_widget(Paragraph::new(lines), area);
    for (line, column, picture) in document.pictures(from, rows) {
        let column = u16::try_from(column).unwrap_or(u16::MAX).min(area.width);
        let area = Rect { x: area.x + column, width: area.width - column, ..area };
        picture.draw(frame, area, line.cast_signed() - from.cast_signed());
    }
}

/// An address that may be given to the terminal: of the web, in printable ASCII.
fn safe_address(url: &str) -> Option<String> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    (web && url.len() <= 2000 && url.bytes().all(|byte| byte.is_ascii_graphic())).then(|| url.to_owned())
}

/// Shows what a search found in a line.
fn mark_found(line: &mut Line<'_>, needle: &str, style: Style) {
    let text = line.to_string();
    if !holds(&text, needle) {
        return;
    }
    let caseless = !needle.chars().any(char::is_uppercase);
    // Small letters may have another length: then places cannot be told.
    let text = if caseless { Some(text.to_lowercase()).filter(|small| small.len() == text.len()) } else { Some(text) };
    let Some(text) = text else { return };
    let hits: Vec<(usize, usize)> = text.match_indices(needle).map(|(at, hit)| (at, at + hit.len())).collect();
    let mut spans = Vec::new();
    let mut at = 0;
    for span in &line.spans {
        let (first, end) = (at, at + span.content.len());
        let mut cuts: Vec<usize> =
            hits.iter().flat_map(|(a, b)| [*a, *b]).filter(|cut| (first..end).contains(cut)).collect();
        cuts.push(end);
        let mut from = first;
        for cut in cuts {
            if cut > from
                && let Some(part) = span.content.get(from - first..cut - first)
            {
                let inside = hits.iter().any(|(a, b)| (*a..*b).contains(&from));
                let look = if inside { span.style.patch(style) } else { span.style };
                spans.push(Span::styled(part.to_owned(), look));
                from = cut;
            }
        }
        at = end;
    }
    line.spans = spans;
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

/// A block with borders, for what stands beside the page.
fn framed(borders: Borders, theme: Theme, active: bool) -> Block<'static> {
    Block::new().borders(borders).border_style(if active { theme.ready() } else { theme.quiet() })
}
