//! Signals by number and name, as Linux has them.

const NAMES: [&str; 32] = [
    "EXIT", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
    "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH",
    "IO", "PWR", "SYS",
];

/// The real-time signals.
const REAL_TIME: std::ops::RangeInclusive<u8> = 34..=64;

/// The name without SIG.
pub(super) fn name(number: u8) -> Option<String> {
    if let Some(name) = NAMES.get(usize::from(number)) {
        return Some((*name).to_owned());
    }
    REAL_TIME.contains(&number).then(|| match number {
        34 => "RTMIN".to_owned(),
        64 => "RTMAX".to_owned(),
        ..=49 => format!("RTMIN+{}", number - 34),
        _ => format!("RTMAX-{}", 64 - number),
    })
}

/// The number of a signal that is given by it, or by its name with or without SIG.
pub(super) fn number(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse::<u8>() {
        return name(number).map(|_| number);
    }
    let upper = text.to_ascii_uppercase();
    let wanted = upper.strip_prefix("SIG").unwrap_or(&upper);
    (0..=64).find(|number| name(*number).is_some_and(|name| name == wanted))
}

/// Whether a process that does nothing about it ends by it.
pub(super) fn ends(number: u8) -> bool {
    !matches!(number, 0 | 17 | 18 | 23 | 28) && !stops(number)
}

/// Whether it stops a process, to go on later.
pub(super) fn stops(number: u8) -> bool {
    matches!(number, 19..=22)
}

/// What a shell says of a job that died of it; nothing of those that are a usual end.
pub(super) fn told(number: u8) -> Option<&'static str> {
    Some(match number {
        1 => "Hangup",
        3 => "Quit",
        4 => "Illegal instruction",
        5 => "Trace/breakpoint trap",
        6 => "Aborted",
        7 => "Bus error",
        8 => "Floating point exception",
        9 => "Killed",
        10 => "User defined signal 1",
        11 => "Segmentation fault",
        12 => "User defined signal 2",
        14 => "Alarm clock",
        _ => return None,
    })
}

/// All of them in five columns, as `kill -l` prints them.
pub(super) fn table() -> String {
    let mut text = String::new();
    let all: Vec<u8> = (1..=31).chain(REAL_TIME).collect();
    for (at, number) in all.iter().enumerate() {
        let name = name(*number).unwrap_or_default();
        let end = match at {
            _ if at + 1 == all.len() => "\t\n",
            _ if at % 5 == 4 => "\n",
            _ => "\t",
        };
        text.push_str(&format!("{number:2}) SIG{name}{end}"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_lead_to_each_other() {
        for (text, expected) in [("TERM", 15), ("SIGKILL", 9), ("int", 2), ("1", 1), ("RTMIN+2", 36), ("RTMAX", 64)] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in ["", "SIG", "FOO", "32", "65", "-1", "RTMIN+40"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert_eq!(name(0).as_deref(), Some("EXIT"));
        assert!(ends(9) && !ends(0) && !ends(18) && !ends(19));
    }
}
