//! For a person: each finding with its line and a mark below it, then what was counted.

use std::collections::BTreeMap;

use super::printable;
use crate::check::{Code, Finding, Report, Severity};

/// As much of a line as is shown, in characters.
const SHOWN: usize = 100;

/// The report as text. Notes are counted, and shown only if `notes` says so.
pub fn write(report: &Report, notes: bool) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        if finding.severity > Severity::Note || notes {
            out += &one(report, finding);
            out.push('\n');
        }
    }
    let mut tools: BTreeMap<&str, usize> = BTreeMap::new();
    let lacking = report.findings.iter().filter(|finding| finding.code == Code::UnknownTool);
    for name in lacking.filter_map(|finding| finding.message.split('`').nth(1)) {
        *tools.entry(name).or_default() += 1;
    }
    if !tools.is_empty() {
        let mut tools: Vec<_> = tools.into_iter().collect();
        tools.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let list: Vec<_> = tools.iter().map(|(name, pages)| format!("{} {pages}", printable(name))).collect();
        out += &format!("not built in, with the number of pages: {}\n", list.join(", "));
    }
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let hidden = if notes || report.count(Severity::Note) == 0 { "" } else { " (`--notes` shows them)" };
    out += &format!(
        "{}: {}, {}, {}{hidden}\n",
        counted(report.pages, "page"),
        counted(report.count(Severity::Error), "error"),
        counted(report.count(Severity::Warning), "warning"),
        counted(report.count(Severity::Note), "note"),
    );
    out
}

fn one(report: &Report, finding: &Finding) -> String {
    let (line, column) = (finding.span.line, finding.span.column);
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let mut out = format!(
        "{}[{}]: {}\n{margin}--> {}:{line}:{column}\n",
        finding.severity.word(),
        finding.code.id(),
        printable(&finding.message),
        printable(&finding.path.display().to_string()),
    );
    // A credential is not to be printed once more.
    let source = report.sources.get(&finding.path).filter(|_| finding.code != Code::Secret);
    if let Some(text) = source.and_then(|source| source.lines().nth(line - 1)) {
        let last = if finding.end.line == line { finding.end.column } else { text.chars().count() + 1 };
        let (shown, ahead, marked) = window(text, column, last);
        out += &format!("{margin} |\n{number} | {shown}\n{margin} | {}{}\n", " ".repeat(ahead), "^".repeat(marked));
    }
    if !finding.help.is_empty() {
        out += &format!("{margin} = help: {}\n", printable(&finding.help));
    }
    out
}

/// The part of a line that holds the columns from `first` to before `last`, how many columns stand ahead of them in it, and how many they are.
fn window(line: &str, first: usize, last: usize) -> (String, usize, usize) {
    let chars: Vec<char> = printable(&line.replace('\t', " ")).chars().collect();
    let from = (first.saturating_sub(1)).min(chars.len());
    let to = last.saturating_sub(1).clamp(from, chars.len());
    let start = if from > SHOWN / 2 && chars.len() > SHOWN { from - SHOWN / 3 } else { 0 };
    let end = chars.len().min(start + SHOWN);
    let width = |part: &[char]| unicode_width::UnicodeWidthStr::width(part.iter().collect::<String>().as_str());
    let cut = if start > 0 { "…" } else { "" };
    let more = if end < chars.len() { "…" } else { "" };
    let shown: String = chars[start..end].iter().collect();
    let marked = width(&chars[from..to.min(end).max(from)]).max(1);
    (format!("{cut}{shown}{more}"), width(&chars[start..from]) + cut.chars().count(), marked)
}

#[cfg(test)]
mod tests {
    use super::window;

    #[test]
    fn the_mark_stands_below_what_is_meant() {
        assert_eq!(window("abc def", 5, 8), ("abc def".to_owned(), 4, 3));
        assert_eq!(window("ü\té", 3, 4), ("ü é".to_owned(), 2, 1));
        assert_eq!(window("", 1, 1), (String::new(), 0, 1));
        let long = "x".repeat(150) + "END" + &"y".repeat(100);
        let (shown, ahead, marked) = window(&long, 151, 154);
        assert_eq!(shown.chars().skip(ahead).take(marked).collect::<String>(), "END");
        assert!(shown.chars().count() <= 102);
    }
}
