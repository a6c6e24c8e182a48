//! What lies over the page: keys, outline, messages, palette, links.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Clear, Paragraph};

use super::home::Listing;
use crate::front::tui::keys::Action;
use crate::front::tui::model::{Model, Overlay};
use crate::front::tui::theme::{Role, Theme};
use crate::front::tui::update::palette;
use crate::front::tui::wrap::{self, columns, fit};
use crate::session::plain;

pub(super) fn overlay(frame: &mut Frame<'_>, area: Rect, model: &mut Model, theme: Theme) {
    let width = usize::from(area.width.min(84).saturating_sub(2)).max(1);
    // Lines, and the line to be seen; a scrolled list begins with it.
    let (title, lines, at, scrolled) = match model.overlay {
        Overlay::None => return,
        Overlay::Help { at } => (" Keys ", help(model, width, theme), at, true),
        Overlay::Notices { at } => {
            let rest = [("  ".to_owned(), Style::new())];
            let wrapped = |text: &String| wrap::words(&[(plain(text.as_bytes()), Style::new())], width, &[], &rest);
            let mut lines: Vec<Line<'static>> = model.notices.iter().rev().flat_map(wrapped).collect();
            if lines.is_empty() {
                lines.push(Line::raw("There are none."));
            }
            (" Messages ", lines, at, true)
        }
        Overlay::Outline { at } => {
            let mut listing =
                Listing { model, theme, width, marked: at, steps: false, times: true, lines: Vec::new(), at: 0 };
            listing.folder(&model.course.tree, 0);
            let at = listing.at;
            (" Pages ", listing.lines.into_iter().map(|(line, _)| line).collect(), at, false)
        }
        Overlay::Palette { at } => {
            let typed = model.typing.as_ref().map_or("", |typing| typing.text.as_str());
            let found = palette::entries(model, typed);
            let lines = found.iter().enumerate().map(|(number, entry)| {
                let key = entry.key(model);
                let left = fit(&format!(" {}", entry.text(model)), width.saturating_sub(columns(&key) + 2));
                let gap = " ".repeat(width.saturating_sub(columns(&left) + columns(&key) + 1));
                let style = if number == at { theme.style(Role::Selected) } else { Style::new() };
                Line::styled(format!("{left}{gap}{key} "), style)
            });
            let mut lines: Vec<Line<'static>> = lines.collect();
            if lines.is_empty() {
                lines.push(Line::styled(" Nothing is named like that.", theme.quiet()));
            }
            (" What to do ", lines, at, false)
        }
        Overlay::Links { at } => {
            let mut lines: Vec<Line<'static>> = Vec::new();
            for (number, (_, text, url)) in model.laid.links.iter().enumerate() {
                let style = if number == at { theme.style(Role::Selected) } else { Style::new() };
                let (text, url) = (plain(text.as_bytes()), plain(url.as_bytes()));
                let line = if text == url { format!(" {url}") } else { format!(" {text}  {url}") };
                lines.push(Line::styled(fit(&line.replace('\n', " "), width), style));
            }
            if lines.is_empty() {
                lines.push(Line::styled(" There are none on this page.", theme.quiet()));
            }
            (" Links ", lines, at, false)
        }
    };
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).saturating_add(2).min(area.height);
    let wide = area.width.min(84);
    let popup =
        Rect { x: area.x + (area.width - wide) / 2, y: area.y + (area.height - height) / 2, width: wide, height };
    let rows = usize::from(height.saturating_sub(2));
    let most = lines.len().saturating_sub(rows);
    let from = if scrolled { at.min(most) } else { (at + rows / 2 + 1).saturating_sub(rows).min(most) };
    if let Overlay::Help { at } | Overlay::Notices { at } = &mut model.overlay {
        *at = from;
    }
    let lines: Vec<Line<'_>> = lines.into_iter().skip(from).collect();
    frame.render_widget(Clear, popup);
    let block = Block::bordered().title(title).border_style(theme.ready());
    frame.render_widget(Paragraph::new(lines).block(block), popup);
}

fn help(model: &Model, width: usize, theme: Theme) -> Vec<Line<'static>> {
    let keys =
        |action: Action| model.options.keys.keys(action).map(|chord| chord.to_string()).collect::<Vec<_>>().join(" ");
    let wide = Action::ALL.iter().map(|action| columns(&keys(*action))).max().unwrap_or(0).min(width / 3) + 2;
    let lines = |action: &Action| {
        let keys = keys(*action);
        let padded = format!("{keys}{}", " ".repeat(wide.saturating_sub(columns(&keys)).max(1)));
        let rest = [(" ".repeat(wide), Style::new())];
        let name = (format!("  ({})", action.name()), theme.quiet().remove_modifier(Modifier::ITALIC));
        wrap::words(&[(action.what().to_owned(), Style::new()), name], width, &[(padded, theme.ready())], &rest)
    };
    Action::ALL.iter().filter(|action| model.preview || !action.is_of_authors()).flat_map(lines).collect()
}
