//! `base64`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::operands::{Spec, read_all, reason, unwritable};
use crate::tools::{Invocation, Status, Streams};

/// `base64 [-d] [-i] [-w COLS] [FILE]`.
pub(crate) fn base64(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    let spec = Spec { short: "diD", with_value: "w", long: &[("decode", 'd'), ("ignore-garbage", 'i'), ("wrap", 'w')] };
    let parsed = match spec.parse(invocation) {
        Ok(parsed) => parsed,
        Err(problem) => return problem.tell(invocation, streams, 1),
    };
    let Ok(wrap) = parsed.value('w').unwrap_or("76").parse::<usize>() else {
        let _ = writeln!(streams.stderr, "base64: invalid wrap size: ‘{}’", parsed.value('w').unwrap_or_default());
        return 1;
    };
    if let Some(extra) = parsed.operands.get(1) {
        let _ = writeln!(streams.stderr, "base64: extra operand ‘{extra}’\nTry 'base64 --help' for more information.");
        return 1;
    }
    let operand = parsed.operands_or_stdin()[0];
    let input = match read_all(invocation, streams.stdin, operand) {
        Ok(input) => input,
        Err(error) => {
            let _ = writeln!(streams.stderr, "base64: {operand}: {}", reason(&error));
            return 1;
        }
    };
    let (out, valid) = if parsed.has('d') || parsed.has('D') {
        decoded(&input, parsed.has('i'))
    } else {
        (wrapped(&STANDARD.encode(&input), wrap), true)
    };
    if let Err(error) = streams.stdout.write_all(&out).and_then(|()| streams.stdout.flush()) {
        return unwritable(invocation, streams, &error);
    }
    if !valid {
        let _ = writeln!(streams.stderr, "base64: invalid input");
        return 1;
    }
    0
}

fn wrapped(text: &str, columns: usize) -> Vec<u8> {
    if columns == 0 {
        return text.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(text.len() + text.len() / columns + 1);
    for line in text.as_bytes().chunks(columns) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out
}

/// What can be decoded, and whether that is everything.
fn decoded(input: &[u8], ignore_garbage: bool) -> (Vec<u8>, bool) {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let text: Vec<u8> =
        input.iter().copied().filter(|byte| if ignore_garbage { known(byte) } else { *byte != b'\n' }).collect();
    let mut out = Vec::new();
    for group in text.chunks(4) {
        match STANDARD.decode(group) {
            Ok(bytes) => out.extend_from_slice(&bytes),
            Err(_) => {
                // The characters before the first that doesn't fit still mean bytes.
                let good: Vec<u8> = group.iter().copied().take_while(|byte| known(byte) && *byte != b'=').collect();
                let lenient = base64::engine::GeneralPurpose::new(
                    &base64::alphabet::STANDARD,
                    base64::engine::GeneralPurposeConfig::new()
                        .with_decode_allow_trailing_bits(true)
                        .with_decode_padding_mode(base64::engine::DecodePaddingMode::RequireNone),
                );
                if good.len() >= 2 {
                    out.extend(lenient.decode(&good).unwrap_or_default());
                }
                return (out, false);
            }
        }
    }
    (out, true)
}
