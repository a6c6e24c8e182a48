//! Which value may stand where the page has another: of the same kind, and alike in what the kind keeps.

use super::masks::is_invented;
use super::values::{
    Kind, Reach, age_at, is_database_domain, is_suffix_alphabet, key_names_account, node_version_at, reach, recognise,
    suffix_of_joined,
};

/// The kind of value at an offset, also of those that only their surroundings tell.
pub(super) fn typed(text: &str, at: usize, key: &str) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let first = *bytes.get(at)?;
    if at == 0 && is_template_hash(text, key) {
        return Some((Kind::TemplateHash, text.len()));
    }
    if first.is_ascii_digit() {
        let digits = bytes[at..].iter().take(40).take_while(|b| b.is_ascii_digit()).count();
        let next = bytes.get(at + digits).copied().unwrap_or(b' ');
        // YAML keeps the quotes of a number that is text.
        let quoted = at == 1 && bytes[0] == b'"' && next == b'"' && digits + 2 == bytes.len();
        let whole = quoted || (at == 0 && digits == bytes.len());
        if (whole && is_counter(key)) || (!next.is_ascii_alphanumeric() && follows_counter(text, at)) {
            return Some((Kind::Counter, digits));
        }
        if whole && key.to_ascii_lowercase().ends_with("hash") && digits >= 15 {
            return Some((Kind::Hash, digits));
        }
        let node_port = || text[at..at + digits].parse::<u32>().is_ok_and(|port| (30000..=32767).contains(&port));
        if whole && key.to_ascii_lowercase().ends_with("port") && node_port() {
            return Some((Kind::NodePort, digits));
        }
        if whole && key_names_account(key) && (9..=13).contains(&digits) {
            return Some((Kind::Account, digits));
        }
        if bytes[at + digits..].starts_with(b"]:")
            && at >= 2
            && bytes[at - 1] == b'['
            && bytes[at - 2].is_ascii_alphanumeric()
        {
            return Some((Kind::Counter, digits));
        }
        if let Some(found) = duration(text, at) {
            return Some(found);
        }
    }
    if first == b'v'
        && let Some(length) = node_version_at(bytes, at).or_else(|| told_version(text, at))
    {
        return Some((Kind::NodeVersion, length));
    }
    recognise(text, at).or_else(|| (at == 0 && is_opaque_id(text, key)).then_some((Kind::OpaqueId, text.len())))
}

/// Whether a field that is named an id holds letters and digits in no order, and nothing else.
fn is_opaque_id(text: &str, key: &str) -> bool {
    let mixed = text.bytes().any(|b| b.is_ascii_digit()) && text.bytes().any(|b| b.is_ascii_alphabetic());
    (key.ends_with("Id") || key.ends_with("ID"))
        && (16..=128).contains(&text.len())
        && mixed
        && text.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether a field holds a number that the system picks as it goes: a VLAN of the CNI, the port that a client connects from.
pub(super) fn key_names_picked(key: &str) -> bool {
    let name: String = key.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_lowercase() as char).collect();
    matches!(name.as_str(), "vlanid" | "srcport" | "sourceport" | "clientport" | "pid")
}

/// Whether a value is the hash of a Pod template, as its key says: such a hash may be of digits alone.
fn is_template_hash(text: &str, key: &str) -> bool {
    key.ends_with("pod-template-hash") && (5..=10).contains(&text.len()) && is_suffix_alphabet(text)
}

/// The length of a version that `kubectl version` tells of the client or the server: whoever reads the page has another build.
fn told_version(text: &str, at: usize) -> Option<usize> {
    let told = ["Client Version: ", "Server Version: "].iter().any(|words| text[..at].ends_with(words));
    let number = text[at + 1..].bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
    (told && at + 1 + number == text.len() && text[at + 1..].split('.').count() == 3).then_some(1 + number)
}

fn is_counter(key: &str) -> bool {
    key.eq_ignore_ascii_case("resourceVersion")
}

fn follows_counter(text: &str, at: usize) -> bool {
    text.get(..at).unwrap_or_default().trim_end_matches(['"', ':', '=', ' ']).ends_with("esourceVersion")
}

/// A duration where the words around it say that it was measured.
fn duration(text: &str, at: usize) -> Option<(Kind, usize)> {
    let bytes = text.as_bytes();
    let before = &bytes[at.saturating_sub(6)..at];
    let rest = &bytes[at..];
    if let Some(length) = age_at(bytes, at) {
        let pulled = before.ends_with(b" in ")
            && text.get(at.saturating_sub(160)..at).is_some_and(|t| t.contains("pulled image"));
        let measured = pulled || rest[..length].contains(&b'.') || rest[..length].ends_with(b"ms");
        let aged = rest[length..].starts_with(b" ago") || before.ends_with(b" over ");
        return (measured || aged).then_some((Kind::Age, length));
    }
    let number = rest.iter().take(20).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let unit = &rest[number..];
    // Spring's `Started X in 5.1 seconds (process running for 6.2)`.
    let told = || text.get(..at).is_some_and(|before| before.ends_with(" running for "));
    let fraction = rest[..number].contains(&b'.') && (unit.starts_with(b" seconds") || told());
    (fraction || unit.starts_with(b" ms") || unit.starts_with(b" milliseconds")).then_some((Kind::Measure, number))
}

/// How long the actual value is that may stand for the expected one.
pub(super) fn counterpart(
    kind: Kind,
    expected: &str,
    i: usize,
    length: usize,
    actual: &str,
    j: usize,
    key: &str,
) -> Option<usize> {
    let bytes = actual.as_bytes();
    let text = &expected[i..i + length];
    let rest = bytes.get(j..)?;
    let run = |test: fn(u8) -> bool| rest.iter().take(160).take_while(|&&b| test(b)).count();
    let delimited = |n: usize| !rest.get(n).is_some_and(u8::is_ascii_alphanumeric);
    let lower = || run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let same_kind = || typed(actual, j, key).filter(|(other, _)| *other == kind).map(|(_, n)| n);
    match kind {
        Kind::Account => same_kind().filter(|&n| n == 12 || actual.get(j..j + n) == Some(text)),
        Kind::AwsId => same_kind().filter(|&n| actual[j..j + n].split('-').next() == text.split('-').next()),
        Kind::UpperId => Some(run(|b| b.is_ascii_uppercase() || b.is_ascii_digit())).filter(|&n| {
            // An invented id says no more than that it is one of IAM's: keys that last and keys that don't look alike on pages.
            let prefix = if text.starts_with('A') && !is_invented(text) { 4 } else { 1 };
            n >= 12 && delimited(n) && actual[j..j + n].get(..prefix) == text.get(..prefix)
        }),
        Kind::HostLabel => Some(lower())
            .filter(|n| (3..=32).contains(n) && rest.get(*n) == Some(&b'.') && is_database_domain(bytes, j + n + 1)),
        Kind::OpaqueId => (j == 0 && is_opaque_id(actual, key)).then_some(actual.len()),
        Kind::Hash => {
            let n = run(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
            let same = n == length && (delimited(n) || actual[j..j + n] == *text);
            (same || key.ends_with("hash") && n >= 15).then_some(n)
        }
        Kind::TemplateHash => {
            let n = lower();
            let segment = actual.get(j..j + n)?;
            let hexadecimal = n == length && [text, segment].iter().all(|t| t.bytes().all(|b| b.is_ascii_hexdigit()));
            let generated = (6..=10).contains(&n) && is_suffix_alphabet(segment);
            (delimited(n) && (segment == text || generated || hexadecimal)).then_some(n)
        }
        Kind::NameSuffix => {
            let n = lower();
            let segment = actual.get(j..j + n)?;
            let ends = (rest.get(n) == Some(&b'-')) == (expected.as_bytes().get(i + length) == Some(&b'-'));
            let generated = match suffix_of_joined(text).filter(|_| !is_suffix_alphabet(text)) {
                Some(at) => segment.get(..at) == text.get(..at) && segment.get(at..).is_some_and(is_suffix_alphabet),
                None => is_suffix_alphabet(segment),
            };
            (delimited(n) && ends && (segment == text || n == length.max(5) && generated)).then_some(n)
        }
        Kind::JobMinute => Some(run(|b| b.is_ascii_digit())).filter(|&n| n == 8 && delimited(n)),
        Kind::RandomSuffix => Some(run(|b| b.is_ascii_alphanumeric())).filter(|&n| n == length),
        Kind::LoadBalancerNumber => {
            let n = lower();
            (rest.get(n) == Some(&b'.') && actual[j..j + n].bytes().all(|b| b.is_ascii_hexdigit()) && n >= 6)
                .then_some(n)
        }
        Kind::Time => same_kind().filter(|&n| same_format(text, &actual[j..j + n])),
        Kind::Address => {
            let n = same_kind()?;
            let (mine, theirs) = (reach(text), reach(&actual[j..j + n]));
            let constant = mine == Some(Reach::Fixed) || theirs == Some(Reach::Fixed);
            (mine.is_none() || theirs.is_none() || (mine == theirs && (!constant || text == &actual[j..j + n])))
                .then_some(n)
        }
        Kind::Mask => {
            let (before, after) = (expected[..i].bytes().last(), expected.as_bytes().get(i + length));
            // The first label of a host name has dashes of its own.
            let label = after == Some(&b'.') && before.is_none_or(|b| matches!(b, b' ' | b'/' | b'"' | b'@'));
            let n = if label {
                run(|b| b.is_ascii_alphanumeric() || b == b'-')
            } else {
                run(|b| b.is_ascii_alphanumeric())
            };
            (n > 0).then_some(n)
        }
        // A page may leave out the domain.
        Kind::Node => same_kind().filter(|&n| !text.contains('.') || actual[j..j + n].contains('.')),
        _ => same_kind(),
    }
}

/// Whether two times are in one format, and of one severity where a log puts that ahead of the time.
fn same_format(expected: &str, actual: &str) -> bool {
    let family = |text: &str| {
        let bytes = text.as_bytes();
        let at = |n: usize| bytes.get(n).copied().unwrap_or(b' ');
        match (at(0), at(2), at(3)) {
            (b'0'..=b'9', b':', _) => (b'c', b':'),
            (b'0'..=b'9', b'/', _) => (b'a', b'/'),
            (b'0'..=b'9', ..) => (b'd', at(4)),
            (severity, b'0'..=b'9', _) => (severity, b'k'),
            (.., b',') => (b'm', b','),
            (.., b' ') if at(6) == b' ' || at(7) == b' ' => (b'n', b' '),
            _ => (b'w', b' '),
        }
    };
    family(expected) == family(actual)
}
