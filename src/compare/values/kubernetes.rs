//! Names that Kubernetes generates.

use super::aws::region_at;
use super::{Kind, Word, is_hex, is_mixed};

/// The characters of generated names: no vowels, no digits that look like letters, so that no words come out.
/// Source: `alphanums` in k8s.io/apimachinery/pkg/util/rand.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// Five characters end a generated name. Source: `randomLength` in k8s.io/apiserver/pkg/storage/names.
const SUFFIX: usize = 5;

/// Words that are five characters of the alphabet and no accident.
const WORDS: [&str; 6] = ["https", "http2", "mssql", "xhtml", "grpcs", "ptrsv"];

/// Whether all characters are those of generated names.
pub(in super::super) fn is_suffix_alphabet(text: &str) -> bool {
    text.bytes().all(|b| ALPHABET.contains(&b))
}

/// The length of a kubelet's version as EKS builds it at `at`: `v1.33.5-eks-113cf36`.
pub(in super::super) fn node_version_at(bytes: &[u8], at: usize) -> Option<usize> {
    let rest = bytes.get(at..)?.strip_prefix(b"v")?;
    let number = rest.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let build = rest.get(number..)?.strip_prefix(b"-eks-")?;
    let hash = build.iter().take_while(|b| b.is_ascii_alphanumeric()).count();
    (number >= 3 && hash >= 6).then_some(1 + number + 5 + hash)
}

/// `ip-10-42-1-2.us-west-2.compute.internal`, `ip-10-42-1-2.ec2.internal`, `ip-10-42-1-2`.
pub(super) fn node(word: Word<'_>) -> Option<(Kind, usize)> {
    if !word.rest().starts_with(b"ip-") {
        return None;
    }
    let mut at = word.at + 3;
    for part in 0..4 {
        let digits = word.bytes.get(at..)?.iter().take_while(|b| b.is_ascii_digit()).count();
        if !(1..=3).contains(&digits) {
            return None;
        }
        at += digits;
        if part < 3 {
            if word.bytes.get(at) != Some(&b'-') {
                return None;
            }
            at += 1;
        }
    }
    let rest = word.bytes.get(at..).unwrap_or_default();
    if rest.starts_with(b".ec2.internal") {
        at += 13;
    } else if let Some(region) = rest.first().filter(|&&b| b == b'.').and_then(|_| region_at(word.bytes, at + 1))
        && word.bytes.get(at + 1 + region..).is_some_and(|r| r.starts_with(b".compute.internal"))
    {
        at += 1 + region + 17;
    }
    (!word.peek(at - word.at).is_ascii_alphanumeric()).then_some((Kind::Node, at - word.at))
}

/// The generated parts of a name, each at the start of its own segment.
pub(super) fn recognise(word: Word<'_>) -> Option<(Kind, usize)> {
    let length = word.run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let next = word.peek(length);
    if length == 0 || next.is_ascii_alphanumeric() {
        return None;
    }
    let text = word.slice(length);
    let inside = word.previous() == b'-';
    if inside && length > SUFFIX && next != b'-' && is_suffix_alphabet(text) && is_cut_name(word, text) {
        return Some((Kind::NameSuffix, length));
    }
    if inside && is_suffix(text) {
        let tail = Word { at: word.at + length + 1, ..word };
        let tail_length = tail.run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        // A generated name may be generated on top of another: `carts-bt28w-lnb4r`.
        if next != b'-' || (is_suffix(tail.slice(tail_length)) && tail.peek(tail_length) != b'-') {
            return Some((Kind::NameSuffix, length));
        }
    }
    if inside && next != b'-' && is_edited_suffix(text) && follows_hash(word.before()) {
        return Some((Kind::NameSuffix, length));
    }
    if inside && length == 8 && text.bytes().all(|b| b.is_ascii_digit()) && matches!(text.as_bytes()[0], b'2' | b'3') {
        return Some((Kind::JobMinute, length));
    }
    let of_host = word.rest().get(length..).is_some_and(is_load_balancer_host);
    if inside && !of_host && next == b'-' && (6..=10).contains(&length) {
        let tail = Word { at: word.at + length + 1, ..word };
        let tail_length = tail.run(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let ends = !matches!(tail.peek(tail_length), b'-') && !tail.peek(tail_length).is_ascii_alphanumeric();
        let suffix = tail.slice(tail_length);
        let ended = is_suffix(suffix) || is_edited_suffix(suffix);
        let real = is_suffix_alphabet(text) && text.bytes().any(|b| b.is_ascii_digit()) && ended;
        if ends && (real || (is_invented_hash(text) && is_invented_suffix(suffix))) {
            return Some((Kind::TemplateHash, length));
        }
    }
    let after_key = word.before().trim_end_matches([':', '=', ' ', '"']).ends_with("hash");
    let alone = (inside && !matches!(next, b'-' | b'.')) || after_key;
    let keyed = after_key || names_replica_set(word.before());
    if alone && (8..=10).contains(&length) && is_suffix_alphabet(text) && is_mixed_or_keyed(text, keyed) {
        return Some((Kind::TemplateHash, length));
    }
    (inside && next != b'-' && suffix_of_joined(text).is_some()).then_some((Kind::NameSuffix, length))
}

/// Whether the name that a text ends in is said to be that of a ReplicaSet: `replicaset/ui-`, `replica set ui-`.
fn names_replica_set(before: &str) -> bool {
    let name = before.bytes().rev().take_while(|b| b.is_ascii_alphanumeric() || *b == b'-').count();
    let ahead = before[..before.len() - name].trim_end_matches([' ', '/', '"', '\'', ':']);
    ["replicaset", "replicasets", "replicaset.apps", "replicasets.apps", "replica set", "ReplicaSet"]
        .iter()
        .any(|kind| ahead.ends_with(kind))
}

/// Where the five characters begin in the last segment of a name whose `generateName` does not end in a dash:
/// `sealed-secrets-keyvkl9w`. A word stands ahead of them, and a digit among them.
pub(in super::super) fn suffix_of_joined(segment: &str) -> Option<usize> {
    let at = segment.len().checked_sub(SUFFIX).filter(|&at| at >= 3)?;
    let (word, suffix) = segment.split_at_checked(at)?;
    (word.bytes().all(|b| b.is_ascii_lowercase()) && is_suffix_alphabet(suffix) && is_mixed(suffix)).then_some(at)
}

/// Whether the text ends a name that was too long: it is cut to leave room for the five characters, which then follow
/// without a dash, so all of it has the 63 characters that a name may have. Source: `maxNameLength` in
/// k8s.io/apiserver/pkg/storage/names.
fn is_cut_name(word: Word<'_>, text: &str) -> bool {
    let of_name = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    let ahead = word.before().bytes().rev().take_while(of_name).count();
    ahead + text.len() == 63 && is_mixed(text)
}

fn is_mixed_or_keyed(text: &str, keyed: bool) -> bool {
    is_mixed(text) || (keyed && text.bytes().any(|b| b.is_ascii_digit()))
}

fn is_load_balancer_host(rest: &[u8]) -> bool {
    let rest = rest.get(..super::REACH).unwrap_or(rest);
    let end = rest.iter().position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'.')).unwrap_or(rest.len());
    rest[..end].windows(5).any(|window| window == b".elb.")
}

/// Five characters of the alphabet, or what authors type when they invent such a suffix: `abc12`.
fn is_suffix(text: &str) -> bool {
    let generated = is_suffix_alphabet(text) && !WORDS.contains(&text) && !text.bytes().all(|b| b.is_ascii_digit());
    text.len() == SUFFIX && (generated || is_invented_suffix(text))
}

/// Five letters and digits that an author made up behind the hash of a ReplicaSet: `ui-6d5bb7b9c8-arx97`.
fn is_edited_suffix(text: &str) -> bool {
    text.len() == SUFFIX && is_mixed(text)
}

/// Whether a text ends in the hash of a ReplicaSet and a dash.
fn follows_hash(before: &str) -> bool {
    let segment = before.strip_suffix('-').and_then(|name| name.rsplit_once('-')).map_or("", |(_, segment)| segment);
    (8..=10).contains(&segment.len())
        && is_mixed(segment)
        && (is_suffix_alphabet(segment) || segment.bytes().all(is_hex))
}

fn is_invented_suffix(text: &str) -> bool {
    if matches!(text, "abcde" | "fghij" | "vwxyz") {
        return true;
    }
    let letters = text.bytes().take_while(|b| b.is_ascii_lowercase()).count();
    (4..=5).contains(&text.len()) && letters == 3 && text.bytes().skip(3).all(|b| b.is_ascii_digit())
}

fn is_invented_hash(text: &str) -> bool {
    (8..=10).contains(&text.len())
        && is_mixed(text)
        && (text.bytes().all(is_hex) || text.bytes().filter(|b| b.is_ascii_digit()).count() >= 3)
}
