//! How a person wants the screen: `lectern/config.toml` in the folder of the XDG base directory specification for
//! configuration. Everything in it may be left out; what is not understood is an error with its place.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use toml::Spanned;

use super::tui::Options;
use super::tui::keys::{Action, Chord, KeyMap};
use super::tui::theme::{Role, Theme};
use crate::lesson::LineIndex;

/// What is wrong with the file, and where.
#[derive(Debug, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", path.display())]
pub struct ConfigError {
    path: PathBuf,
    line: usize,
    column: usize,
    message: String,
    /// What to do.
    pub help: String,
}

/// What a person wants.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Config {
    /// A dialogue in lines in the place of the screen.
    pub plain: bool,
    /// The theme's name; empty for the one of the environment.
    theme: String,
    /// Styles other than the theme's.
    styles: BTreeMap<&'static str, String>,
    /// How the screen looks and what its keys do.
    pub options: Options,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    theme: Option<Spanned<String>>,
    mouse: Option<bool>,
    plain: Option<bool>,
    #[serde(default)]
    keys: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    #[serde(default)]
    style: BTreeMap<Spanned<String>, Spanned<String>>,
}

/// The keys of [`Written`].
const KEYS: &[&str] = &["theme", "mouse", "plain", "keys", "style"];

const MODIFIERS: &[(&str, Modifier)] = &[
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
    ("crossed-out", Modifier::CROSSED_OUT),
];

impl Config {
    /// Where the file is: below XDG_CONFIG_HOME, else below `.config` of the home folder. None without a home.
    pub fn path() -> Option<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("XDG_CONFIG_HOME").filter(|folder| folder.is_absolute());
        let folder = folder.or_else(|| Some(set("HOME")?.join(".config")))?;
        Some(folder.join("lectern").join("config.toml"))
    }

    /// The person's configuration; without a file, what is so by itself.
    ///
    /// # Errors
    /// When the file cannot be read, or something in it is not understood.
    pub fn load() -> Result<Self, ConfigError> {
        let Some(path) = Self::path() else { return Ok(Self::default()) };
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::parse(&path, &text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigError {
                path,
                line: 1,
                column: 1,
                message: error.to_string(),
                help: "make the file readable, or take it away".into(),
            }),
        }
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When something in it is not understood.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let index = LineIndex::new(text);
        let wrong = |at: usize, message: String, help: String| {
            let span = index.span(text, at, at);
            ConfigError { path: path.to_owned(), line: span.line, column: span.column, message, help }
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let near = unknown_key(error.message());
            if let Some((message, help)) = near {
                return wrong(error.span().map_or(0, |span| span.start), message, help);
            }
            let help = "the keys are `theme`, `mouse` and `plain`, the tables `[keys]` and `[style]`; `lectern config` prints all of it";
            wrong(error.span().map_or(0, |span| span.start), error.message().to_owned(), help.into())
        })?;
        let mut config = Self::default();
        config.options.mouse = written.mouse.unwrap_or(false);
        config.plain = written.plain.unwrap_or(false);
        let mut theme = None;
        if let Some(name) = written.theme {
            let at = name.span().start;
            let unknown = || unknown("theme", name.get_ref(), Theme::NAMES.iter().copied());
            theme = Some(Theme::named(name.get_ref()).ok_or_else(unknown).map_err(|(m, h)| wrong(at, m, h))?);
            config.theme.clone_from(name.get_ref());
        }
        let environment = Theme::from_environment();
        // NO_COLOR holds whatever the file says.
        config.options.theme = theme.filter(|_| environment.has_colour()).unwrap_or(environment);
        for (name, style) in written.style {
            let unknown = || unknown("style", name.get_ref(), Role::ALL.iter().map(|role| role.name()));
            let role = Role::from_name(name.get_ref()).ok_or_else(unknown);
            let role = role.map_err(|(message, help)| wrong(name.span().start, message, help))?;
            let read = read_style(style.get_ref()).map_err(|word| {
                let help = "write colours (`red`, `light-blue`, `208`, `#ff8800`), `on COLOUR`, and bold, dim, italic, underlined, reversed, crossed-out";
                wrong(style.span().start, format!("`{word}` is no colour and no manner"), help.into())
            })?;
            config.styles.insert(role.name(), style.get_ref().clone());
            if config.options.theme.has_colour() {
                config.options.theme.set(role, read);
            }
        }
        let mut given: BTreeMap<String, &'static str> = BTreeMap::new();
        for (name, keys) in &written.keys {
            let unknown = || unknown("action", name.get_ref(), Action::ALL.iter().map(|action| action.name()));
            let action = Action::from_name(name.get_ref()).ok_or_else(unknown);
            let action = action.map_err(|(message, help)| wrong(name.span().start, message, help))?;
            config.options.keys.unbind(action);
            for key in keys {
                let chord = Chord::parse(key.get_ref()).map_err(|error| {
                    let help =
                        "write a letter or a sign, `enter`, `space`, `tab`, `f1`, with `ctrl-` or `alt-` ahead of it";
                    wrong(key.span().start, error.to_string(), help.into())
                })?;
                if let Some(other) =
                    given.insert(chord.to_string(), action.name()).filter(|other| *other != action.name())
                {
                    let message = format!("`{}` is the key of `{other}` already", key.get_ref());
                    return Err(wrong(key.span().start, message, "give a key to one action".into()));
                }
                config.options.keys.bind(chord, Some(action));
            }
        }
        Ok(config)
    }

    /// All of it, as it is now, in the form of the file.
    pub fn written(&self) -> String {
        let mut out = String::new();
        let place = Self::path().map_or_else(|| "config.toml".to_owned(), |path| path.display().to_string());
        let _ = writeln!(out, "# lectern's configuration, as it is now. Its place: {place}\n");
        let _ = writeln!(out, "# {}; without a name: the terminal's own colours.", Theme::NAMES.join(", "));
        let name = if self.theme.is_empty() { "ansi" } else { &self.theme };
        let mark = if self.theme.is_empty() { "# " } else { "" };
        let _ = writeln!(out, "{mark}theme = {}\n", quoted(name));
        let _ = writeln!(
            out,
            "# Whether the mouse scrolls and clicks from the start; the terminal's own selection is off then."
        );
        let _ = writeln!(out, "mouse = {}\n", self.options.mouse);
        let _ = writeln!(out, "# A dialogue in lines in the place of the screen, as with --plain.");
        let _ = writeln!(out, "plain = {}\n", self.plain);
        let _ = writeln!(out, "# What keys ask for. An empty list leaves an action to the palette alone.\n[keys]");
        for action in Action::ALL {
            let keys: Vec<String> = self.options.keys.keys(*action).map(|chord| quoted(&chord.to_string())).collect();
            let _ = writeln!(out, "# {}\n{} = [{}]", action.what(), action.name(), keys.join(", "));
        }
        let _ = writeln!(
            out,
            "\n# Styles other than the theme's: colours, `on COLOUR`, bold, dim, italic, underlined, reversed, crossed-out.\n[style]"
        );
        for role in Role::ALL {
            let (mark, style) = match self.styles.get(role.name()) {
                Some(style) => ("", style.clone()),
                None => ("# ", shown_style(self.options.theme.style(*role))),
            };
            let _ = writeln!(out, "# {}\n{mark}{} = {}", role.what(), role.name(), quoted(&style));
        }
        out
    }
}

/// What is wrong with a key that is none, and what to do; nothing if something else is wrong.
fn unknown_key(message: &str) -> Option<(String, String)> {
    let name = message.strip_prefix("unknown field `")?.split('`').next()?;
    Some(unknown("key", name, KEYS.iter().copied()))
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// What is wrong with a name that is none of these, and what to do.
fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> (String, String) {
    let known: Vec<&str> = known.collect();
    let near = known.iter().map(|other| (strsim::damerau_levenshtein(name, other), other)).min();
    let help = match near {
        Some((distance, near)) if distance <= 2 => format!("did you mean `{near}`?"),
        _ => format!("it is one of {}", known.join(", ")),
    };
    (format!("there is no {what} `{name}`"), help)
}

/// Reads `bold red on black`; answers the first word that is not understood.
fn read_style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if let Some((_, modifier)) = MODIFIERS.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
        } else if word == "on" {
            let colour = words.next().unwrap_or_default();
            style = style.bg(colour.parse::<Color>().map_err(|_| format!("on {colour}"))?);
        } else {
            style = style.fg(word.parse::<Color>().map_err(|_| word.to_owned())?);
        }
    }
    Ok(style)
}

fn shown_style(style: Style) -> String {
    let mut words: Vec<String> = Vec::new();
    words.extend(MODIFIERS.iter().filter(|(_, m)| style.add_modifier.contains(*m)).map(|(name, _)| (*name).to_owned()));
    words.extend(style.fg.map(|colour| colour.to_string().to_lowercase()));
    words.extend(style.bg.map(|colour| format!("on {}", colour.to_string().to_lowercase())));
    words.join(" ")
}

impl Config {
    /// The keys, for who asks what they do.
    pub fn keys(&self) -> &KeyMap {
        &self.options.keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(Path::new("config.toml"), text)
    }

    #[test]
    fn what_is_printed_can_be_read_again() {
        let text = "theme = \"dark\"\nmouse = true\n[keys]\nquit = [\"ctrl-q\"]\nhelp = []\n[style]\ntitle = \"bold red on black\"\n";
        let config = parse(text).unwrap();
        assert!(config.options.mouse && !config.plain);
        assert_eq!(config.keys().hint(Action::Quit), Chord::parse("ctrl-q").unwrap().to_string());
        assert_eq!(config.keys().hint(Action::Help), "");
        // The keys of a map have no order of their own.
        for config in [config, Config::default()] {
            assert_eq!(parse(&config.written()).unwrap().written(), config.written());
        }
        assert_eq!(parse("").unwrap(), Config::default());
    }

    #[test]
    fn styles_are_colours_and_manners() {
        assert_eq!(read_style("bold red on black").unwrap(), Style::new().fg(Color::Red).bg(Color::Black).bold());
        assert_eq!(read_style("#ff8800").unwrap(), Style::new().fg(Color::Rgb(255, 136, 0)));
        assert_eq!(read_style("bold sparkling").unwrap_err(), "sparkling");
        for role in Role::ALL {
            for theme in Theme::NAMES {
                let style = Theme::named(theme).unwrap().style(*role);
                assert_eq!(read_style(&shown_style(style)).unwrap(), style, "{theme} {}", role.name());
            }
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
        for (text, place, named) in [
            ("theme = \"drak\"", "config.toml:1:9: ", "dark"),
            ("mouse = 3", "config.toml:1:9: ", "mouse"),
            ("\n[keys]\nqiut = [\"x\"]", "config.toml:3:1: ", "quit"),
            ("[keys]\nquit = [\"hyper-x\"]", "config.toml:2:9: ", "ctrl-"),
            ("[keys]\nquit = [\"x\"]\nhelp = [\"x\"]", "config.toml:", "one action"),
            ("[style]\ntitle = \"sparkling\"", "config.toml:2:9: ", "colours"),
            ("[style]\ntitel = \"red\"", "config.toml:2:1: ", "title"),
            ("[nothing]", "config.toml:1:", "one of theme"),
            ("thmee = \"dark\"", "config.toml:1:1: there is no key `thmee`", "did you mean `theme`?"),
            ("mouse = true\n[kyes]\n", "config.toml:2:", "did you mean `keys`?"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().starts_with(place), "{text}: {error}");
            assert!(format!("{error} {}", error.help).contains(named), "{text}: {error} {}", error.help);
        }
    }
}
