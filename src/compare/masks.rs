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
    if let Some(begun) = word.strip_suffix("...").or_else(|| word.strip_suffix('…')) {
        // `pvc-abc123...`: what stands ahead of the last dash is the author's word, the rest an invented beginning.
        let stem = begun.rfind(['-', ':', '.', '@']).map_or("", |dash| &begun[..=dash]);
        let invented = &begun[stem.len()..];
        let masks = invented.bytes().any(|b| b.is_ascii_digit()) && invented.bytes().any(|b| b.is_ascii_alphabetic());
        return (masks && other.starts_with(stem) && other.len() > stem.len()).then_some((end_e, end_a));
    }
    if let Some(inner) = word.strip_prefix('<').and_then(|w| w.strip_suffix('>')) {
        let own_words = ["none", "unset", "unknown", "nil", "pending", "invalid", "default"];
        let is_name = inner.len() > 2 && inner.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        let told = !other.starts_with('<') && other.len() > 1;
        return (is_name && !own_words.contains(&inner) && told && word_start <= i).then_some((end_e, end_a));
    }
    let dotted = expected.get(i..).is_some_and(|rest| rest.starts_with("X.X.X"));
    if dotted {
        let n = actual.as_bytes()[j..].iter().take(40).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let dots = actual[j..j + n].bytes().filter(|&b| b == b'.').count();
        return (dots == 2).then_some((i + 5, j + n));
    }
    None
}

fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'' | b',' | b'=' | b'/')
}
