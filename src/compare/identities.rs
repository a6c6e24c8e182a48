//! The accounts and regions that a text speaks of: what the comparison takes for them, for who looks at a page as a whole.

use std::ops::Range;

use super::values::{Kind, is_registry_of_aws, key_names_account, recognise};

/// Whose a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Identity {
    /// An AWS account's id of twelve digits.
    Account,
    /// An AWS region, also as a part of an availability zone.
    Region,
}

/// The accounts and regions in `text` and where they are, from front to back. Twelve digits are an account only where an
/// account is due: in an ARN, in a registry's host, behind a key that says so. Amazon's own registries are left out, with their regions.
pub(crate) fn identities(text: &str) -> Vec<(Identity, Range<usize>)> {
    let mut found = Vec::new();
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let starts_word = bytes[at].is_ascii_alphanumeric() && (at == 0 || !bytes[at - 1].is_ascii_alphanumeric());
        let Some((kind, length)) = starts_word.then(|| recognise(text, at)).flatten() else {
            at += 1;
            continue;
        };
        let range = at..at + length;
        match kind {
            Kind::Account if length == 12 => {
                if is_registry_of_aws(&text[range.clone()]) {
                    // The image's whole name is Amazon's.
                    at += text[at..].find(|c: char| c.is_whitespace() || c == '"').unwrap_or(text.len() - at);
                    continue;
                }
                if is_due(text, at, length) {
                    found.push((Identity::Account, range));
                }
            }
            Kind::Region => found.push((Identity::Region, range)),
            Kind::Zone => found.push((Identity::Region, at..at + length - 1)),
            // A node's or load balancer's host holds its region further on.
            _ => {
                at += 1;
                continue;
            }
        }
        at += length.max(1);
    }
    found
}

fn is_due(text: &str, at: usize, length: usize) -> bool {
    let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[line_start..at];
    let behind = &text[at + length..];
    if behind.starts_with(".dkr.ecr.") || (before.ends_with(':') && behind.starts_with(':') && before.contains("arn:"))
    {
        return true;
    }
    let key = before.trim_end_matches(['"', '\'', ' ']).trim_end_matches(':').trim_end_matches(['"', '\'', ' ']);
    let key = key.rsplit(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).next().unwrap_or_default();
    key_names_account(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_and_regions_are_found_where_they_are_due() {
        let found = |text: &str| -> Vec<(Identity, String)> {
            identities(text).into_iter().map(|(kind, range)| (kind, text[range].to_owned())).collect()
        };
        let (account, region) = (Identity::Account, Identity::Region);
        for (text, expected) in [
            ("arn:aws:iam::111122223333:role/x", vec![(account, "111122223333")]),
            ("arn:aws:eks:us-west-2:111122223333:cluster/x", vec![(region, "us-west-2"), (account, "111122223333")]),
            ("\"Account\": \"111122223333\"", vec![(account, "111122223333")]),
            ("size 111122223333", vec![]),
            ("ip-10-42-1-2.us-west-2.compute.internal", vec![(region, "us-west-2")]),
            ("zone us-west-2a", vec![(region, "us-west-2")]),
            ("602401143452.dkr.ecr.eu-west-1.amazonaws.com/x", vec![]),
            ("111122223333.dkr.ecr.eu-west-1.amazonaws.com/x", vec![(account, "111122223333"), (region, "eu-west-1")]),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(kind, value)| (kind, value.to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
    }
}
