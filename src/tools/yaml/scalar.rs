//! How one scalar is written: libyaml's analysis of what a text allows, and its five ways of writing it.

use super::{Dialect, Place, Writer};

/// A way of writing a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quoting {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes, with escapes.
    Double,
    /// As it stands, on lines of its own (`|`).
    Literal,
    /// On lines of its own with line breaks between words (`>`).
    Folded,
}

/// What a text allows.
struct Allowed {
    plain_in_block: bool,
    plain_in_flow: bool,
    single: bool,
    block: bool,
    multiline: bool,
}

/// libyaml's `analyze_scalar`, as go-yaml has it.
fn analyze(text: &str, dialect: Dialect) -> Allowed {
    if text.is_empty() {
        return Allowed { plain_in_block: true, plain_in_flow: false, single: true, block: false, multiline: false };
    }
    let chars: Vec<char> = text.chars().collect();
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut in_block, mut in_flow) = (marker, marker);
    let (mut special, mut tabs, mut breaks) = (false, false, false);
    let (mut space_then_break, mut break_then_space) = (false, false);
    let (mut after_space, mut after_break, mut after_white) = (false, false, true);
    for (at, &c) in chars.iter().enumerate() {
        let before_white = chars.get(at + 1).is_none_or(|next| matches!(next, ' ' | '\t' | '\n' | '\r'));
        if at == 0 {
            match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => {
                    (in_flow, in_block) = (true, true);
                }
                '?' | ':' => {
                    in_flow = true;
                    in_block |= before_white;
                }
                '-' if before_white => (in_flow, in_block) = (true, true),
                _ => {}
            }
        } else {
            match c {
                ',' | '?' | '[' | ']' | '{' | '}' => in_flow = true,
                ':' => {
                    in_flow = true;
                    in_block |= before_white;
                }
                '#' if after_white => (in_flow, in_block) = (true, true),
                _ => {}
            }
        }
        if c == '\t' && dialect == Dialect::Yq {
            tabs = true;
        } else if !printable(c) {
            special = true;
        }
        if c == ' ' {
            break_then_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(c) {
            breaks = true;
            space_then_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        after_white = matches!(c, ' ' | '\t') || is_break(c);
    }
    let ends = [chars[0], chars[chars.len() - 1]];
    let loose_end = ends.iter().any(|&c| c == ' ' || is_break(c));
    let unquotable = space_then_break || tabs || special;
    let plain = !loose_end && !break_then_space && !unquotable && !breaks;
    Allowed {
        plain_in_block: plain && !in_block,
        plain_in_flow: plain && !in_flow,
        single: !break_then_space && !unquotable,
        block: ends[1] != ' ' && !space_then_break && !special,
        multiline: breaks,
    }
}

/// What go-yaml writes without an escape; nothing above U+FFFF.
fn printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn is_break(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

impl Writer {
    /// Writes a scalar as wanted, or in the nearest way that its text and place allow.
    pub(super) fn scalar(&mut self, text: &str, wanted: Quoting, place: Place) {
        let allowed = analyze(text, self.dialect);
        let mut way = wanted;
        if way == Quoting::Plain {
            let fits = if place.in_flow { allowed.plain_in_flow } else { allowed.plain_in_block };
            let empty_key = text.is_empty() && (place.in_flow || place.in_key);
            if !fits || empty_key || (place.in_key && allowed.multiline) {
                way = Quoting::Single;
            }
        }
        if way == Quoting::Single && (!allowed.single || (place.in_key && allowed.multiline)) {
            way = Quoting::Double;
        }
        if matches!(way, Quoting::Literal | Quoting::Folded) && (!allowed.block || place.in_flow || place.in_key) {
            way = Quoting::Double;
        }
        match way {
            Quoting::Plain => self.words(text, place, false),
            Quoting::Single => {
                self.put("'");
                self.words(text, place, true);
                self.put("'");
            }
            Quoting::Double => self.double(text, place),
            Quoting::Literal => self.literal(text, place),
            Quoting::Folded => self.folded(text, place),
        }
    }

    /// A plain or single-quoted text: a single space beyond the width becomes a line break.
    fn words(&mut self, text: &str, place: Place, quoted: bool) {
        let chars: Vec<char> = text.chars().collect();
        let mut after_space = false;
        let mut after_break = false;
        for (at, &c) in chars.iter().enumerate() {
            let next_is_space = chars.get(at + 1) == Some(&' ');
            if c == ' ' {
                let inside = !quoted || (at > 0 && at + 1 < chars.len());
                let beyond = self.column > self.width();
                if !place.in_key && !after_space && beyond && inside && !next_is_space {
                    self.line_at(place.scalar_indent);
                } else {
                    self.put_char(c);
                }
                after_space = true;
            } else if is_break(c) {
                if !after_break && c == '\n' {
                    self.newline();
                }
                self.newline();
                after_break = true;
            } else {
                if after_break {
                    self.line_at(place.scalar_indent);
                }
                if quoted && c == '\'' {
                    self.put_char(c);
                }
                self.put_char(c);
                (after_space, after_break) = (false, false);
            }
        }
    }

    fn double(&mut self, text: &str, place: Place) {
        self.put("\"");
        let mut after_space = false;
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == ' ' {
                let inside = at > 0 && at + 1 < text.len();
                if !place.in_key && !after_space && self.column > self.width() && inside {
                    self.line_at(place.scalar_indent);
                    if chars.peek().is_some_and(|(_, next)| *next == ' ') {
                        self.put("\\");
                    }
                } else {
                    self.put(" ");
                }
                after_space = true;
                continue;
            }
            after_space = false;
            if printable(c) && !is_break(c) && c != '"' && c != '\\' && c != '\u{feff}' {
                self.put_char(c);
            } else {
                self.put(&escape(c));
            }
        }
        self.put("\"");
    }

    /// `|` or `>`, with what a reader must know of the text's beginning and end.
    fn block_head(&mut self, indicator: &str, text: &str) {
        self.put(indicator);
        if text.starts_with(|c| c == ' ' || is_break(c)) {
            self.put("2");
        }
        let mut from_end = text.chars().rev();
        if !from_end.next().is_some_and(is_break) {
            self.put("-");
        } else if from_end.next().is_none_or(is_break) {
            self.put("+");
        }
        self.newline();
    }

    fn literal(&mut self, text: &str, place: Place) {
        self.block_head("|", text);
        let mut at_start = true;
        for c in text.chars() {
            if is_break(c) {
                self.newline();
                at_start = true;
            } else {
                if std::mem::take(&mut at_start) {
                    self.line_at(place.scalar_indent);
                }
                self.put_char(c);
            }
        }
    }

    fn folded(&mut self, text: &str, place: Place) {
        self.block_head(">", text);
        let chars: Vec<char> = text.chars().collect();
        let mut after_break = true;
        let mut leading_space = true;
        // The library looks at the beginning of the whole text here, not at the beginning of what follows.
        let starts_blank = chars.iter().find(|c| !is_break(**c)).is_none_or(|c| matches!(c, ' ' | '\t'));
        for &c in &chars {
            if is_break(c) {
                if !after_break && !leading_space && c == '\n' && !starts_blank {
                    self.newline();
                }
                self.newline();
                after_break = true;
            } else {
                if std::mem::take(&mut after_break) {
                    self.line_at(place.scalar_indent);
                    leading_space = matches!(c, ' ' | '\t');
                }
                self.put_char(c);
            }
        }
    }
}

/// A character in double quotes that can't stand for itself.
fn escape(c: char) -> String {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c => {
            let code = c as u32;
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    short.to_owned()
}
