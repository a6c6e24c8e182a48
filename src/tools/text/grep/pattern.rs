//! Patterns as POSIX writes them, in the syntax of the `regex` crate.
//!
//! POSIX looks for the longest of the leftmost matches; the engine takes the first alternative that fits. Which lines
//! match is the same; for `-o` the alternatives of a whole pattern are tried one by one, those inside of a group not.

use grep_matcher::Matcher;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};

use super::options::{Options, Syntax};

/// What finds matches in a line.
pub(super) struct Finder {
    all: RegexMatcher,
    /// The alternatives one by one, where it matters which of them is longest.
    parts: Vec<RegexMatcher>,
}

impl Finder {
    /// Whether a line has a match.
    pub(super) fn is_match(&self, line: &[u8]) -> bool {
        self.all.is_match(line).unwrap_or(false)
    }

    /// The first match from a place on, and of those that begin there the longest.
    pub(super) fn longest_at(&self, line: &[u8], from: usize) -> Option<(usize, usize)> {
        let found = self.all.find_at(line, from).ok().flatten()?;
        let ends = self.parts.iter().filter_map(|part| {
            let other = part.find_at(line, found.start()).ok().flatten()?;
            (other.start() == found.start()).then_some(other.end())
        });
        Some((found.start(), ends.fold(found.end(), usize::max)))
    }
}

/// A finder, if there is any pattern at all, and what to warn of.
pub(super) fn matcher(options: &Options) -> Result<(Option<Finder>, Vec<String>), String> {
    let mut alternatives = Vec::new();
    let mut warnings = Vec::new();
    for pattern in &options.patterns {
        alternatives.extend(translated(pattern, options.syntax, &mut warnings)?);
    }
    if alternatives.is_empty() {
        return Ok((None, warnings));
    }
    let build = |alternatives: &[String]| {
        let all = alternatives.iter().map(|one| format!("(?:{one})")).collect::<Vec<_>>().join("|");
        let all = if options.whole_lines { format!("^(?:{all})$") } else { all };
        let mut builder = RegexMatcherBuilder::new();
        builder.case_insensitive(options.ignore_case).line_terminator(Some(b'\n')).unicode(true);
        builder.build(&all).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or("").trim().trim_start_matches("error: ").to_owned();
            format!("{last} (in the pattern {})", options.patterns.join(" or "))
        })
    };
    let places = options.only_matching || options.color || options.words;
    let parts = if places && alternatives.len() > 1 {
        alternatives.iter().map(|one| build(std::slice::from_ref(one))).collect::<Result<_, _>>()?
    } else {
        Vec::new()
    };
    Ok((Some(Finder { all: build(&alternatives)?, parts }), warnings))
}

/// The alternatives of a pattern in the engine's syntax.
pub(super) fn translated(pattern: &str, syntax: Syntax, warnings: &mut Vec<String>) -> Result<Vec<String>, String> {
    match syntax {
        Syntax::Fixed => Ok(vec![escaped(pattern)]),
        Syntax::Perl => perl(pattern).map(|pattern| vec![pattern]),
        Syntax::Basic => Translator::new(pattern, false).run(warnings),
        Syntax::Extended => Translator::new(pattern, true).run(warnings),
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    text.chars().for_each(|c| push_literal(c, &mut out));
    out
}

fn push_literal(c: char, out: &mut String) {
    if c.is_ascii_punctuation() && c != '_' && c != '<' && c != '>' {
        out.push('\\');
    }
    out.push(c);
}

/// Perl's syntax is nearly the engine's; what needs backtracking is refused.
fn perl(pattern: &str) -> Result<String, String> {
    for (construct, name) in
        [("(?=", "look-ahead"), ("(?!", "look-ahead"), ("(?<=", "look-behind"), ("(?<!", "look-behind"), ("\\K", "\\K")]
    {
        if pattern.contains(construct) {
            return Err(format!("-P with {name} is not available here: write the pattern without it, for -E"));
        }
    }
    Ok(pattern.to_owned())
}

/// Goes through a POSIX pattern from left to right.
struct Translator<'p> {
    chars: std::iter::Peekable<std::str::Chars<'p>>,
    extended: bool,
    out: String,
    /// Where the last atom begins in `out`; `None` where a repetition has nothing to repeat.
    atom: Option<usize>,
    /// Where open groups begin.
    groups: Vec<usize>,
    /// Alternatives that are complete.
    done: Vec<String>,
    warnings: Vec<String>,
}

impl<'p> Translator<'p> {
    fn new(pattern: &'p str, extended: bool) -> Self {
        Self {
            chars: pattern.chars().peekable(),
            extended,
            out: String::new(),
            atom: None,
            groups: Vec::new(),
            done: Vec::new(),
            warnings: Vec::new(),
        }
    }

    fn run(mut self, warnings: &mut Vec<String>) -> Result<Vec<String>, String> {
        while let Some(c) = self.chars.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.bracket()?,
                '.' => self.atom_of("."),
                '*' => self.repeat("*"),
                '^' if self.extended || self.at_start() => self.assertion("^"),
                '$' if self.extended || self.at_end() => self.assertion("$"),
                '+' | '?' if self.extended => self.repeat(c.encode_utf8(&mut [0; 4])),
                '{' if self.extended => self.interval()?,
                '(' if self.extended => self.open(),
                ')' if self.extended && !self.groups.is_empty() => self.close(),
                '|' if self.extended => self.alternative(),
                c => self.literal(c),
            }
        }
        if !self.groups.is_empty() {
            return Err("Unmatched ( or \\(".to_owned());
        }
        self.done.push(self.out);
        warnings.append(&mut self.warnings);
        Ok(self.done)
    }

    fn escape(&mut self) -> Result<(), String> {
        let Some(c) = self.chars.next() else { return Err("Trailing backslash".to_owned()) };
        match c {
            '(' if !self.extended => self.open(),
            ')' if !self.extended => {
                if self.groups.is_empty() {
                    return Err("Unmatched ) or \\)".to_owned());
                }
                self.close();
            }
            '{' if !self.extended => self.interval()?,
            '|' if !self.extended => self.alternative(),
            '+' | '?' if !self.extended => self.repeat(c.encode_utf8(&mut [0; 4])),
            '1'..='9' => {
                return Err(format!("back-references such as \\{c} are not available here: spell the text out"));
            }
            '<' => self.assertion(r"\b{start}"),
            '>' => self.assertion(r"\b{end}"),
            'b' => self.assertion(r"\b"),
            'B' => self.assertion(r"\B"),
            '`' => self.assertion("^"),
            '\'' => self.assertion("$"),
            'w' => self.atom_of(r"\w"),
            'W' => self.atom_of(r"\W"),
            's' => self.atom_of(r"\s"),
            'S' => self.atom_of(r"\S"),
            c => self.literal(c),
        }
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.atom = Some(self.out.len());
        push_literal(c, &mut self.out);
    }

    fn atom_of(&mut self, text: &str) {
        self.atom = Some(self.out.len());
        self.out.push_str(text);
    }

    fn assertion(&mut self, text: &str) {
        if self.extended && self.chars.peek() == Some(&'*') {
            // Repeated, it may as well not be there.
            self.chars.next();
            if self.out.is_empty() {
                self.warnings.push("* at start of expression".to_owned());
            }
            return;
        }
        self.out.push_str(text);
        self.atom = None;
    }

    fn open(&mut self) {
        self.groups.push(self.out.len());
        self.out.push_str("(?:");
        self.atom = None;
    }

    fn close(&mut self) {
        self.atom = self.groups.pop();
        self.out.push(')');
    }

    fn alternative(&mut self) {
        if self.groups.is_empty() {
            self.done.push(std::mem::take(&mut self.out));
        } else {
            self.out.push('|');
        }
        self.atom = None;
    }

    /// Repeats the last atom; at the start of an expression `*` stands for itself in a basic pattern, and any
    /// repetition for nothing in an extended one.
    fn repeat(&mut self, operator: &str) {
        match self.atom {
            Some(start) => {
                // A repetition of a repetition: the engine would take `a*?` for a lazy one.
                if self.out.ends_with(['*', '+', '?', '}']) && !self.escaped_end() {
                    self.out.insert_str(start, "(?:");
                    self.out.push(')');
                }
                self.out.push_str(operator);
            }
            None if self.extended => {
                let shown = operator.chars().next().unwrap_or('*');
                self.warnings.push(if shown == '{' {
                    "{...} at start of expression".to_owned()
                } else {
                    format!("{shown} at start of expression")
                });
            }
            None => operator.chars().for_each(|c| self.literal(c)),
        }
    }

    /// Whether the last character stands for itself because of a backslash.
    fn escaped_end(&self) -> bool {
        let before = &self.out[..self.out.len() - 1];
        before.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
    }

    /// `{n}`, `{n,}`, `{,m}`, `{n,m}`.
    fn interval(&mut self) -> Result<(), String> {
        let rest: String = self.chars.clone().collect();
        let end = if self.extended { "}" } else { "\\}" };
        let bounds = rest.find(end).map(|at| rest[..at].to_owned());
        let valid = bounds.as_deref().is_some_and(|bounds| {
            let (low, high) = bounds.split_once(',').unwrap_or((bounds, bounds));
            let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
            digits(low) && digits(high) && !(bounds.is_empty())
        });
        let Some(bounds) = bounds.filter(|_| valid) else {
            if self.extended {
                self.literal('{');
                return Ok(());
            }
            return Err(if rest.contains(end) { "Invalid content of \\{\\}" } else { "Unmatched \\{" }.to_owned());
        };
        for _ in 0..bounds.chars().count() + end.len() {
            self.chars.next();
        }
        let (low, high) = bounds.split_once(',').unwrap_or((&bounds, &bounds));
        let low_number: u32 = if low.is_empty() { 0 } else { low.parse().map_err(|_| too_big())? };
        let high_number: Option<u32> = if high.is_empty() { None } else { Some(high.parse().map_err(|_| too_big())?) };
        if high_number.is_some_and(|high| high < low_number) {
            return Err("Invalid content of \\{\\}".to_owned());
        }
        if low_number.max(high_number.unwrap_or(0)) > 32_767 {
            return Err(too_big());
        }
        let high = high_number.map(|high| high.to_string()).unwrap_or_default();
        self.repeat(&format!("{{{low_number},{high}}}"));
        Ok(())
    }

    /// A bracket expression; a backslash in it stands for itself.
    fn bracket(&mut self) -> Result<(), String> {
        const UNMATCHED: &str = "Unmatched [, [^, [:, [., or [=";
        let start = self.out.len();
        self.out.push('[');
        if self.chars.next_if_eq(&'^').is_some() {
            // A line's end is never part of a match.
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some(c) = self.chars.next() else { return Err(UNMATCHED.to_owned()) };
            match c {
                ']' if !first => break,
                '[' if matches!(self.chars.peek(), Some(':')) => {
                    self.chars.next();
                    let mut name = String::new();
                    loop {
                        match self.chars.next() {
                            Some(':') if self.chars.next_if_eq(&']').is_some() => break,
                            Some(c) => name.push(c),
                            None => return Err(UNMATCHED.to_owned()),
                        }
                    }
                    const CLASSES: [&str; 12] = [
                        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
                        "upper", "xdigit",
                    ];
                    if !CLASSES.contains(&name.as_str()) {
                        return Err("Invalid character class name".to_owned());
                    }
                    self.out.push_str(&match name.as_str() {
                        "alpha" => r"\p{Alphabetic}".to_owned(),
                        "alnum" => r"\p{Alphabetic}\p{Nd}".to_owned(),
                        "lower" => r"\p{Lowercase}".to_owned(),
                        "upper" => r"\p{Uppercase}".to_owned(),
                        name => format!("[:{name}:]"),
                    });
                }
                '[' if matches!(self.chars.peek(), Some('.' | '=')) => {
                    let kind = self.chars.next().unwrap_or('.');
                    let one = self.chars.next().ok_or(UNMATCHED)?;
                    if self.chars.next() != Some(kind) || self.chars.next() != Some(']') {
                        return Err("Invalid collation character".to_owned());
                    }
                    push_literal(one, &mut self.out);
                }
                '-' => {
                    // A hyphen between two characters makes a range; first or last it stands for itself.
                    let range = !first && !matches!(self.chars.peek(), Some(']'));
                    self.out.push_str(if range { "-" } else { "\\-" });
                }
                c => push_literal(c, &mut self.out),
            }
            first = false;
        }
        self.out.push(']');
        self.atom = Some(start);
        Ok(())
    }

    /// In a basic pattern `^` is an anchor only where an expression begins.
    fn at_start(&self) -> bool {
        self.out.is_empty() || self.atom.is_none() && (self.out.ends_with("(?:") || self.out.ends_with('|'))
    }

    /// In a basic pattern `$` is an anchor only where an expression ends.
    fn at_end(&self) -> bool {
        let rest: String = self.chars.clone().take(2).collect();
        rest.is_empty() || rest == "\\)" || rest == "\\|"
    }
}

fn too_big() -> String {
    "Regular expression too big".to_owned()
}
