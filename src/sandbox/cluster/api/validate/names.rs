//! Names, labels' keys and values.

use std::sync::LazyLock;

use regex::Regex;

use super::super::kinds::NameRule;

/// A rule as Kubernetes writes it: the sentence, examples, the expression, the longest length.
struct Rule {
    says: &'static str,
    examples: &'static [&'static str],
    expression: &'static str,
    longest: usize,
    compiled: LazyLock<Option<Regex>>,
}

macro_rules! rule {
    ($name:ident, $says:literal, [$($example:literal),*], $expression:literal, $longest:literal) => {
        static $name: Rule = Rule {
            says: $says, examples: &[$($example),*], expression: $expression, longest: $longest,
            compiled: LazyLock::new(|| Regex::new(concat!("^(?:", $expression, ")$")).ok()),
        };
    };
}

rule!(
    SUBDOMAIN,
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
    ["example.com"],
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*",
    253
);
rule!(
    LABEL,
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
    ["my-name", "123-abc"],
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?",
    63
);
rule!(
    DNS_1035,
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
    ["my-name", "abc-123"],
    r"[a-z]([-a-z0-9]*[a-z0-9])?",
    63
);
rule!(
    VALUE,
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ["MyValue", "my_value", "12345"],
    r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?",
    63
);
rule!(
    PART,
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
    ["MyName", "my.name", "123-abc"],
    r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]",
    63
);

impl Rule {
    fn check(&self, text: &str) -> Vec<String> {
        let mut messages = Vec::new();
        if text.len() > self.longest {
            messages.push(format!("must be no more than {} bytes", self.longest));
        }
        if !self.compiled.as_ref().is_some_and(|expression| expression.is_match(text)) {
            let examples: Vec<String> = self.examples.iter().map(|one| format!("'{one}', ")).collect();
            messages.push(format!(
                "{} (e.g. {}regex used for validation is '{}')",
                self.says,
                examples.join(" or "),
                self.expression
            ));
        }
        messages
    }
}

/// What is wrong with a name.
pub fn check(rule: NameRule, name: &str) -> Vec<String> {
    match rule {
        NameRule::Subdomain => SUBDOMAIN.check(name),
        NameRule::Label => LABEL.check(name),
        NameRule::Dns1035 => DNS_1035.check(name),
        NameRule::Path => {
            let mut messages = Vec::new();
            if name == "." || name == ".." {
                messages.push(format!("may not be '{name}'"));
            }
            for sign in ["/", "%"] {
                if name.contains(sign) {
                    messages.push(format!("may not contain '{sign}'"));
                }
            }
            messages
        }
    }
}

/// What is wrong with the key of a label or annotation: `prefix/name`.
pub fn qualified(key: &str) -> Vec<String> {
    let mut messages = Vec::new();
    let name = match key.split_once('/') {
        None => key,
        Some((prefix, name)) if !name.contains('/') => {
            if prefix.is_empty() {
                messages.push("prefix part must be non-empty".to_owned());
            } else {
                messages.extend(SUBDOMAIN.check(prefix).into_iter().map(|message| format!("prefix part {message}")));
            }
            name
        }
        Some(_) => {
            return vec![format!(
                "a qualified name {} (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{}') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
                PART.says.trim_start_matches("name part "),
                PART.expression
            )];
        }
    };
    if name.is_empty() {
        messages.push("name part must be non-empty".to_owned());
    } else if name.len() > PART.longest {
        messages.push(format!("name part must be no more than {} bytes", PART.longest));
    }
    messages.extend(PART.check(name).into_iter().filter(|message| !message.starts_with("must be no more")));
    messages
}

/// What is wrong with the value of a label.
pub fn label_value(value: &str) -> Vec<String> {
    VALUE.check(value)
}
