//! What an author sees besides the learner's screen: the count of what is wrong at the top, its places in the margin, and lists.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::model::{List, Preview, Remark, Then};
use super::place::{follow, places, texts};
use super::runs::Change;
use crate::check::Severity;
use crate::front::tui::difference;
use crate::front::tui::document::Document;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay};
use crate::front::tui::theme::{Role, Theme};
use crate::front::tui::wrap::{self, Run, columns, fit};
use crate::session::{Verdict, plain};

/// A remark beside a line needs so many columns at least.
const BESIDE: usize = 24;

/// Does what waited for the page to be laid out; whether it is to be drawn again.
pub fn settle(model: &mut Model, preview: &mut Preview, document: &Document) -> bool {
    let Some(then) = preview.then.take() else { return false };
    if model.home {
        return false;
    }
    let rows = model.laid.page.1;
    match then {
        Then::Keep { lines, top } => {
            let now = follow(&lines, &texts(document), top);
            model.scroll_to(now);
        }
        Then::Show(number) => {
            let places = places(model, preview, document);
            if let Some((line, _)) = places.iter().find(|(_, of)| *of == number) {
                model.scroll_to(line.saturating_sub(rows / 3));
            }
            preview.shown = Some(number);
            say(model, preview, number);
        }
        Then::ShowNext => {
            let places = places(model, preview, document);
            let last = preview.shown.and_then(|shown| places.iter().position(|(_, of)| *of == shown));
            let next = match last {
                Some(last) => places.get((last + 1) % places.len()),
                None => places.iter().find(|(line, _)| *line >= model.scrolled()).or(places.first()),
            };
            match next.copied() {
                Some((line, number)) => {
                    if line < model.scrolled() || line >= model.scrolled() + rows {
                        model.scroll_to(line.saturating_sub(rows / 3));
                    }
                    preview.shown = Some(number);
                    say(model, preview, number);
                }
                None => model.say("Nothing is wrong with this page."),
            }
        }
    }
    true
}

fn say(model: &mut Model, preview: &Preview, number: usize) {
    if let Some(remark) = preview.remarks.get(number) {
        model.say(format!("{} {}: {}", sign(remark.severity), remark.line, whole(remark)));
    }
}

/// A remark in full.
fn whole(remark: &Remark) -> String {
    let mut text = remark.message.clone();
    if !remark.help.is_empty() {
        text.push_str(&format!("; {}", remark.help));
    }
    if !remark.code.is_empty() {
        text.push_str(&format!(" ({})", remark.code));
    }
    text
}

fn sign(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "✗",
        Severity::Warning => "!",
        Severity::Note => "·",
    }
}

fn style(severity: Severity, theme: Theme) -> Style {
    match severity {
        Severity::Error => theme.bad(),
        Severity::Warning => theme.busy(),
        Severity::Note => theme.quiet(),
    }
}

/// Draws over the learner's screen what an author sees besides.
pub fn over(frame: &mut Frame<'_>, model: &Model, preview: &Preview, document: &Document) {
    let area = frame.area();
    if area.width == 0 || area.height == 0 {
        return;
    }
    header(frame, Rect { height: 1, ..area }, model, preview);
    if !model.home && model.overlay == Overlay::None {
        margin(frame, model, preview, document);
    }
    if let Some(list) = preview.list {
        let middle = Rect { y: area.y + 1, height: area.height.saturating_sub(2), ..area };
        draw_list(frame, middle, model, preview, list);
        let foot = Rect { y: area.y + area.height - 1, height: 1, ..area };
        let keys = &model.options.keys;
        let open = match list {
            List::Findings { .. } => format!("{} goes there  ", keys.hint(Action::Run)),
            List::Changes { .. } => String::new(),
        };
        let (down, up) = (keys.hint(Action::Down), keys.hint(Action::Up));
        let text = format!(" {open}{down}/{up} move  {} close", keys.hint(Action::Cancel));
        let width = usize::from(area.width);
        let text = fit(&text, width);
        let gap = " ".repeat(width.saturating_sub(columns(&text)));
        frame.render_widget(Paragraph::new(Line::styled(format!("{text}{gap}"), model.options.theme.bar())), foot);
    }
}

fn header(frame: &mut Frame<'_>, area: Rect, model: &Model, preview: &Preview) {
    let width = usize::from(area.width);
    let mut counts = String::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let count = preview.count(severity);
        if count > 0 {
            counts.push_str(&format!("{} {count}  ", sign(severity)));
        }
    }
    if counts.is_empty() {
        counts.push_str("✓  ");
    }
    let (title, place) = if model.home {
        (model.course.title.as_str(), format!("{} pages ", model.course.lessons.len()))
    } else {
        let title = model.course.lessons.get(model.lesson).map_or("", |page| page.front_matter.title.as_str());
        let (passed, all) = model.progress(model.lesson);
        let page = format!("page {}/{} ", model.lesson + 1, model.course.lessons.len());
        (title, if all > 0 { format!("{passed}/{all} steps  {page}") } else { page })
    };
    let right = format!("{counts}{place}");
    let left = fit(&format!(" Preview: {}", plain(title.as_bytes())), width.saturating_sub(columns(&right) + 1));
    let gap = " ".repeat(width.saturating_sub(columns(&left) + columns(&right)));
    let line = fit(&format!("{left}{gap}{right}"), width);
    frame.render_widget(Paragraph::new(Line::styled(line, model.options.theme.bar())), area);
}

/// The signs beside the lines that something is wrong with, and what it is where there is room behind the line.
fn margin(frame: &mut Frame<'_>, model: &Model, preview: &Preview, document: &Document) {
    let theme = model.options.theme;
    let (top, left, rows, width) = model.laid.area;
    // In a narrow terminal the output takes the page's place.
    if model.output && (left < 2 || frame.area().width < 110) {
        return;
    }
    let column = left.saturating_sub(2);
    let from = model.scrolled();
    let row = |line: usize| line.checked_sub(from).filter(|row| *row < usize::from(rows)).map(|row| top + row as u16);
    for (id, (first, _)) in model.laid.steps.iter().filter(|(id, _)| preview.runs.differs(**id)) {
        if let Some(row) = row(*first).filter(|_| id.lesson == model.lesson) {
            frame.buffer_mut().set_string(column, row, "≠", theme.busy());
        }
    }
    let mut places = places(model, preview, document);
    // Of several at one place the worst is seen.
    places.sort_by_key(|(line, number)| (*line, std::cmp::Reverse(preview.remarks[*number].severity)));
    places.dedup_by_key(|(line, _)| *line);
    for (line, number) in places {
        let Some(row) = row(line) else { continue };
        let remark = &preview.remarks[number];
        let look = style(remark.severity, theme);
        frame.buffer_mut().set_string(column, row, sign(remark.severity), look);
        let used = document.lines(line, 1).first().map_or(0, |line| columns(line.to_string().trim_end()));
        let room = usize::from(width).saturating_sub(used + 2);
        if room >= BESIDE && remark.severity > Severity::Note {
            let text = fit(&plain(remark.message.as_bytes()).replace('\n', " "), room);
            frame.buffer_mut().set_string(left + used as u16 + 2, row, text, theme.quiet());
        }
    }
}

fn draw_list(frame: &mut Frame<'_>, area: Rect, model: &Model, preview: &Preview, list: List) {
    let theme = model.options.theme;
    let wide = area.width.min(100);
    let width = usize::from(wide.saturating_sub(2)).max(1);
    let (title, lines, at) = match list {
        List::Findings { at } => findings(model, preview, at, width),
        List::Changes { id, top } => {
            let number = model.steps_of(id.lesson).position(|(other, _)| other == id).map_or(0, |at| at + 1);
            (
                format!(" Step {number}: the last time, and this time "),
                changes(preview.runs.changes(id), width, theme),
                top,
            )
        }
    };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let popup =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - height) / 2, width: wide, height };
    let rows = usize::from(height.saturating_sub(2));
    let most = lines.len().saturating_sub(rows);
    let from = match list {
        List::Findings { .. } => (at + rows / 2 + 1).saturating_sub(rows),
        List::Changes { .. } => at,
    };
    let lines: Vec<Line<'_>> = lines.into_iter().skip(from.min(most)).collect();
    frame.render_widget(Clear, popup);
    let block = Block::bordered().title(title).border_style(theme.ready());
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}

/// The lines of the list of what is wrong, and which of them is the marked one.
fn findings(model: &Model, preview: &Preview, at: usize, width: usize) -> (String, Vec<Line<'static>>, usize) {
    let theme = model.options.theme;
    let count = |severity: Severity| {
        let count = preview.count(severity);
        (count > 0).then(|| format!("{count} {}{}", severity.word(), if count == 1 { "" } else { "s" }))
    };
    let counts: Vec<String> =
        [Severity::Error, Severity::Warning, Severity::Note].into_iter().filter_map(count).collect();
    let mut lines = Vec::new();
    let mut marked = 0;
    for (number, remark) in preview.remarks.iter().enumerate() {
        let path = remark.path.strip_prefix(&model.course.root).unwrap_or(&remark.path);
        let place = format!("{}:{}", plain(path.display().to_string().as_bytes()), remark.line);
        let message = plain(remark.message.as_bytes()).replace('\n', " ");
        let text = fit(&format!(" {} {place}  {message}", sign(remark.severity)), width);
        let look = if number == at { theme.style(Role::Selected) } else { style(remark.severity, theme) };
        if number == at {
            marked = lines.len();
        }
        lines.push(Line::styled(text, look));
        if number == at {
            let indent: [Run; 1] = [("     ".to_owned(), Style::new())];
            let text = plain(whole(remark).as_bytes()).replace('\n', " ");
            lines.extend(wrap::words(&[(text, theme.quiet())], width, &indent, &indent));
        }
    }
    (format!(" {} ", counts.join(", ")), lines, marked)
}

fn changes(changes: &[Change], width: usize, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let command = |text: &str| {
        let first = plain(text.as_bytes()).lines().next().unwrap_or_default().to_owned();
        Line::styled(fit(&format!("$ {first}"), width), theme.style(Role::Function))
    };
    let verdict = |verdict: Verdict| match verdict {
        Verdict::Passed => "passed",
        Verdict::Failed => "failed",
        Verdict::Skipped => "not tried",
    };
    for change in changes {
        match change {
            Change::Verdict { before, now } => {
                lines.push(Line::raw(format!("{}, before: {}", verdict(*now), verdict(*before))));
            }
            Change::Command { command: text, now } => {
                lines.push(command(text));
                lines.push(Line::raw(if *now { "  ran this time only" } else { "  ran the last time only" }));
            }
            Change::Status { command: text, before, now } => {
                lines.push(command(text));
                lines.push(Line::raw(format!("  exit status {now}, before: {before}")));
            }
            Change::Output(report) => {
                lines.push(command(&report.command));
                let indent: [Run; 1] = [("  ".to_owned(), Style::new())];
                let names = ["the last time", "this time"];
                for line in difference::named(report, names, false, width.saturating_sub(2), theme) {
                    lines.extend(wrap::cut(&line, width, &indent, &indent));
                }
            }
        }
    }
    lines
}
