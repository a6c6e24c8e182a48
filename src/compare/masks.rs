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
    if !["VAR::", "...", "…", "<", "X.X.X"].iter().any(|mark| shown.contains(mark)) {
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
    if let Some(begun) = word.strip_suffix("...").or_else(|| word.strip_suffix('…')) {
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
