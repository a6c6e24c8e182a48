//! `lectern.toml` at a course's root: what the course needs that no page says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::error::LessonError;
use super::model::Directive;
use super::source::LineIndex;

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
    /// `scenario`: the name of what a sandbox starts with, or the path of a folder below the file's own, given here as found from there.
    pub scenario: Option<String>,
    /// `[map]`: folders that lessons find at another path, as `"~/environment/eks-workshop" = "manifests"`. Paths are those of the lesson; folders are
    /// below the file's own, and given here as found from there.
    pub map: BTreeMap<String, PathBuf>,
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
        let size = std::fs::metadata(path).map_err(unreadable)?.len();
        if size > LIMIT {
            return Err(LessonError::TooLarge { path: path.to_owned(), size, limit: LIMIT });
        }
        let root = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let root = root.canonicalize().map_err(unreadable)?;
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        // What is not there leads nowhere; using it is an error of its own.
        Self::parse_with(path, &text, |named| named.canonicalize().ok().filter(|real| !real.starts_with(&root)))
    }

    /// Makes a configuration of a file's text.
    ///
    /// # Errors
    /// As [`CourseConfig::read`], but for reading.
    pub fn parse(path: &Path, text: &str) -> Result<Self, LessonError> {
        Self::parse_with(path, text, |_| None)
    }

    /// Makes a configuration of a file's text; `outside` returns where a path really leads if that is not below the file's folder.
    fn parse_with(path: &Path, text: &str, outside: impl Fn(&Path) -> Option<PathBuf>) -> Result<Self, LessonError> {
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
        let folder = path.parent().unwrap_or(Path::new(""));
        // A stranger's course may show a lesson what is the course's, and nothing else of the person's.
        let below = |named: &toml::Spanned<String>, option: &str| -> Result<PathBuf, LessonError> {
            let written = Path::new(named.get_ref());
            let climbs = |part| !matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir);
            let found = folder.join(written);
            let real = if written.components().any(climbs) { Some(found.clone()) } else { outside(&found) };
            match real {
                None => Ok(found),
                Some(real) => Err(bad(
                    named.span().start,
                    format!("`{}` leads out of the course, to {}", named.get_ref().escape_debug(), real.display()),
                    &format!("a course names folders below its own; who runs it can name any other with {option}"),
                )),
            }
        };
        let scenario = match &written.scenario {
            Some(name) if name.get_ref().contains('/') || matches!(name.get_ref().as_str(), "." | "..") => {
                let path = below(name, "--scenario")?;
                // By its path a scenario is told from one of a name.
                Some(Path::new(".").join(path).display().to_string())
            }
            name => name.as_ref().map(|name| name.get_ref().clone()),
        };
        let directives = |written: Vec<toml::Spanned<String>>| -> Vec<Directive> {
            let place = |value: &toml::Spanned<String>| index.span(text, value.span().start, value.span().end);
            written.into_iter().map(|value| Directive { span: place(&value), text: value.into_inner() }).collect()
        };
        let mut map = BTreeMap::new();
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
            let mapped = below(&mapped, "--map")?;
            map.insert(lesson_path.into_inner(), mapped);
        }
        Ok(Self {
            path: path.to_owned(),
            title: written.title,
            scenario,
            map,
            known: written.known,
            ignore: directives(written.compare.ignore),
            volatile: directives(written.compare.volatile),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<CourseConfig, String> {
        CourseConfig::parse(Path::new("course/lectern.toml"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_keys() {
        let config = parse(
            "title = \"Pods\"\nscenario = \"small\"\n[map]\n\"~/environment\" = \"files\"\n[known]\nREGION = \"us-west-2\"\n[compare]\nignore = [\"/tags\"]\nvolatile = [\n\"run-[0-9]+\"]\n",
        )
        .unwrap();
        assert_eq!(config.title.as_deref(), Some("Pods"));
        assert_eq!(config.scenario.as_deref(), Some("small"));
        assert_eq!(config.map["~/environment"], Path::new("course/files"));
        assert_eq!(config.known["REGION"], "us-west-2");
        let place = |directive: &Directive| (directive.text.clone(), directive.span.line, directive.span.column);
        assert_eq!(config.ignore.iter().map(place).collect::<Vec<_>>(), [("/tags".to_owned(), 8, 11)]);
        assert_eq!(config.volatile.iter().map(place).collect::<Vec<_>>(), [("run-[0-9]+".to_owned(), 10, 1)]);
        assert_eq!(parse("").unwrap(), CourseConfig { path: "course/lectern.toml".into(), ..CourseConfig::default() });
    }

    #[test]
    fn links_lead_out_of_a_course_no_more_than_paths_do() {
        let folder = tempfile::tempdir().unwrap();
        let (course, secret) = (folder.path().join("course"), folder.path().join("secret"));
        std::fs::create_dir_all(course.join("own/deep")).unwrap();
        std::fs::create_dir(&secret).unwrap();
        std::os::unix::fs::symlink(&secret, course.join("link")).unwrap();
        std::os::unix::fs::symlink(&secret, course.join("own/link")).unwrap();
        std::os::unix::fs::symlink(course.join("own"), course.join("inner")).unwrap();
        let file = course.join(NAME);
        for (named, fine) in [
            ("own", true),
            ("./own/deep", true),
            ("inner", true),
            ("nothing", true),
            ("link", false),
            ("own/link", false),
        ] {
            for text in [format!("[map]\n\"~/x\" = \"{named}\"\n"), format!("scenario = \"./{named}\"\n")] {
                std::fs::write(&file, &text).unwrap();
                let read = CourseConfig::read(&file).map_err(|error| error.to_string());
                assert_eq!(read.is_ok(), fine, "{text}: {read:?}");
                let told = secret.canonicalize().unwrap().display().to_string();
                assert!(fine || read.unwrap_err().contains(&told), "{text}");
            }
        }
    }

    #[test]
    fn slips_are_errors_at_their_place() {
        for (text, expected) in [
            ("title = \"a\"\ntitel = \"b\"\n", "course/lectern.toml:2:1: unknown field `titel`"),
            ("\n\ntitle = 3\n", "course/lectern.toml:3:9: invalid type"),
            ("title = \n", "course/lectern.toml:1:9: "),
            ("[map]\n\"environment\" = \"x\"\n", "course/lectern.toml:2:1: `environment` is not a path"),
            ("[map]\n\"~/x\" = \"\"\n", "course/lectern.toml:2:9: this folder has no name"),
            ("[map]\n\"~/x\" = \"../home\"\n", "course/lectern.toml:2:9: `../home` leads out of the course"),
            ("[map]\n\"~/x\" = \"a/../../b\"\n", "course/lectern.toml:2:9: `a/../../b` leads out of the course"),
            ("[map]\n\"~/x\" = \"/etc\"\n", "course/lectern.toml:2:9: `/etc` leads out of the course, to /etc"),
            ("scenario = \"../s\"\n", "course/lectern.toml:1:12: `../s` leads out of the course"),
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
