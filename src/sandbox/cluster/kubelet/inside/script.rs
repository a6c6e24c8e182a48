//! Scripts of plain commands, as lessons run them in containers by `sh -c`: words, quotes, variables, `;`, `&&`, `||` and redirections.

/// When a command runs, by how the one before it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum After {
    Any,
    Success,
    Failure,
}

/// One command of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub words: Vec<String>,
    /// The file that it prints to, and whether it adds to it.
    pub to: Option<(String, bool)>,
    /// `2>&1`
    pub joins_errors: bool,
    /// `2>/dev/null`
    pub drops_errors: bool,
    after: After,
}

impl Step {
    fn new(after: After) -> Self {
        Self { words: Vec::new(), to: None, joins_errors: false, drops_errors: false, after }
    }

    /// Whether it runs when the command before it ended with `code`.
    pub fn runs_after(&self, code: i32) -> bool {
        match self.after {
            After::Any => true,
            After::Success => code == 0,
            After::Failure => code != 0,
        }
    }
}

/// The commands of a script; `None` when it holds more than plain commands.
pub(super) fn steps(text: &str, variable: &dyn Fn(&str) -> String) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut step = Step::new(After::Any);
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        let ends = |steps: &mut Vec<Step>, step: &mut Step, after| {
            let ended = std::mem::replace(step, Step::new(after));
            // A separator with nothing ahead of it is a mistake unless it ends a line.
            let empty = ended.words.is_empty();
            if !empty {
                steps.push(ended);
            }
            !empty
        };
        if rest.is_empty() {
            ends(&mut steps, &mut step, After::Any);
            return Some(steps);
        } else if let Some(left) = rest.strip_prefix("&&") {
            ends(&mut steps, &mut step, After::Success).then_some(())?;
            rest = left;
        } else if let Some(left) = rest.strip_prefix("||") {
            ends(&mut steps, &mut step, After::Failure).then_some(())?;
            rest = left;
        } else if let Some(left) = rest.strip_prefix([';', '\n']) {
            ends(&mut steps, &mut step, After::Any);
            rest = left;
        } else if let Some(left) = rest.strip_prefix("2>&1") {
            step.joins_errors = true;
            rest = left;
        } else if let Some(left) = rest.strip_prefix("2>/dev/null").or_else(|| rest.strip_prefix("2> /dev/null")) {
            step.drops_errors = true;
            rest = left;
        } else if let Some(left) = rest.strip_prefix('>') {
            let (append, left) = left.strip_prefix('>').map_or((false, left), |left| (true, left));
            let (file, left) = word(left.trim_start_matches(' '), variable)?;
            step.to = Some((file, append));
            rest = left;
        } else if rest.starts_with(['|', '&', '(', ')', '<', '{', '}', '!', '#']) {
            return None;
        } else {
            let (word, left) = word(rest, variable)?;
            step.words.push(word);
            rest = left;
        }
        // Keywords make more than a plain command of it.
        if step.words.len() == 1
            && ["if", "for", "while", "case", "until", "function"].contains(&step.words[0].as_str())
        {
            return None;
        }
    }
}

/// The word that a text begins with, and what is left.
fn word<'a>(text: &'a str, variable: &dyn Fn(&str) -> String) -> Option<(String, &'a str)> {
    let mut word = String::new();
    let mut rest = text;
    let mut quoted = false;
    while let Some(letter) = rest.chars().next() {
        let left = &rest[letter.len_utf8()..];
        match letter {
            '\'' if !quoted => {
                let (inner, left) = left.split_once('\'')?;
                word.push_str(inner);
                rest = left;
                continue;
            }
            '"' => quoted = !quoted,
            '\\' => {
                let next = left.chars().next()?;
                if quoted && !matches!(next, '"' | '\\' | '$' | '`') {
                    word.push('\\');
                }
                word.push(next);
                rest = &left[next.len_utf8()..];
                continue;
            }
            '$' => {
                let (name, left) = if let Some(inner) = left.strip_prefix('{') {
                    inner.split_once('}')?
                } else {
                    let end = left.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
                    left.split_at(end.unwrap_or(left.len()))
                };
                let plain =
                    !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
                plain.then_some(())?;
                word.push_str(&variable(name));
                rest = left;
                continue;
            }
            '`' | '*' | '?' if letter == '`' || !quoted && word.is_empty() => return None,
            ' ' | '\t' | '\n' | ';' | '&' | '|' | '>' | '<' | '(' | ')' if !quoted => return Some((word, rest)),
            letter => word.push(letter),
        }
        rest = left;
    }
    (!quoted).then_some((word, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Vec<Step>> {
        steps(text, &|name| format!("<{name}>"))
    }

    #[test]
    fn plain_commands() {
        let all = read("echo 'a b' \"c $X\"d > /tmp/x; ls /tmp && cat ${Y} 2>/dev/null || false 2>&1\n").unwrap();
        let words: Vec<Vec<&str>> =
            all.iter().map(|step| step.words.iter().map(String::as_str).collect::<Vec<_>>()).collect();
        assert_eq!(words, [vec!["echo", "a b", "c <X>d"], vec!["ls", "/tmp"], vec!["cat", "<Y>"], vec!["false"]]);
        assert_eq!(all[0].to, Some(("/tmp/x".into(), false)));
        assert!(all[2].drops_errors && all[3].joins_errors);
        assert!(all[1].runs_after(1) && !all[2].runs_after(1) && all[3].runs_after(1) && !all[3].runs_after(0));
        assert_eq!(read("echo 1 >>/x").unwrap()[0].to, Some(("/x".into(), true)));
    }

    #[test]
    fn what_is_more_than_that() {
        for text in [
            "ls | wc -l",
            "for i in 1; do ls; done",
            "echo $(date)",
            "echo `date`",
            "ls &",
            "cat < x",
            "echo 'a",
            "&& ls",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
