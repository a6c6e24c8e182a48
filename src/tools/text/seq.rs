//! `seq`.

use super::operands::unwritable;
use crate::tools::{Invocation, Status, Streams};

/// A number as written: its value, and how many digits it has before and after the point.
struct Given {
    value: f64,
    decimals: usize,
}

/// `seq [-w] [-s SEPARATOR] [-f FORMAT] [FIRST [STEP]] LAST`.
pub(crate) fn seq(invocation: &Invocation, streams: &mut Streams<'_>) -> Status {
    match numbers(&invocation.args) {
        Ok(numbers) => match numbers.write(invocation, streams) {
            Ok(()) => 0,
            Err(error) => unwritable(invocation, streams, &error),
        },
        Err(problem) => {
            let _ = writeln!(streams.stderr, "seq: {problem}\nTry 'seq --help' for more information.");
            1
        }
    }
}

struct Numbers {
    first: f64,
    step: f64,
    last: f64,
    decimals: usize,
    width: usize,
    separator: String,
    format: Option<Format>,
}

/// A printf format with one floating-point directive.
struct Format {
    before: String,
    zeros: bool,
    left: bool,
    width: usize,
    precision: Option<usize>,
    conversion: char,
    after: String,
}

fn numbers(args: &[String]) -> Result<Numbers, String> {
    let (mut separator, mut format, mut equal) = ("\n".to_owned(), None, false);
    let mut operands: Vec<&String> = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let negative = arg[arg.len().min(1)..].starts_with(|c: char| c.is_ascii_digit() || c == '.');
        if arg == "--" {
            operands.extend(args.by_ref());
        } else if !arg.starts_with('-') || arg.len() < 2 || negative || !operands.is_empty() {
            operands.push(arg);
        } else if arg == "-w" || arg == "--equal-width" {
            equal = true;
        } else if let Some(value) = arg.strip_prefix("-s").or_else(|| arg.strip_prefix("--separator=")) {
            separator = match value {
                "" => args.next().cloned().ok_or("option requires an argument -- 's'")?,
                value => value.to_owned(),
            };
        } else if let Some(value) = arg.strip_prefix("-f").or_else(|| arg.strip_prefix("--format=")) {
            let value = match value {
                "" => args.next().cloned().ok_or("option requires an argument -- 'f'")?,
                value => value.to_owned(),
            };
            format = Some(parse_format(&value)?);
        } else {
            return Err(format!("invalid option -- '{}'", &arg[1..2]));
        }
    }
    let given: Vec<Given> = operands.iter().map(|operand| number(operand)).collect::<Result<_, _>>()?;
    let one = || Given { value: 1.0, decimals: 0 };
    let mut given = given.into_iter();
    let (first, step, last) = match (given.next(), given.next(), given.next(), given.next()) {
        (None, ..) => return Err("missing operand".to_owned()),
        (Some(last), None, ..) => (one(), one(), last),
        (Some(first), Some(last), None, _) => (first, one(), last),
        (Some(first), Some(step), Some(last), None) => (first, step, last),
        _ => return Err(format!("extra operand ‘{}’", operands[3])),
    };
    if step.value == 0.0 {
        return Err(format!("invalid Zero increment value: ‘{}’", operands[1]));
    }
    let decimals = first.decimals.max(step.decimals);
    let widest = |given: &Given| format!("{:.decimals$}", given.value).len();
    let width = if equal { widest(&first).max(widest(&Given { value: last.value, decimals })) } else { 0 };
    Ok(Numbers { first: first.value, step: step.value, last: last.value, decimals, width, separator, format })
}

fn number(text: &str) -> Result<Given, String> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_nan() => {
            let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
            Ok(Given { value, decimals })
        }
        _ => Err(format!("invalid floating point argument: ‘{text}’")),
    }
}

fn parse_format(text: &str) -> Result<Format, String> {
    let none = || format!("format ‘{text}’ has no % directive");
    let (before, rest) = text.split_once('%').ok_or_else(none)?;
    let flags_end = rest.find(|c: char| !"-0+ #".contains(c)).unwrap_or(rest.len());
    let (flags, rest) = rest.split_at(flags_end);
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(none)?;
    let (numbers, rest) = rest.split_at(end);
    let conversion = rest.chars().next().ok_or_else(none)?;
    if !"fgeFGE".contains(conversion) {
        return Err(format!("format ‘{text}’ has unknown %{conversion} directive"));
    }
    let (width, precision) =
        numbers.split_once('.').map_or((numbers, None), |(width, precision)| (width, Some(precision)));
    Ok(Format {
        before: before.to_owned(),
        zeros: flags.contains('0'),
        left: flags.contains('-'),
        width: width.parse().unwrap_or(0),
        precision: precision.map(|precision| precision.parse().unwrap_or(0)),
        conversion,
        after: rest[1..].to_owned(),
    })
}

impl Format {
    fn apply(&self, value: f64) -> String {
        let number = match self.conversion {
            'f' | 'F' => format!("{value:.*}", self.precision.unwrap_or(6)),
            _ => format!("{value}"),
        };
        let width = self.width;
        let padded = if self.left {
            format!("{number:<width$}")
        } else if self.zeros {
            padded_with_zeros(&number, width)
        } else {
            format!("{number:>width$}")
        };
        format!("{}{padded}{}", self.before, self.after)
    }
}

fn padded_with_zeros(number: &str, width: usize) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    format!("{sign}{}{digits}", "0".repeat(width.saturating_sub(number.len())))
}

impl Numbers {
    fn write(&self, invocation: &Invocation, streams: &mut Streams<'_>) -> std::io::Result<()> {
        let mut index = 0_u64;
        loop {
            let value = self.first + index as f64 * self.step;
            // What is printed decides, so that 0.1 steps reach their end.
            let shown: f64 = format!("{value:.*}", self.decimals).parse().unwrap_or(value);
            let beyond = if self.step > 0.0 { shown > self.last } else { shown < self.last };
            if beyond || invocation.cancel.is_cancelled() {
                break;
            }
            if index > 0 {
                streams.stdout.write_all(self.separator.as_bytes())?;
            }
            let text = match &self.format {
                Some(format) => format.apply(value),
                None => padded_with_zeros(&format!("{value:.*}", self.decimals), self.width),
            };
            streams.stdout.write_all(text.as_bytes())?;
            index += 1;
        }
        if index > 0 {
            streams.stdout.write_all(b"\n")?;
        }
        streams.stdout.flush()
    }
}
