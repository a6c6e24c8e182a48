//! All that can be done, by name: every action, and every page of the course.

use super::{act, open};
use crate::front::tui::keys::Action;
use crate::front::tui::model::Model;
use crate::session::{Request, plain};

/// A line of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Does something.
    Action(Action),
    /// Opens a page.
    Page(usize),
}

impl Entry {
    /// What it says.
    pub fn text(&self, model: &Model) -> String {
        match self {
            Self::Action(action) => format!("{}  {}", action.name(), action.what()),
            Self::Page(lesson) => {
                let title = model.course.lessons.get(*lesson).map_or("", |page| page.front_matter.title.as_str());
                format!("open  {}", plain(title.as_bytes()))
            }
        }
    }

    /// Its key, if it has one.
    pub fn key(&self, model: &Model) -> String {
        match self {
            Self::Action(action) => model.options.keys.hint(*action),
            Self::Page(_) => String::new(),
        }
    }

    /// Does it.
    pub fn take(self, model: &mut Model) -> Vec<Request> {
        match self {
            Self::Action(action) => act(model, action),
            Self::Page(lesson) => {
                open(model, lesson);
                Vec::new()
            }
        }
    }
}

/// What fits the words that were typed, the best first: names that begin so, then those that hold every word.
pub fn entries(model: &Model, typed: &str) -> Vec<Entry> {
    let typed = typed.trim().to_lowercase();
    let words: Vec<&str> = typed.split_whitespace().collect();
    let offered = |action: &&Action| **action != Action::Palette && (model.preview || !action.is_of_authors());
    let actions = Action::ALL.iter().filter(offered).map(|action| Entry::Action(*action));
    let pages = (0..model.course.lessons.len()).map(Entry::Page);
    let mut found: Vec<(bool, Entry)> = actions
        .chain(pages)
        .filter_map(|entry| {
            let text = entry.text(model).to_lowercase();
            let fits = words.iter().all(|word| text.contains(word));
            fits.then(|| (!text.starts_with(&typed), entry))
        })
        .collect();
    found.sort_by_key(|(later, _)| *later);
    found.into_iter().map(|(_, entry)| entry).collect()
}
