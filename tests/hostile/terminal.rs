//! The terminal and the reports: nothing that a course says reaches them but text.

use super::{Hostile, printed};

/// Whether a terminal would do more than show it: C0 but newline and tab, DEL, C1, and what reorders text.
fn is_obeyed(character: char) -> bool {
    let control = character.is_control() && !matches!(character, '\n' | '\t');
    control
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

fn is_text(name: &str, text: &str) {
    if let Some(at) = text.find(is_obeyed) {
        let from = text.floor_char_boundary(at.saturating_sub(80));
        panic!("{name}: {:?}", &text[from..text.ceil_char_boundary(at + 20)]);
    }
}

#[test]
fn an_error_that_quotes_a_lectern_toml_is_text() {
    let course = Hostile::new();
    course.page("course/page.md", "", "$ true");
    for text in [
        "scenario = \"\\u001b[2J\\u202e\\u0085\"\n",
        "scenario = \"./\\u001b]0;x\\u0007\"\n",
        "\"\\u001b[2J\\u202e\" = 1\n",
        "[map]\n\"~/\\u009b2J\" = \"\\u001b[2J\\u2066\"\n",
        "[compare]\nvolatile = [\"(\\u001b[2J\\u202e\"]\n",
    ] {
        course.write("course/lectern.toml", text);
        for (name, _, printed) in course.all("course", &[]) {
            is_text(&format!("{name} of {text:?}"), &printed);
        }
    }
}

#[test]
fn what_a_lesson_prints_is_text_everywhere() {
    let course = Hostile::new();
    let print = "printf 'a\\0\\b\\b\\177\\033[2J\\302\\205\\342\\200\\256\\357\\277\\277b\\n'";
    let title = "\"T \\e[2J\\u202E\\x9b x\"";
    for (info, commands) in [
        ("", format!("$ {print}; {print} >&2; false")),
        ("", format!("$ {print}\nother")),
        ("hook=mine", "$ true".to_owned()),
        ("hook=\u{1b}[2J", "$ tru\u{1b}[2J\u{202e}e".to_owned()),
    ] {
        let text = format!("---\ntitle: {title}\n---\n# A\u{202e}\u{85}\n\n```bash {info}\n{commands}\n```\n");
        course.write("course/pa\u{1b}[2Jge\u{202e}.md", &text);
        course.write("course/tests/hook-mine.sh", &format!("{print}\n{print} >&2\nexit 1\n"));
        for (name, _, printed) in course.all("course", &["--scenario", "./bare"]) {
            is_text(&format!("{name} of {commands:?}"), &printed);
        }
        for format in ["human", "html", "tap", "junit", "markdown"] {
            let output = course.run(&["grade", "course", "--scenario", "./bare", "--format", format]);
            let text = printed(&output);
            if text.contains("invalid value") {
                continue;
            }
            is_text(&format!("{format} of {commands:?}"), &text);
            assert!(!text.contains('\u{ffff}') || format != "junit", "{text:?}");
        }
    }
}
