//! Styles by what they are for, and signs. Meaning is in words and signs too: a theme may be without any colour.

use ratatui::style::{Color, Modifier, Style};

use crate::session::StepState;
use crate::shell::HookPhase;

macro_rules! roles {
    ($($variant:ident $name:literal $what:literal;)*) => {
        /// What a style is for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Role {
            $(#[doc = $what] $variant,)*
        }

        impl Role {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as a theme's file has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it is for, in a few words.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }
        }
    };
}

roles! {
    Text "text" "running text";
    Title "title" "a page's title";
    Heading "heading" "headings in a page";
    Code "code" "code inside of text";
    Link "link" "links";
    Quiet "quiet" "what matters less";
    Good "good" "what went well";
    Bad "bad" "what did not";
    Busy "busy" "what is going on";
    Ready "ready" "what can be done now";
    ErrorOutput "error-output" "what was printed to standard error";
    Bar "bar" "the bars at the top and bottom";
    Selected "selected" "the marked line of a list";
    Found "found" "what a search found";
    FoundHere "found-here" "the place found that is looked at";
    Marked "marked" "lines of a file that notes speak of";
    Note "note" "admonitions: note, info";
    Tip "tip" "admonitions: tip";
    Warning "warning" "admonitions: caution, warning";
    Danger "danger" "admonitions: danger";
    Comment "comment" "comments in code";
    String "string" "strings in code";
    Constant "constant" "numbers and constants in code";
    Keyword "keyword" "keywords in code";
    Variable "variable" "variables in code";
    Tag "tag" "keys of YAML and JSON, tags";
    Function "function" "commands and functions in code";
    Inserted "inserted" "lines that a diff adds";
    Deleted "deleted" "lines that a diff takes away";
}

impl Role {
    /// The role of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|role| role.name() == name)
    }
}

/// The styles that the screen is drawn in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    styles: [Style; Role::ALL.len()],
    colour: bool,
}

impl Default for Theme {
    fn default() -> Self {
        Self::ansi()
    }
}

impl Theme {
    /// The names of the themes that come with the program.
    pub const NAMES: &[&str] = &["ansi", "dark", "light", "high-contrast", "none"];

    /// A theme that comes with the program; `ansi16` is another name of `ansi`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "ansi" | "ansi16" => Some(Self::ansi()),
            "dark" => Some(Self::indexed(&DARK)),
            "light" => Some(Self::indexed(&LIGHT)),
            "high-contrast" => Some(Self::high_contrast()),
            "none" => Some(Self::none()),
            _ => None,
        }
    }

    /// The theme for the process's environment: none when NO_COLOR is set (<https://no-color.org>), else the terminal's own
    /// sixteen colours.
    pub fn from_environment() -> Self {
        if std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) { Self::ansi() } else { Self::none() }
    }

    /// No colours at all.
    pub fn none() -> Self {
        let mut theme = Self { styles: [Style::new(); Role::ALL.len()], colour: false };
        let with = |modifier| Style::new().add_modifier(modifier);
        for (role, style) in [
            (Role::Title, with(Modifier::BOLD | Modifier::UNDERLINED)),
            (Role::Heading, with(Modifier::BOLD)),
            (Role::Link, with(Modifier::UNDERLINED)),
            (Role::Quiet, with(Modifier::DIM)),
            (Role::Bad, with(Modifier::BOLD)),
            (Role::Busy, with(Modifier::BOLD)),
            (Role::Ready, with(Modifier::BOLD)),
            (Role::Bar, with(Modifier::REVERSED)),
            (Role::Selected, with(Modifier::REVERSED)),
            (Role::Found, with(Modifier::REVERSED)),
            (Role::FoundHere, with(Modifier::REVERSED | Modifier::BOLD)),
            (Role::Marked, with(Modifier::BOLD)),
            (Role::Note, with(Modifier::BOLD)),
            (Role::Tip, with(Modifier::BOLD)),
            (Role::Warning, with(Modifier::BOLD)),
            (Role::Danger, with(Modifier::BOLD)),
            (Role::Comment, with(Modifier::DIM)),
        ] {
            theme.set(role, style);
        }
        theme
    }

    fn ansi() -> Self {
        Self::coloured(&ANSI)
    }

    fn high_contrast() -> Self {
        let mut theme = Self::coloured(&BRIGHT);
        // Nothing is dim: what matters less is in italics.
        theme.set(Role::Quiet, Style::new().add_modifier(Modifier::ITALIC));
        theme.set(Role::Comment, Style::new().add_modifier(Modifier::ITALIC));
        theme
    }

    fn indexed(palette: &Palette) -> Self {
        Self::coloured(palette)
    }

    fn coloured(palette: &Palette) -> Self {
        let mut theme = Self::none();
        theme.colour = true;
        let colours = [
            (Role::Title, palette.accent),
            (Role::Heading, palette.accent),
            (Role::Code, palette.yellow),
            (Role::Link, palette.blue),
            (Role::Good, palette.green),
            (Role::Bad, palette.red),
            (Role::Busy, palette.yellow),
            (Role::Ready, palette.accent),
            (Role::ErrorOutput, palette.yellow),
            (Role::Note, palette.blue),
            (Role::Tip, palette.green),
            (Role::Warning, palette.yellow),
            (Role::Danger, palette.red),
            (Role::String, palette.green),
            (Role::Constant, palette.magenta),
            (Role::Keyword, palette.blue),
            (Role::Variable, palette.accent),
            (Role::Tag, palette.blue),
            (Role::Function, palette.yellow),
            (Role::Inserted, palette.green),
            (Role::Deleted, palette.red),
        ];
        for (role, colour) in colours {
            theme.set(role, theme.style(role).fg(colour));
        }
        theme.set(Role::Quiet, Style::new().fg(palette.quiet));
        theme.set(Role::Comment, Style::new().fg(palette.quiet).add_modifier(Modifier::ITALIC));
        theme.set(Role::Marked, Style::new().fg(palette.yellow).add_modifier(Modifier::BOLD));
        theme.set(Role::Found, Style::new().fg(Color::Black).bg(palette.yellow));
        theme.set(Role::FoundHere, Style::new().fg(Color::Black).bg(palette.green).add_modifier(Modifier::BOLD));
        theme
    }

    /// Whether it has colours.
    pub fn has_colour(&self) -> bool {
        self.colour
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// Gives a role another style.
    pub fn set(&mut self, role: Role, style: Style) {
        self.styles[role as usize] = style;
    }

    /// What matters less.
    pub(super) fn quiet(&self) -> Style {
        self.style(Role::Quiet)
    }

    /// What went well.
    pub(super) fn good(&self) -> Style {
        self.style(Role::Good)
    }

    /// What did not.
    pub(super) fn bad(&self) -> Style {
        self.style(Role::Bad)
    }

    /// What is going on.
    pub(super) fn busy(&self) -> Style {
        self.style(Role::Busy)
    }

    /// What can be done now.
    pub(super) fn ready(&self) -> Style {
        self.style(Role::Ready)
    }

    /// Bars at the top and bottom.
    pub(super) fn bar(&self) -> Style {
        self.style(Role::Bar)
    }

    /// Headings by level, from 1.
    pub(super) fn heading(&self, level: u8) -> Style {
        self.style(if level == 1 { Role::Title } else { Role::Heading })
    }

    /// An admonition's title and rule, by its kind.
    pub(super) fn admonition(&self, kind: &str) -> Style {
        self.style(match kind {
            "tip" | "success" => Role::Tip,
            "caution" | "warning" | "important" => Role::Warning,
            "danger" => Role::Danger,
            _ => Role::Note,
        })
    }

    /// A step's style by where it stands.
    pub(super) fn step(&self, state: &StepState) -> Style {
        self.style(match state {
            StepState::NotExecuted | StepState::Locked => Role::Quiet,
            StepState::Ready => Role::Ready,
            state if state.has_passed() => Role::Good,
            StepState::Failed(_) | StepState::Unfinished => Role::Bad,
            _ => Role::Busy,
        })
    }
}

/// The colours that a theme is made of.
struct Palette {
    accent: Color,
    blue: Color,
    green: Color,
    red: Color,
    yellow: Color,
    magenta: Color,
    quiet: Color,
}

const ANSI: Palette = Palette {
    accent: Color::Cyan,
    blue: Color::Blue,
    green: Color::Green,
    red: Color::Red,
    yellow: Color::Yellow,
    magenta: Color::Magenta,
    quiet: Color::DarkGray,
};

const BRIGHT: Palette = Palette {
    accent: Color::LightCyan,
    blue: Color::LightBlue,
    green: Color::LightGreen,
    red: Color::LightRed,
    yellow: Color::LightYellow,
    magenta: Color::LightMagenta,
    quiet: Color::White,
};

/// For dark backgrounds, of the 256 colours that terminals share.
const DARK: Palette = Palette {
    accent: Color::Indexed(80),
    blue: Color::Indexed(111),
    green: Color::Indexed(114),
    red: Color::Indexed(203),
    yellow: Color::Indexed(221),
    magenta: Color::Indexed(176),
    quiet: Color::Indexed(245),
};

/// For light backgrounds.
const LIGHT: Palette = Palette {
    accent: Color::Indexed(30),
    blue: Color::Indexed(25),
    green: Color::Indexed(28),
    red: Color::Indexed(124),
    yellow: Color::Indexed(94),
    magenta: Color::Indexed(90),
    quiet: Color::Indexed(242),
};

/// A step's sign by where it stands.
pub fn sign(state: &StepState) -> &'static str {
    match state {
        StepState::NotExecuted => " ",
        StepState::Locked => "·",
        StepState::Ready => "▸",
        state if state.has_passed() => "✓",
        StepState::Failed(_) => "✗",
        StepState::Unfinished => "!",
        _ => "●",
    }
}

/// Where a step stands, in words.
pub fn words(state: &StepState) -> String {
    match state {
        StepState::NotExecuted => "shown only".into(),
        StepState::Locked => "locked".into(),
        StepState::Ready => "ready: Enter runs it".into(),
        StepState::Hook(HookPhase::Before) => "preparing (hook)".into(),
        StepState::Hook(HookPhase::After) => "checking (hook)".into(),
        StepState::Running(command) => format!("running command {}", command + 1),
        StepState::Settling(waits_for) => format!("waiting for the cluster: {waits_for}"),
        StepState::Waiting(left) => format!("passed, waiting {left} s"),
        StepState::Passed => "passed".into(),
        StepState::Failed(cause) => format!("failed: {}", cause.words()),
        StepState::Unfinished => "unfinished, may have changed something".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_has_its_name_and_roles_are_found_by_theirs() {
        for name in Theme::NAMES {
            assert!(Theme::named(name).is_some(), "{name}");
        }
        assert_eq!(Theme::named("loud"), None);
        assert_eq!(Theme::named("ansi16"), Theme::named("ansi"));
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(*role));
        }
    }

    #[test]
    fn without_colour_nothing_has_one() {
        let theme = Theme::none();
        for role in Role::ALL {
            let style = theme.style(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{}", role.name());
        }
    }
}
