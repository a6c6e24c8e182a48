//! Amounts: `250m`, `1.5Gi`, `2e3`. A server reads them exactly and writes each in one canonical form, so that `1.5Gi` comes
//! back as `1536Mi`.
//! <https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>

use std::cmp::Ordering;

/// What Kubernetes says of a text that is no amount.
const FORMAT: &str = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

/// What it says of letters that are no unit.
const SUFFIX: &str = "unable to parse quantity's suffix";

/// Decimal units from the smallest, a thousand apart.
const DECIMAL: [&str; 10] = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];

/// Binary units, 1024 apart.
const BINARY: [&str; 7] = ["", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

/// Thousand millionths: amounts are known to this fraction, smaller ones are rounded up.
const NANO: i128 = 1_000_000_000;

/// The largest amount: 2⁶³-1.
const LARGEST: i128 = i64::MAX as i128;

/// In which units an amount is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Decimal,
    Binary,
    Exponent,
}

/// An amount, exact to 10⁻⁹.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "String")]
pub struct Quantity {
    nanos: i128,
    form: Form,
}

impl Default for Quantity {
    /// Nothing.
    fn default() -> Self {
        Self { nanos: 0, form: Form::Decimal }
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.nanos.partial_cmp(&other.nanos)
    }
}

impl std::str::FromStr for Quantity {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
        let (number, unit) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return Err(FORMAT);
        }
        let letters = unit.find(|c| !"eEinumkKMGTP".contains(c)).unwrap_or(unit.len());
        let digits = unit[letters..].trim_start_matches(['+', '-']);
        if !digits.chars().all(|c| c.is_ascii_digit()) || unit.len() - letters > digits.len() + 1 {
            return Err(FORMAT);
        }
        // The factor is `base`^`power`.
        let (base, power, form) = if let Some(at) = BINARY.iter().skip(1).position(|one| *one == unit) {
            (1024, i32::try_from(at + 1).unwrap_or(0), Form::Binary)
        } else if let Some(at) = DECIMAL.iter().position(|one| *one == unit) {
            (10, i32::try_from(at).unwrap_or(0) * 3 - 9, Form::Decimal)
        } else if let Some(exponent) = unit.strip_prefix(['e', 'E']) {
            (10, exponent.parse().map_err(|_| SUFFIX)?, Form::Exponent)
        } else {
            return Err(SUFFIX);
        };
        let nanos = scaled(whole, fraction, base, power).min(LARGEST.saturating_mul(NANO));
        Ok(Self { nanos: if negative { -nanos } else { nanos }, form })
    }
}

/// A decimal number times a power, in thousand millionths, rounded up; as much as fits where it does not.
fn scaled(whole: &str, fraction: &str, base: i128, power: i32) -> i128 {
    let fraction = fraction.trim_end_matches('0');
    let digits = format!("{whole}{fraction}");
    let digits = digits.trim_start_matches('0');
    if digits.is_empty() {
        return 0;
    }
    let Ok(mut number) = digits.parse::<i128>() else {
        // More digits than any amount has: large, unless they are a fraction's.
        return if whole.trim_start_matches('0').is_empty() { 1 } else { i128::MAX };
    };
    let mut tens = 9 - i32::try_from(fraction.len()).unwrap_or(i32::MAX);
    if base == 10 {
        tens = tens.saturating_add(power);
    } else {
        for _ in 0..power {
            number = number.saturating_mul(base);
        }
    }
    while tens > 0 && number < i128::MAX {
        number = number.saturating_mul(10);
        tens -= 1;
    }
    if tens < 0 {
        // What is cut off counts as one more.
        let cut = 10_i128.checked_pow(tens.unsigned_abs());
        return cut.map_or(1, |cut| number / cut + i128::from(number % cut != 0));
    }
    number
}

impl TryFrom<String> for Quantity {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::ops::Add for Quantity {
    type Output = Self;

    /// The sum, written as the second amount is.
    fn add(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_add(other.nanos), form: other.form }
    }
}

impl std::ops::Sub for Quantity {
    type Output = Self;

    /// The difference, written as the first amount is.
    fn sub(self, other: Self) -> Self {
        Self { nanos: self.nanos.saturating_sub(other.nanos), form: self.form }
    }
}

impl Quantity {
    /// The amount in hundredths of itself.
    pub fn percent(self, of_hundred: i128) -> Self {
        Self { nanos: self.nanos.saturating_mul(of_hundred) / 100, form: self.form }
    }

    /// The amount shared among so many; what does not divide is cut off.
    pub fn divided(self, among: i128) -> Self {
        Self { nanos: self.nanos / among.max(1), form: self.form }
    }

    /// The amount times a whole number.
    pub fn times(self, factor: i128) -> Self {
        Self { nanos: self.nanos.saturating_mul(factor), form: self.form }
    }

    /// In thousandths, rounded up: millicores of processors.
    pub fn thousandths(self) -> i64 {
        i64::try_from(self.nanos.div_euclid(1_000_000) + i128::from(self.nanos.rem_euclid(1_000_000) != 0))
            .unwrap_or(i64::MAX)
    }

    /// Of so many thousandths, in decimal units.
    pub fn of_thousandths(thousandths: i64) -> Self {
        Self { nanos: i128::from(thousandths) * 1_000_000, form: Form::Decimal }
    }

    /// Whether it is less than nothing.
    pub fn is_negative(self) -> bool {
        self.nanos < 0
    }
}

/// The canonical form: the largest unit that needs no fraction.
impl std::fmt::Display for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nanos == 0 {
            return f.write_str("0");
        }
        let whole = self.nanos % NANO == 0;
        if self.form == Form::Binary && whole && (self.nanos / NANO).abs() >= 1024 {
            let (mut number, mut unit) = (self.nanos / NANO, 0);
            while number % 1024 == 0 && unit + 1 < BINARY.len() {
                number /= 1024;
                unit += 1;
            }
            return write!(f, "{number}{}", BINARY[unit]);
        }
        let (mut number, mut unit) = (self.nanos, 0);
        while number % 1000 == 0 && unit + 1 < DECIMAL.len() {
            number /= 1000;
            unit += 1;
        }
        match (self.form, unit) {
            (Form::Exponent, 3) => write!(f, "{number}"),
            (Form::Exponent, _) => write!(f, "{number}e{}", i64::try_from(unit).unwrap_or(0) * 3 - 9),
            _ => write!(f, "{number}{}", DECIMAL[unit]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_one_form() {
        for (text, canonical) in [
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("0.1Gi", "107374182400m"),
            ("512", "512"),
            ("0.5Ki", "512"),
            ("1000m", "1"),
            ("0.25", "250m"),
            ("250m", "250m"),
            ("1500m", "1500m"),
            ("2000", "2k"),
            ("1e3", "1e3"),
            ("12E2", "1200"),
            ("1E", "1E"),
            ("0", "0"),
            ("0Mi", "0"),
            ("-1", "-1"),
            ("+.5", "500m"),
            ("1.", "1"),
            ("0.0000000001", "1n"),
            ("100000000Gi", "100000000Gi"),
            ("99999999999999999999", "9223372036854775807"),
            ("99999999999999999999999999999999999999999", "9223372036854775807"),
        ] {
            assert_eq!(text.parse::<Quantity>().map(|amount| amount.to_string()).as_deref(), Ok(canonical), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_in_the_servers_words() {
        for text in ["", "abc", "1Xi", ".", "1.2.3", "1 Gi", "--1", "1Mi+-2"] {
            assert_eq!(text.parse::<Quantity>(), Err(FORMAT), "{text}");
        }
        for text in ["1Kk", "1Mib5", "1ki", "1e"] {
            let error = text.parse::<Quantity>().unwrap_err();
            assert!(error == SUFFIX || error == FORMAT, "{text}");
        }
        assert_eq!("1Kk".parse::<Quantity>(), Err(SUFFIX));
    }

    #[test]
    fn amounts_compare_by_value() {
        let of = |text: &str| text.parse::<Quantity>().unwrap();
        assert!(of("1Gi") > of("1G") && of("999m") < of("1") && of("-1").is_negative());
    }
}
