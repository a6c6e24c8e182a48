//! Words that authors put where they mask a value.

/// A word that the page masks in its own way: `vVAR::NAME`, `<password>`, `abc123...`, `X.X.X`. Answers what follows on both
/// sides.
pub(super) fn masked_word(expected: &str, i: usize, actual: &str, j: usize) -> Option<(usize, usize)> {
    let word_start =
        (i.saturating_sub(64)..i).rev().take_while(|&n| !ends_word(expected.as_bytes()[n])).last().unwrap_or(i);
    let back = i - word_start;
    let actual_start = j.checked_sub(back)?;
    if !expected.is_char_boundary(word_start) || !actual.is_char_boundary(actual_start) {
        return None;
    }
    let end_e = word_start + expected[word_start..].bytes().take(200).take_while(|&b| !ends_word(b)).count();
    let shown = expected.get(word_start..end_e)?;
    if !["VAR::", "...", "…", "<", "[", "X.X.X"].iter().any(|mark| shown.contains(mark)) {
        return None;
    }
    let end_a = actual_start + actual[actual_start..].bytes().take(200).take_while(|&b| !ends_word(b)).count();
    let (word, other) = (shown, actual.get(actual_start..end_a)?);
    if other.is_empty() || end_a < j || end_e <= i {
        return None;
    }
    if word.contains("VAR::") && other.bytes().any(|b| b.is_ascii_digit()) {
        return Some((end_e, end_a));
    }
    if let Some(found) = shortened(expected, word_start, actual, actual_start).filter(|&(e, a)| e > i && a >= j) {
        return Some(found);
    }
    if let Some(inner) = word.strip_prefix('[').and_then(|w| w.strip_suffix(']')) {
        let hides = ["REDACTED", "MASKED", "HIDDEN"].iter().any(|name| inner.eq_ignore_ascii_case(name));
        return (hides && !other.starts_with('[')).then_some((end_e, end_a));
    }
    if let Some(begun) = word.strip_suffix("...").or_else(|| word.strip_suffix('…')) {
        let begun = begun.trim_end_matches('-');
        if is_encoded(begun) && other.len() > begun.len() && other.get(..3) == begun.get(..3) {
            return Some((end_e, end_a));
        }
        // `pvc-abc123...`: what stands ahead of the last dash is the author's word, the rest an invented beginning.
        let stem = begun.rfind(['-', ':', '.', '@']).map_or("", |dash| &begun[..=dash]);
        let invented = &begun[stem.len()..];
        let masks = invented.bytes().any(|b| b.is_ascii_digit()) && invented.bytes().any(|b| b.is_ascii_alphabetic());
        return (masks && other.starts_with(stem) && other.len() > stem.len()).then_some((end_e, end_a));
    }
    if let Some(inner) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')) {
        let told = !other.starts_with('<') && other.len() > 1;
        return (is_name(inner) && told && word_start <= i).then_some((end_e, end_a));
    }
    if let Some(name) =
        expected.get(i..).and_then(|rest| rest.strip_prefix("<your ")?.split_once('>')).map(|(name, _)| name)
    {
        let plain = name.len() < 64 && name.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b' ' | b'-'));
        return (plain && end_a > j).then_some((i + "<your ".len() + name.len() + 1, end_a));
    }
    let at_name = expected.get(i..end_e).and_then(|word| word.strip_prefix('<')?.split_once('>'));
    if let Some((inner, _)) = at_name {
        // `arn:aws:iam::<account>:role/ui`: a name within a word stands for one of its parts.
        let rest = actual.get(j..end_a)?;
        let part = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
        let account = inner.to_ascii_lowercase().contains("account");
        let told = part > 0 && (!account || part == 12 && rest.bytes().take(part).all(|b| b.is_ascii_digit()));
        return (is_name(inner) && told).then_some((i + inner.len() + 2, j + part));
    }
    let dotted = expected.get(i..).is_some_and(|rest| rest.starts_with("X.X.X"));
    if dotted {
        let n = actual.as_bytes()[j..].iter().take(40).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let dots = actual[j..j + n].bytes().filter(|&b| b == b'.').count();
        return (dots == 2).then_some((i + 5, j + n));
    }
    None
}

/// A run of one letter or of asterisks where the page masks a value or a part of one: `xxxxxxxx-xxxx`, `10.42.x.x`, `v1.33.x`,
/// `dXXXXXXXX.cloudfront.net`, `********`. Returns the lengths on both sides.
pub(super) fn masked_run(expected: &str, i: usize, actual: &str, j: usize) -> Option<(usize, usize)> {
    let (e, rest) = (expected.as_bytes(), actual.as_bytes().get(j..)?);
    let &mark = e.get(i).filter(|b| matches!(b, b'x' | b'X' | b'y' | b'Y' | b'*'))?;
    let before = i.checked_sub(1).map_or(b' ', |n| e[n]);
    let length = e[i..].iter().take(200).take_while(|&&b| b == mark).count();
    let after = e.get(i + length).copied().unwrap_or(b' ');
    if before == mark || rest.starts_with(&e[i..i + length]) && !rest.get(length).is_some_and(u8::is_ascii_alphanumeric)
    {
        return None;
    }
    if mark == b'*' {
        // A line of asterisks draws.
        let told = rest.iter().take(200).take_while(|b| b.is_ascii_graphic()).count();
        let is_value = length >= 4 && !expected[..i].trim_end().is_empty() && !after.is_ascii_graphic();
        return (is_value && told > 0 && rest[0] != b'*').then_some((length, told));
    }
    let next_but_one = e.get(i + length + 1).copied().unwrap_or(b' ');
    let masks = !after.is_ascii_alphanumeric()
        && match length {
            // A part of a version or of an address.
            1 => {
                let dotted =
                    before == b'.' || (after == b'.' && next_but_one == mark && !before.is_ascii_alphanumeric());
                dotted && mark.eq_ignore_ascii_case(&b'x') && rest.first().is_some_and(u8::is_ascii_digit)
            }
            2 | 3 => !before.is_ascii_alphanumeric(),
            _ => true,
        };
    // The first label of a host name has dashes of its own.
    let label = after == b'.' && matches!(before, b' ' | b'/' | b'"' | b'@');
    let told = rest.iter().take(200).take_while(|b| b.is_ascii_alphanumeric() || (label && **b == b'-')).count();
    (masks && told > 0).then_some((length, told))
}

/// Whether the text between `<` and `>` names a value, and is not what a tool writes where it has none.
fn is_name(inner: &str) -> bool {
    let own_words = ["none", "unset", "unknown", "nil", "pending", "invalid", "default"];
    inner.len() > 2
        && inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        && !own_words.contains(&inner)
}

/// `LS0tL(...)LQo=`: a long value with its middle left out. Text that encodes bytes may end in other characters, as it does where
/// what is encoded is longer or shorter.
fn shortened(expected: &str, i: usize, actual: &str, j: usize) -> Option<(usize, usize)> {
    /// Certificates and keys are a few kilobytes.
    const LONGEST: usize = 16 << 10;
    let word = |text: &str, at: usize| -> Option<usize> {
        let ends = |b: u8| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b',');
        let end = at + text.get(at..)?.bytes().take(LONGEST).take_while(|&b| !ends(b)).count();
        text.is_char_boundary(end).then_some(end)
    };
    let (end_e, end_a) = (word(expected, i)?, word(actual, j)?);
    let (shown, other) = (expected.get(i..end_e)?, actual.get(j..end_a)?);
    let (head, tail) = ["(...)", "[...]", "...", "…"].iter().find_map(|mark| shown.split_once(mark))?;
    let base64 = |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='));
    let encoded = other.len() >= 24 && [head, tail, other].iter().all(|text| base64(text));
    let whole = head.len() >= 3 && !tail.is_empty() && other.len() > head.len() + tail.len() && other.starts_with(head);
    (whole && (encoded || other.ends_with(tail))).then_some((end_e, end_a))
}

/// Whether a text begins a token: letters of both cases without a word in them.
fn is_encoded(begun: &str) -> bool {
    let changes =
        begun.as_bytes().windows(2).filter(|w| w[0].is_ascii_lowercase() && w[1].is_ascii_uppercase()).count();
    begun.len() >= 8 && changes >= 2 && begun.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+'))
}

/// Whether a value is one that authors write for any: `123456789012`, `111122223333`, `$AWS_ACCOUNT_ID`, `AKIAIOSFODNN7EXAMPLE`,
/// `fs-0123456789abcdef0`, `XXXX`.
pub(super) fn is_invented(value: &str) -> bool {
    /// Shorter texts count up by chance.
    const SHORTEST: usize = 8;
    if value.starts_with(['$', '<']) || value.contains("EXAMPLE") || value.contains("XXX") || value.contains("xxx") {
        return true;
    }
    let id = value.rsplit(['-', '/', ':']).next().unwrap_or(value).as_bytes();
    let follows = |pair: &[u8]| {
        let (a, b) = (pair[0], pair[1]);
        a == b || (a.is_ascii_alphanumeric() && b == a + 1) || matches!((a, b), (b'9', b'0' | b'a') | (b'f', b'0'))
    };
    id.len() >= SHORTEST && id.windows(2).all(follows)
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b'=' | b'/')
}

#[cfg(test)]
mod tests {
    use super::is_invented;
    use crate::compare::{Bindings, Case, Known, Outcome, compare};

    fn same(expected: &str, actual: &str) -> bool {
        let known = [("AWS_ACCOUNT_ID", "640218837755"), ("AWS_REGION", "eu-central-1")];
        let known = Known(known.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let case = Case { command: "echo", expected, actual, exit_status: 0 };
        compare(&case, &known, &Bindings::default()).0.verdict == Outcome::Match
    }

    #[test]
    fn masks_stand_for_values() {
        for (page, own) in [
            ("i-xxxxxxxxxxxxxxxxx", "i-04ab91e3c7d2f6058"),
            ("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", "0be7c1d4-2f83-4a69-b5de-81c6fa07e932"),
            ("arn:aws:iam::xxxxxxxxxxxx:role/ui", "arn:aws:iam::640218837755:role/ui"),
            ("arn:aws:iam::<account>:role/ui", "arn:aws:iam::640218837755:role/ui"),
            ("10.x.x.x and 10.42.xx.xx", "10.42.7.9 and 10.42.8.1"),
            ("x.x.x.x", "3.120.7.9"),
            ("ip-10-42-xxx-xxx.us-west-2.compute.internal", "ip-10-42-7-9.eu-central-1.compute.internal"),
            ("password: ********", "password: hunter2aA"),
            ("token: [REDACTED]", "token: abc.def.ghi"),
            ("admin:<your password>", "admin:aB3x"),
            ("v1.33.x", "v1.33.5"),
            ("id/EXAMPLED539D4633E53DE1B71EXAMPLE", "id/CE904CDE51A268E6D161045C75BB756A"),
            ("pod/ui-xxxxxxxxxx-xxxxx", "pod/ui-6c8f5db947-2zqkx"),
            (
                "http://xxxxxxxx.us-west-2.elb.amazonaws.com",
                "http://k8s-ui-4c1be0-16300.eu-central-1.elb.amazonaws.com",
            ),
            ("dxxxxxxxxxxxxx.cloudfront.net", "d1l3k0zq7xyabc.cloudfront.net"),
            ("certificate/abcd1234-...", "certificate/0be7c1d4-2f83-4a69-b5de-81c6fa07e932"),
            ("eyJhbGciOi...", "eyJraWQiOiJKTnE1"),
            ("LS0tL(...)LQo=", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg=="),
        ] {
            assert!(same(page, own), "{page}: {own}");
        }
    }

    #[test]
    fn what_stands_beside_a_mask_counts() {
        for (page, own) in [
            ("i-xxxxxxxxxxxxxxxxx", "vol-04ab91e3c7d2f6058"),
            ("i-xxxxxxxxxxxxxxxxx", "i-"),
            ("arn:aws:iam::xxxxxxxxxxxx:role/ui", "arn:aws:iam::111111111111:role/ui"),
            ("arn:aws:iam::xxxxxxxxxxxx:role/ui", "arn:aws:iam::640218837755:role/other"),
            ("arn:aws:iam::<account>:role/ui", "arn:aws:iam:::role/ui"),
            ("10.42.xx.xx", "192.168.7.9"),
            ("v1.33.x", "v1.32.5"),
            ("password: ********", "password:"),
            ("********************", "failed"),
            ("pod/ui-xxxxxxxxxx-xxxxx", "pod/orders-6c8f5db947-2zqkx"),
            ("LS0tL(...)LQo=", "ZHlzc2VudGVyeQ=="),
        ] {
            assert!(!same(page, own), "{page}: {own}");
        }
    }

    #[test]
    fn invented_values() {
        for value in [
            "1234567890",
            "123456789012",
            "111122223333",
            "000000000000",
            "$AWS_ACCOUNT_ID",
            "<account>",
            "XXXXXXXXXXXX",
            "AKIAIOSFODNN7EXAMPLE",
            "fs-0123456789abcdef0",
        ] {
            assert!(is_invented(value), "{value}");
        }
        for value in ["640218837755", "267912352941", "fs-061cb5c5ed841a6b0", "ui-6c8f5db947-2zqkx", "default"] {
            assert!(!is_invented(value), "{value}");
        }
    }
}
