//! `lectern.toml` at a course's root: what the course needs that no page says.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::LessonError;
use super::model::{Directive, Span};
use super::source::LineIndex;
use crate::files::Below;

/// The file's name.
const NAME: &str = "lectern.toml";

/// No such file is longer; a larger one is not read.
const LIMIT: u64 = 1 << 20;

/// What `lectern.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CourseConfig {
    /// Where the file is.
    pub path: PathBuf,
    /// `title`: the course's title, in the place of its index page's.
    pub title: Option<String>,
    /// `scenario`: the name of what a sandbox starts with.
    pub scenario: Option<String>,
    /// `[map]`: folders that lessons find at another path, as `"~/environment/eks-workshop" = "manifests"`. Paths are those of the lesson; folders are
    /// relative to the file's own, and given here as found from there.
    pub map: BTreeMap<String, PathBuf>,
    /// Where the folders of `map` are written, by the lesson's path.
    pub map_places: BTreeMap<String, Span>,
    /// Where the scenario is written.
    pub scenario_place: Option<Span>,
    /// `[known]`: values that expected output may hold and that are known to differ for a learner, by name
    /// (`AWS_ACCOUNT_ID = "123456789012"`): what the author had.
    pub known: BTreeMap<String, String>,
    /// `[compare] ignore`: what is not compared on any of the course's pages, one entry a value.
    pub ignore: Vec<Directive>,
    /// `[compare] volatile`: regular expressions of what may differ on any of the course's pages.
    pub volatile: Vec<Directive>,
}

/// The file as it is written. Unknown keys are errors: a slip would otherwise be a setting without effect.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: Option<String>,
    scenario: Option<toml::Spanned<String>>,
    #[serde(default)]
    map: BTreeMap<toml::Spanned<String>, toml::Spanned<String>>,
    #[serde(default)]
    known: BTreeMap<String, String>,
    #[serde(default)]
    compare: WrittenCompare,
}

/// The table `[compare]`.
#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenCompare {
    #[serde(default)]
    ignore: Vec<toml::Spanned<String>>,
    #[serde(default)]
    volatile: Vec<toml::Spanned<String>>,
}

impl CourseConfig {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When it cannot be read, is no TOML, has a key that means nothing, or a value that its key cannot have; with line and column.
    pub fn read(path: &Path) -> Result<Self, LessonError> {
        let unreadable = |error| LessonError::unreadable(path, error);
        let folder = Below::open(path.parent().unwrap_or(Path::new(""))).map_err(unreadable)?;
        let file = folder.file(Path::new(path.file_name().unwrap_or_default())).map_err(unreadable)?;
        let size = file.metadata().map_err(unreadable)?.len();
        let mut text = String::new();
        file.take(LIMIT + 1).read_to_string(&mut text).map_err(unreadable)?;
        if text.len() as u64 > LIMIT {
            return Err(LessonError::TooLarge { path: path.to_owned(), size, limit: LIMIT });
        }
        Self::parse(path, &text)
    }

    /// Makes a configuration of a file's text.
    ///
    /// # Errors
    /// As [`CourseConfig::read`], but for reading.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LessonError> {
        let index = LineIndex::new(text);
        let bad = |at: usize, message: String, help: &str| {
            let span = index.span(text, at, at);
            LessonError::at(path, span.line, span.column, message, help)
        };
        let written: Written = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            bad(
                at,
                error.message().to_owned(),
                "the keys are `title` and `scenario`, the tables `[map]` and `[known]`, all of text, and the lists `ignore` and `volatile` in `[compare]`",
            )
        })?;
        if let Some(scenario) = &written.scenario
            && scenario.get_ref().trim().is_empty()
        {
            return Err(bad(
                scenario.span().start,
                "the scenario has no name".into(),
                "name a scenario, or take the line away",
            ));
        }
        let directives = |written: Vec<toml::Spanned<String>>| -> Vec<Directive> {
            let place = |value: &toml::Spanned<String>| index.span(text, value.span().start, value.span().end);
            written.into_iter().map(|value| Directive { span: place(&value), text: value.into_inner() }).collect()
        };
        let folder = path.parent().unwrap_or(Path::new(""));
        let mut map = BTreeMap::new();
        let mut map_places = BTreeMap::new();
        for (lesson_path, mapped) in written.map {
            if !lesson_path.get_ref().starts_with(['/', '~']) {
                return Err(bad(
                    lesson_path.span().start,
                    format!("`{}` is not a path that a lesson can use", lesson_path.get_ref()),
                    "write the path as lessons do, from `/` or `~` on",
                ));
            }
            if mapped.get_ref().is_empty() {
                return Err(bad(
                    mapped.span().start,
                    "this folder has no name".into(),
                    "name a folder, seen from this file",
                ));
            }
            let place = index.span(text, mapped.span().start, mapped.span().end);
            map_places.insert(lesson_path.get_ref().clone(), place);
            map.insert(lesson_path.into_inner(), folder.join(mapped.into_inner()));
        }
        Ok(Self {
            path: path.to_owned(),
            title: written.title,
            scenario_place: written.scenario.as_ref().map(|name| index.span(text, name.span().start, name.span().end)),
            scenario: written.scenario.map(toml::Spanned::into_inner),
            map,
            map_places,
            known: written.known,
            ignore: directives(written.compare.ignore),
            volatile: directives(written.compare.volatile),
        })
    }

    /// The course's folder: nothing that this file names may lie outside of it.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn root(&self) -> Result<Below, LessonError> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        Below::open(folder).map_err(|error| LessonError::unreadable(folder, error))
    }

    /// Opens a folder of `map`, by the lesson's path. What the person maps with `--map` does not come here.
    ///
    /// # Errors
    /// When it is not there or leads out of the course's folder, with the place where it is written.
    pub fn open_mapped(&self, lesson_path: &str) -> Result<Below, LessonError> {
        let (root, folder) = (self.root()?, self.map.get(lesson_path).map(PathBuf::as_path).unwrap_or(Path::new("")));
        root.folder(self.named(folder)).map_err(|error| {
            let at = self.map_places.get(lesson_path).copied();
            let (message, leads_to) = self.leads_out(folder, &root, &error);
            let help = match leads_to {
                Some(real) => format!(
                    "a course can show lessons only what is in its own folder; if you want this, say so yourself: --map '{lesson_path}={}'",
                    real.display()
                ),
                None => "name a folder that is there, seen from this file".to_owned(),
            };
            self.wrong(at, message, help)
        })
    }

    /// Opens the scenario's folder, if it is one and not a bundled one's name: seen from this file.
    ///
    /// # Errors
    /// When it is not there or leads out of the course's folder, with the place where it is written.
    pub fn open_scenario(&self) -> Result<Option<(Below, PathBuf)>, LessonError> {
        let named = self.scenario.as_deref().filter(|name| is_folder(name));
        let Some(name) = named else { return Ok(None) };
        let root = self.root()?;
        let folder = self.path.parent().unwrap_or(Path::new("")).join(name);
        match root.folder(Path::new(name)) {
            Ok(_) => Ok(Some((root, PathBuf::from(name)))),
            Err(error) => {
                let (message, leads_to) = self.leads_out(&folder, &root, &error);
                let help = match leads_to {
                    Some(real) => format!(
                        "a course's scenario is in its own folder; if you want this one, say so yourself: --scenario '{}'",
                        real.display()
                    ),
                    None => "name a bundled scenario, or a folder that is there, seen from this file".to_owned(),
                };
                Err(self.wrong(self.scenario_place, message, help))
            }
        }
    }

    /// A path of `map` as it is written.
    fn named<'p>(&self, path: &'p Path) -> &'p Path {
        path.strip_prefix(self.path.parent().unwrap_or(Path::new(""))).unwrap_or(path)
    }

    /// What is wrong with a folder that could not be opened, and where it really is if that is outside of the course.
    fn leads_out(&self, folder: &Path, root: &Below, error: &io::Error) -> (String, Option<PathBuf>) {
        let named = self.named(folder).display();
        match folder.canonicalize() {
            Ok(real) if !real.starts_with(root.root()) || error.kind() == io::ErrorKind::PermissionDenied => {
                (format!("`{named}` leads out of the course, to {}", real.display()), Some(real))
            }
            _ => (format!("`{named}` cannot be opened: {error}"), None),
        }
    }

    fn wrong(&self, at: Option<Span>, message: String, help: String) -> LessonError {
        let (line, column) = at.map_or((1, 1), |span| (span.line, span.column));
        LessonError::at(&self.path, line, column, message, help)
    }

    /// The configuration of the course whose root is `folder`, if it has one.
    ///
    /// # Errors
    /// As [`CourseConfig::read`].
    pub fn of_folder(folder: &Path) -> Result<Option<Self>, LessonError> {
        let path = folder.join(NAME);
        if path.is_file() { Self::read(&path).map(Some) } else { Ok(None) }
    }

    /// The configuration of the course that `path`, a page or a folder, belongs to: the nearest `lectern.toml` in its folder or above.
    ///
    /// # Errors
    /// As [`CourseConfig::read`].
    pub fn of(path: &Path) -> Result<Option<Self>, LessonError> {
        let full = path.canonicalize().map_err(|error| LessonError::unreadable(path, error))?;
        match full.ancestors().find(|above| above.join(NAME).is_file()) {
            Some(folder) => Self::of_folder(folder),
            None => Ok(None),
        }
    }
}

/// Whether a scenario's name is that of a folder.
pub fn is_folder(scenario: &str) -> bool {
    scenario.contains(std::path::MAIN_SEPARATOR) || scenario == "." || scenario == ".."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CourseConfig, String> {
        CourseConfig::parse(Path::new("course/lectern.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_keys() {
        let config = parse(
            "title = \"Pods\"\nscenario = \"small\"\n[map]\n\"~/environment\" = \"../files\"\n[known]\nREGION = \"us-west-2\"\n[compare]\nignore = [\"/tags\"]\nvolatile = [\n\"run-[0-9]+\"]\n",
        )
        .unwrap();
        assert_eq!(config.title.as_deref(), Some("Pods"));
        assert_eq!(config.scenario.as_deref(), Some("small"));
        assert_eq!(config.map["~/environment"], Path::new("course/../files"));
        assert_eq!(config.known["REGION"], "us-west-2");
        let place = |directive: &Directive| (directive.text.clone(), directive.span.line, directive.span.column);
        assert_eq!(config.ignore.iter().map(place).collect::<Vec<_>>(), [("/tags".to_owned(), 8, 11)]);
        assert_eq!(config.volatile.iter().map(place).collect::<Vec<_>>(), [("run-[0-9]+".to_owned(), 10, 1)]);
        assert_eq!(parse("").unwrap(), CourseConfig { path: "course/lectern.toml".into(), ..CourseConfig::default() });
    }

    #[test]
    fn slips_are_errors_at_their_place() {
        for (text, expected) in [
            ("title = \"a\"\ntitel = \"b\"\n", "course/lectern.toml:2:1: unknown field `titel`"),
            ("\n\ntitle = 3\n", "course/lectern.toml:3:9: invalid type"),
            ("title = \n", "course/lectern.toml:1:9: "),
            ("[map]\n\"environment\" = \"x\"\n", "course/lectern.toml:2:1: `environment` is not a path"),
            ("[map]\n\"~/x\" = \"\"\n", "course/lectern.toml:2:9: this folder has no name"),
            ("[compare]\nignored = []\n", "course/lectern.toml:2:1: unknown field `ignored`"),
            ("[compare]\nignore = \"x\"\n", "course/lectern.toml:2:10: invalid type"),
            ("[known]\na = 1\n", "course/lectern.toml:2:5: invalid type"),
            ("scenario = \" \"\n", "course/lectern.toml:1:12: the scenario has no name"),
        ] {
            let message = parse(text).unwrap_err();
            assert!(message.starts_with(expected), "{text:?}: {message}");
        }
    }
}
