//! What a person can ask for, by name, and which keys ask for it. A key map is a table that can be written over.

mod chord;

pub use chord::{Chord, ChordError};

use crossterm::event::KeyEvent;

macro_rules! actions {
    ($($variant:ident $name:literal $what:literal [$($key:literal),*];)*) => {
        /// What a key, or a line of the palette, asks for.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $(#[doc = $what] $variant,)*
        }

        impl Action {
            /// All of them, in the order in which they are shown.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Its name, as a key map's file has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// What it does, in a few words.
            pub fn what(self) -> &'static str {
                match self { $(Self::$variant => $what,)* }
            }

            /// Its keys, if nobody says otherwise.
            pub fn default_keys(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($key),*],)* }
            }
        }
    };
}

actions! {
    Run "run" "run the marked step, or read on to it; then open the next page" ["enter", "r"];
    Skip "skip-wait" "skip the wait behind a step, or stop waiting for its output" ["s"];
    Cancel "cancel" "cancel what is running; skip the wait behind a step; close what lies over the page" ["esc"];
    Interrupt "interrupt" "cancel what is running, or skip the wait behind a step; twice quits" ["ctrl-c"];
    Undo "undo" "go back to before the marked step, in the sandbox" ["u"];
    Reset "reset-page" "go back to before the first step of the page" ["U"];
    Explain "explain" "why the step failed, and where to look further" ["e"];
    Details "details" "a step's details: accepted differences, calls, hooks" ["d"];
    Diff "diff" "what was expected and what came: side by side or one above the other" ["v"];
    Output "output" "the step's output: scroll, follow, search" ["t"];
    Prompt "prompt" "try commands of your own in the steps' shell; they count for no step" ["p", "!"];
    NextStep "next-step" "mark the next step" ["tab"];
    PreviousStep "previous-step" "mark the step before" ["backtab"];
    Down "down" "a line down" ["j", "down"];
    Up "up" "a line up" ["k", "up"];
    HalfDown "half-down" "half a screen down" ["ctrl-d"];
    HalfUp "half-up" "half a screen up" ["ctrl-u"];
    PageDown "page-down" "a screen down" ["space", "pagedown", "ctrl-f"];
    PageUp "page-up" "a screen up" ["b", "pageup", "ctrl-b"];
    Top "top" "to the top" ["g", "home"];
    Bottom "bottom" "to the end" ["G", "end"];
    NextPage "next-page" "the next page" ["]", "right", "l"];
    PreviousPage "previous-page" "the page before" ["[", "left", "h"];
    Home "home" "the course: its pages, your progress" ["H", "backspace"];
    Outline "outline" "pages and steps over the page" ["o"];
    Search "search" "search in the page, and in the pages behind it" ["/"];
    NextMatch "next-match" "the next place found; without a search the next step" ["n"];
    PreviousMatch "previous-match" "the place found before; without a search the step before" ["N"];
    Tab "next-tab" "the next one of the tabs in view" ["w"];
    Links "links" "the links of the page" ["f"];
    CopyCommand "copy-command" "copy the marked step's commands" ["y"];
    CopyOutput "copy-output" "copy the marked step's output" ["Y"];
    Palette "palette" "all that can be done, by name" [":", "ctrl-p"];
    Notices "messages" "what was said" ["m"];
    Mouse "mouse" "switch the mouse on or off: while it is on, the terminal's own selection is off" ["M"];
    Suspend "suspend" "back to the shell; `fg` comes back" ["ctrl-z"];
    Redraw "redraw" "draw the screen anew" ["ctrl-l"];
    RunAgain "run-again" "preview: run the marked step anew, from before it" ["x"];
    RunTo "run-to-here" "preview: run the page up to the marked step" ["X"];
    Findings "findings" "preview: what is wrong with the pages, as a list that jumps" ["D"];
    NextFinding "next-finding" "preview: the next place on the page that something is wrong with" ["c"];
    Changes "changes" "preview: what the marked step did otherwise than the last time" ["i"];
    Help "help" "the keys" ["?", "f1"];
    Quit "quit" "quit; progress is saved" ["q"];
}

impl Action {
    /// Whether only an author's screen can do it.
    pub fn is_of_authors(self) -> bool {
        matches!(self, Self::RunAgain | Self::RunTo | Self::Findings | Self::NextFinding | Self::Changes)
    }

    /// The action of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

/// Which key asks for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyMap(Vec<(Chord, Action)>);

impl Default for KeyMap {
    fn default() -> Self {
        let keys = Action::ALL.iter().flat_map(|action| {
            let chords = action.default_keys().iter().filter_map(|key| Chord::parse(key).ok());
            chords.map(|chord| (chord, *action))
        });
        Self(keys.collect())
    }
}

impl KeyMap {
    /// Gives a key to an action, whatever it did before; to none takes it away.
    pub fn bind(&mut self, chord: Chord, action: Option<Action>) {
        self.0.retain(|(other, _)| *other != chord);
        self.0.extend(action.map(|action| (chord, action)));
    }

    /// Takes all keys of an action away.
    pub fn unbind(&mut self, action: Action) {
        self.0.retain(|(_, other)| *other != action);
    }

    /// What a key asks for, if anything.
    pub fn action(&self, key: KeyEvent) -> Option<Action> {
        let chord = Chord::of(key);
        self.0.iter().find(|(other, _)| *other == chord).map(|(_, action)| *action)
    }

    /// The keys of an action, in the order in which they were bound.
    pub fn keys(&self, action: Action) -> impl Iterator<Item = Chord> + '_ {
        self.0.iter().filter(move |(_, other)| *other == action).map(|(chord, _)| *chord)
    }

    /// The first key of an action, as it is shown; empty if it has none.
    pub fn hint(&self, action: Action) -> String {
        self.keys(action).next().map(|chord| chord.to_string()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_kebab_case_and_each_is_one_action() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|action| action.name()).collect();
        assert_eq!(names.len(), Action::ALL.len());
        for action in Action::ALL {
            assert!(action.name().chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", action.name());
            assert_eq!(Action::from_name(action.name()), Some(*action));
        }
        assert_eq!(Action::from_name("no-such-thing"), None);
    }

    #[test]
    fn every_default_key_is_a_key_and_asks_for_one_thing() {
        let mut seen = BTreeSet::new();
        for key in Action::ALL.iter().flat_map(|action| action.default_keys()) {
            Chord::parse(key).unwrap();
            assert!(seen.insert(key), "{key} is bound twice");
        }
        for action in Action::ALL {
            assert!(KeyMap::default().keys(*action).next().is_some(), "{} has no key", action.name());
        }
    }

    #[test]
    fn a_key_can_be_given_to_another_action_or_taken_away() {
        use crossterm::event::{KeyCode, KeyModifiers};
        let mut keys = KeyMap::default();
        let x = KeyEvent::new(KeyCode::Char('x'), KeyModifiers::CONTROL);
        assert_eq!(keys.action(x), None);
        keys.bind(Chord::parse("ctrl-x").unwrap(), Some(Action::Quit));
        assert_eq!(keys.action(x), Some(Action::Quit));
        keys.unbind(Action::Quit);
        assert_eq!(keys.action(x), None);
        assert_eq!(keys.hint(Action::Quit), "");
        let enter = KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE);
        keys.bind(Chord::of(enter), None);
        assert_eq!(keys.action(enter), None);
    }
}
