//! Amounts of CPU, memory and the like: `250m`, `1536Mi`.

/// The amount as a number; `None` when the text is no quantity.
pub fn parse(text: &str) -> Option<f64> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-'))).unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let number: f64 = number.parse().ok()?;
    let scale = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 1024.0,
        "Mi" => 1024f64.powi(2),
        "Gi" => 1024f64.powi(3),
        "Ti" => 1024f64.powi(4),
        "Pi" => 1024f64.powi(5),
        "Ei" => 1024f64.powi(6),
        exponent => 10f64.powi(exponent.strip_prefix(['e', 'E'])?.parse().ok()?),
    };
    Some(number * scale)
}

/// Thousandths, rounded up, as amounts of CPU are added.
pub fn milli(text: &str) -> i64 {
    parse(text).map_or(0, |value| (value * 1000.0 - 1e-6).ceil() as i64)
}

/// Whole units, rounded up, as amounts of memory are added.
pub fn whole(text: &str) -> i64 {
    parse(text).map_or(0, |value| (value - 1e-6).ceil() as i64)
}

/// Thousandths as a quantity: `250m`, `2`.
pub fn from_milli(milli: i64) -> String {
    if milli % 1000 == 0 { (milli / 1000).to_string() } else { format!("{milli}m") }
}

/// Bytes as a quantity in powers of two: `1536Mi`, `1Gi`.
pub fn from_bytes(bytes: i64) -> String {
    if bytes == 0 {
        return "0".into();
    }
    for (unit, power) in [("Ei", 60), ("Pi", 50), ("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)] {
        if bytes % (1i64 << power) == 0 {
            return format!("{}{unit}", bytes >> power);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities() {
        for (text, value) in [("250m", 0.25), ("2", 2.0), ("1Ki", 1024.0), ("1e3", 1000.0), ("1.5", 1.5)] {
            assert_eq!(parse(text), Some(value), "{text}");
        }
        assert_eq!((parse("x"), parse("1x")), (None, None));
        assert_eq!((milli("250m"), milli("1"), whole("1Mi")), (250, 1000, 1 << 20));
        assert_eq!(
            (from_milli(250), from_milli(2000), from_bytes(1536 << 20)),
            ("250m".into(), "2".into(), "1536Mi".into())
        );
    }
}
