//! The command line, taken apart as Python's argparse does it for the AWS CLI: options anywhere, abbreviated, `--x=y`,
//! positionals among them, and what is not known left over in order.

use super::failure::Failure;

/// How many values an option takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    None,
    One,
    /// One or none.
    Maybe,
    Any,
}

/// An option that a parser knows.
#[derive(Debug, Clone)]
pub(super) struct Opt {
    /// With its dashes.
    pub name: String,
    pub values: Values,
    pub choices: &'static [&'static str],
}

impl Opt {
    pub fn new(name: &str, values: Values) -> Self {
        Self { name: format!("--{name}"), values, choices: &[] }
    }
}

/// A command line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The options as they came: name with dashes, values.
    pub options: Vec<(String, Vec<String>)>,
    pub positional: Option<String>,
    /// What no option and no positional took.
    pub rest: Vec<String>,
}

impl Parsed {
    /// The last value of an option, its name without dashes.
    pub fn last(&self, name: &str) -> Option<&str> {
        self.all(name).and_then(|values| values.last()).map(String::as_str)
    }

    /// The values of an option's last use.
    pub fn all(&self, name: &str) -> Option<&[String]> {
        self.options
            .iter()
            .rev()
            .find(|(known, _)| known.strip_prefix("--") == Some(name))
            .map(|(_, values)| values.as_slice())
    }

    pub fn has(&self, name: &str) -> bool {
        self.all(name).is_some()
    }
}

/// What an argument looks like before options are matched with their values.
enum Word<'a> {
    Value,
    /// Which option, and what came behind `=`.
    Option(Option<usize>, Option<&'a str>),
}

/// Takes `args` apart. The first argument that is nobody's value is the positional.
pub(super) fn parse(options: &[Opt], args: &[String]) -> Result<Parsed, Failure> {
    let words = classify(options, args)?;
    let mut parsed = Parsed::default();
    let mut at = 0;
    while at < args.len() {
        match &words[at] {
            Word::Value if parsed.positional.is_none() => {
                parsed.positional = Some(args[at].clone());
                at += 1;
            }
            Word::Value | Word::Option(None, _) => {
                parsed.rest.push(args[at].clone());
                at += 1;
            }
            Word::Option(Some(option), explicit) => {
                let option = &options[*option];
                let follow = words[at + 1..].iter().take_while(|word| matches!(word, Word::Value)).count();
                let values: Vec<String> = match (option.values, explicit) {
                    (Values::None, None) => Vec::new(),
                    (Values::None, Some(value)) => {
                        let message = format!("argument {}: ignored explicit argument '{value}'", option.name);
                        return Err(Failure::usage(message));
                    }
                    (_, Some(value)) => vec![(*value).to_owned()],
                    (Values::One, None) if follow == 0 => {
                        return Err(Failure::usage(format!("argument {}: expected one argument", option.name)));
                    }
                    (Values::Maybe, None) if follow == 0 => Vec::new(),
                    (Values::One | Values::Maybe, None) => vec![args[at + 1].clone()],
                    (Values::Any, None) => args[at + 1..at + 1 + follow].to_vec(),
                };
                at += 1 + if explicit.is_some() { 0 } else { values.len() };
                if let Some(value) = values.first()
                    && !option.choices.is_empty()
                    && !option.choices.contains(&value.as_str())
                {
                    return Err(Failure::usage(invalid_choice(&option.name, value, option.choices)));
                }
                parsed.options.push((option.name.clone(), values));
            }
        }
    }
    Ok(parsed)
}

fn classify<'a>(options: &[Opt], args: &'a [String]) -> Result<Vec<Word<'a>>, Failure> {
    let mut words = Vec::with_capacity(args.len());
    let mut only_values = false;
    for arg in args {
        words.push(if only_values {
            Word::Value
        } else if arg == "--" {
            only_values = true;
            Word::Option(None, None)
        } else {
            word(options, arg)?
        });
    }
    Ok(words)
}

fn word<'a>(options: &[Opt], arg: &'a str) -> Result<Word<'a>, Failure> {
    let named = |name: &str| options.iter().position(|option| option.name == name);
    if !arg.starts_with('-') || arg.len() == 1 {
        return Ok(Word::Value);
    }
    if let Some(option) = named(arg) {
        return Ok(Word::Option(Some(option), None));
    }
    let (name, explicit) = match arg.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (arg, None),
    };
    if let Some(option) = explicit.and_then(|_| named(name)) {
        return Ok(Word::Option(Some(option), explicit));
    }
    if name.starts_with("--") {
        let matching: Vec<usize> =
            (0..options.len()).filter(|option| options[*option].name.starts_with(name)).collect();
        match matching.as_slice() {
            [] => {}
            [one] => return Ok(Word::Option(Some(*one), explicit)),
            many => {
                let names: Vec<&str> = many.iter().map(|option| options[*option].name.as_str()).collect();
                let message = format!("ambiguous option: {arg} could match {}", names.join(", "));
                return Err(Failure::usage(message));
            }
        }
    }
    let number = arg[1..].bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if number || arg.contains(' ') { Ok(Word::Value) } else { Ok(Word::Option(None, None)) }
}

/// The words for a value that is none of `choices`, two to a line, with what is near.
pub(super) fn invalid_choice(argument: &str, value: &str, choices: &[&str]) -> String {
    let mut lines = vec!["Invalid choice, valid choices are:\n".to_owned()];
    for pair in choices.chunks(2) {
        lines.push(pair.iter().map(|choice| format!("{choice:<40}")).collect::<Vec<_>>().join(" | "));
    }
    let near = close_matches(value, choices);
    if !near.is_empty() {
        lines.push(format!("\n\nInvalid choice: '{value}', maybe you meant:\n"));
        lines.extend(near.iter().map(|choice| format!("  * {choice}")));
    }
    format!("argument {argument}: {}", lines.join("\n"))
}

/// At most three choices that are like `word` by 0.8 or more, the most alike first, as Python's difflib measures it:
/// twice the length of the matching blocks by the length of both.
fn close_matches<'a>(word: &str, choices: &[&'a str]) -> Vec<&'a str> {
    let word: Vec<char> = word.chars().collect();
    let mut scored: Vec<(usize, usize, &str)> = choices
        .iter()
        .filter_map(|choice| {
            let other: Vec<char> = choice.chars().collect();
            let (same, total) = (2 * matching(&other, &word), other.len() + word.len());
            (same * 10 >= total * 8 && total > 0).then_some((same * 1_000_000 / total, 0, *choice))
        })
        .collect();
    scored.sort_by(|a, b| b.0.cmp(&a.0).then(b.2.cmp(a.2)));
    scored.into_iter().take(3).map(|(_, _, choice)| choice).collect()
}

/// The length of the longest common block, and of those left and right of it.
fn matching(a: &[char], b: &[char]) -> usize {
    let (mut from_a, mut from_b, mut longest) = (0, 0, 0);
    for i in 0..a.len() {
        for j in 0..b.len() {
            let length = a[i..].iter().zip(&b[j..]).take_while(|(x, y)| x == y).count();
            if length > longest {
                (from_a, from_b, longest) = (i, j, length);
            }
        }
    }
    if longest == 0 {
        return 0;
    }
    matching(&a[..from_a], &b[..from_b]) + longest + matching(&a[from_a + longest..], &b[from_b + longest..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn globals() -> Vec<Opt> {
        vec![
            Opt::new("query", Values::One),
            Opt::new("region", Values::One),
            Opt::new("no-paginate", Values::None),
            Opt { name: "--output".into(), values: Values::One, choices: &["json", "text"] },
        ]
    }

    #[test]
    fn globals_go_from_between_an_option_and_its_value() {
        let parsed =
            parse(&globals(), &args("iam get-policy-version --version-id v1 --policy-arn --query X.Y arn:aws:z"))
                .unwrap();
        assert_eq!(parsed.positional.as_deref(), Some("iam"));
        assert_eq!(parsed.last("query"), Some("X.Y"));
        assert_eq!(parsed.rest, args("get-policy-version --version-id v1 --policy-arn arn:aws:z"));
    }

    #[test]
    fn abbreviations_equals_and_mistakes() {
        let parsed = parse(&globals(), &args("--reg=x eks --out text --no-p")).unwrap();
        assert_eq!(parsed.last("region"), Some("x"));
        assert_eq!(parsed.last("output"), Some("text"));
        assert!(parsed.has("no-paginate"));
        for (line, message) in [
            ("--query", "argument --query: expected one argument"),
            ("--query --region x", "argument --query: expected one argument"),
            ("--no-paginate=1", "argument --no-paginate: ignored explicit argument '1'"),
            ("--output xml", "argument --output: Invalid choice, valid choices are:"),
        ] {
            let failure = parse(&globals(), &args(line)).unwrap_err();
            assert!(failure.text.contains(message), "{}", failure.text);
            assert_eq!(failure.status, 252);
        }
        let two = [Opt::new("name", Values::One), Opt::new("namespace", Values::One)];
        let failure = parse(&two, &args("--na x")).unwrap_err();
        assert!(failure.text.contains("ambiguous option: --na could match --name, --namespace"));
        assert_eq!(parse(&two, &args("--name -1")).unwrap().last("name"), Some("-1"));
    }

    #[test]
    fn near_misses() {
        assert_eq!(close_matches("lst-clusters", &["list-clusters", "list-addons"]), vec!["list-clusters"]);
        assert!(close_matches("zzz", &["list-clusters"]).is_empty());
    }
}
