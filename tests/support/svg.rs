//! A picture of a terminal's screen, as SVG.

use std::fmt::Write;

use vt100::{Color, Screen};

/// Columns and rows of a cell, in pixels of the picture.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 12.0;

const TEXT: &str = "#d8dee9";
const GROUND: &str = "#16191f";

/// The sixteen colours of a terminal, soft ones.
const COLOURS: [&str; 16] = [
    "#2e3440", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d8dee9", "#6b7385", "#ff7a85",
    "#b5e890", "#ffd58a", "#82c4ff", "#df93f5", "#6fd3df", "#ffffff",
];

/// Draws the screen; nothing in it depends on where it is drawn.
pub fn draw(screen: &Screen) -> String {
    let (rows, columns) = screen.size();
    let (rows, columns) = (rows.get(), columns.get());
    let (width, height) = (f32::from(columns) * CELL.0 + 2.0 * MARGIN, f32::from(rows) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" aria-label=\"lectern in a terminal\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{GROUND}\"/>\n\
         <g font-family=\"ui-monospace, 'SFMono-Regular', Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\">\n"
    );
    for row in 0..rows {
        let mut column = 0;
        while column < columns {
            let (style, text, end) = span(screen, row, column, columns);
            draw_span(&mut out, row, column, end, &style, &text);
            column = end;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

#[derive(PartialEq)]
struct Style {
    text: String,
    ground: Option<String>,
    bold: bool,
    italic: bool,
    underline: bool,
    dim: bool,
}

/// The cells from a column on that look alike.
fn span(screen: &Screen, row: u16, from: u16, columns: u16) -> (Style, String, u16) {
    let mut text = String::new();
    let mut found: Option<Style> = None;
    let mut at = from;
    while at < columns {
        let Some(cell) = screen.cell(row, at) else { break };
        let style = style_of(cell);
        match &found {
            None => found = Some(style),
            Some(first) if *first != style => break,
            Some(_) => {}
        }
        if !cell.is_wide_continuation() {
            text.push_str(if cell.has_contents() { cell.contents() } else { " " });
        }
        at += 1;
    }
    let plain = Style { text: TEXT.into(), ground: None, bold: false, italic: false, underline: false, dim: false };
    (found.unwrap_or(plain), text, at.max(from + 1))
}

fn style_of(cell: &vt100::Cell) -> Style {
    let (mut text, mut ground) = (colour(cell.fgcolor()), colour(cell.bgcolor()));
    if cell.inverse() {
        let taken = text.take();
        text = Some(ground.unwrap_or_else(|| GROUND.into()));
        ground = Some(taken.unwrap_or_else(|| TEXT.into()));
    }
    Style {
        text: text.unwrap_or_else(|| TEXT.into()),
        ground,
        bold: cell.bold(),
        italic: cell.italic(),
        underline: cell.underline(),
        dim: cell.dim(),
    }
}

/// A colour as SVG has it; none for the terminal's own.
fn colour(colour: Color) -> Option<String> {
    match colour {
        Color::Default => None,
        Color::Rgb(red, green, blue) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        Color::Idx(number @ 0..16) => Some(COLOURS[usize::from(number)].into()),
        Color::Idx(number @ 16..232) => {
            let level = |part: u8| if part == 0 { 0 } else { 55 + 40 * part };
            let number = number - 16;
            let (red, green, blue) = (level(number / 36), level(number / 6 % 6), level(number % 6));
            Some(format!("#{red:02x}{green:02x}{blue:02x}"))
        }
        Color::Idx(number) => {
            let grey = 8 + 10 * (number - 232);
            Some(format!("#{grey:02x}{grey:02x}{grey:02x}"))
        }
    }
}

fn draw_span(out: &mut String, row: u16, from: u16, end: u16, style: &Style, text: &str) {
    let (x, y) = (MARGIN + f32::from(from) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let wide = f32::from(end - from) * CELL.0;
    if let Some(ground) = &style.ground {
        let _ = writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{:.1}\" fill=\"{ground}\"/>",
            CELL.1
        );
    }
    // Blanks at the ends need no drawing, and those inside must not be joined.
    let bare = text.trim();
    if bare.is_empty() {
        return;
    }
    let cells = |text: &str| text.chars().count() as f32 * CELL.0;
    let x = x + cells(&text[..text.len() - text.trim_start().len()]);
    let wide = wide - cells(text) + cells(bare);
    let mut marks = String::new();
    for (on, mark) in [
        (style.bold, " font-weight=\"bold\""),
        (style.italic, " font-style=\"italic\""),
        (style.underline, " text-decoration=\"underline\""),
        (style.dim, " opacity=\"0.65\""),
    ] {
        if on {
            marks.push_str(mark);
        }
    }
    let escaped = bare.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(' ', "\u{a0}");
    let _ = writeln!(
        out,
        "<text x=\"{x:.1}\" y=\"{:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" fill=\"{}\"{marks}>{escaped}</text>",
        y + 13.5,
        style.text
    );
}
