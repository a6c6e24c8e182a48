//! A folder of pages as a course: which files are pages, and in which order they come.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use super::config::CourseConfig;
use super::error::LessonError;
use super::model::{Course, CourseFolder, Lesson};

/// Names of the page that speaks for its folder, the first that is there.
const INDEX: [&str; 3] = ["index.md", "index.en.md", "_index.md"];

/// A file of this name keeps the pages in and below its folder from being executed.
const SHOWN_ONLY: &str = ".notest";

/// Folders nest as deep as this; symbolic links are not followed, so only a strange tree goes deeper.
const DEEPEST: usize = 32;

/// What takes the place of a page that cannot be used.
pub type Instead<'a> = &'a dyn Fn(&LessonError) -> Option<Lesson>;

impl Course {
    /// Reads a page, or all pages in and below a folder.
    ///
    /// In a folder every file whose name ends in `.md` is a page, but for a `README.md` without front matter. Left out are
    /// symbolic links, hidden folders, `tests`, `node_modules`, and what begins with `_` (Docusaurus' word for
    /// parts of pages) other than `_index.md`.
    ///
    /// # Errors
    /// When what was named cannot be read, when there is no page in it, or when a page is none: see [`Lesson::parse`]. All such pages are
    /// named at once.
    pub fn open(path: &Path) -> Result<Self, LessonError> {
        let about = std::fs::metadata(path).map_err(|error| LessonError::unreadable(path, error))?;
        if about.is_dir() { Self::open_folder(path) } else { Self::open_page(path) }
    }

    fn open_page(path: &Path) -> Result<Self, LessonError> {
        Ok(Self::of_page(path, Lesson::read(path)?))
    }

    fn of_page(path: &Path, lesson: Lesson) -> Self {
        let root = path.parent().unwrap_or(Path::new("")).to_owned();
        let title = lesson.front_matter.title.clone();
        let tree = CourseFolder {
            path: root.clone(),
            title: title.clone(),
            suite: None,
            lessons: vec![0],
            folders: Vec::new(),
        };
        Self { root, title, lessons: vec![lesson], tree }
    }

    /// As [`Course::open`], but goes on over pages that cannot be used: their errors are beside the course of the others.
    ///
    /// # Errors
    /// When what was named cannot be read, there is no page in it, or `lectern.toml` is wrong.
    pub fn survey(path: &Path) -> Result<(Self, Vec<LessonError>), LessonError> {
        Self::survey_with(path, &|_| None)
    }

    /// As [`Course::survey`]; what `instead` answers for a page's error takes the page's place.
    ///
    /// # Errors
    /// As [`Course::survey`].
    pub fn survey_with(path: &Path, instead: Instead<'_>) -> Result<(Self, Vec<LessonError>), LessonError> {
        let about = std::fs::metadata(path).map_err(|error| LessonError::unreadable(path, error))?;
        if about.is_dir() {
            let mut errors = Vec::new();
            let course = match (read_folder(path, 0, instead, &mut errors), errors.is_empty()) {
                (Some(found), _) => Self::of_found(path, found)?,
                (None, false) => Self { root: path.to_owned(), ..Self::default() },
                (None, true) => return Err(LessonError::NoPages { path: path.to_owned() }),
            };
            return Ok((course, errors));
        }
        match Lesson::read(path) {
            Ok(lesson) => Ok((Self::of_page(path, lesson), Vec::new())),
            Err(error @ (LessonError::Page { .. } | LessonError::TooLarge { .. })) => {
                if let Some(lesson) = instead(&error) {
                    return Ok((Self::of_page(path, lesson), vec![error]));
                }
                let root = path.parent().unwrap_or(Path::new("")).to_owned();
                Ok((Self { root, ..Self::default() }, vec![error]))
            }
            Err(error) => Err(error),
        }
    }

    fn open_folder(path: &Path) -> Result<Self, LessonError> {
        let mut errors = Vec::new();
        let found = read_folder(path, 0, &|_| None, &mut errors);
        match errors.len() {
            0 => {}
            1 => return Err(errors.remove(0)),
            _ => return Err(LessonError::Several { errors }),
        }
        let Some(found) = found else { return Err(LessonError::NoPages { path: path.to_owned() }) };
        Self::of_found(path, found)
    }

    fn of_found(path: &Path, found: Found) -> Result<Self, LessonError> {
        let config = CourseConfig::of_folder(path)?;
        let mut lessons = Vec::new();
        let tree = found.into_tree(&mut lessons);
        let title = config.and_then(|config| config.title).unwrap_or_else(|| tree.title.clone());
        Ok(Self { root: path.to_owned(), title, lessons, tree })
    }
}

/// Whether the pages of `folder` are shown and never executed: it, or a folder above it, has a file `.notest`.
pub fn is_shown_only(folder: &Path) -> bool {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let full = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    full.ancestors().any(|above| above.join(SHOWN_ONLY).is_file())
}

/// A folder that has a page in or below it.
struct Found {
    path: PathBuf,
    name: String,
    index: Vec<Lesson>,
    /// In order.
    others: Vec<Entry>,
}

enum Entry {
    Page(String, Box<Lesson>),
    Folder(Found),
}

impl Entry {
    fn order(&self) -> f64 {
        match self {
            Self::Page(_, lesson) => lesson.front_matter.order,
            Self::Folder(folder) => folder.index.first().map_or(0.0, |index| index.front_matter.order),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Page(name, _) => name,
            Self::Folder(folder) => &folder.name,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.order().total_cmp(&other.order()).then_with(|| self.name().cmp(other.name()))
    }
}

impl Found {
    fn into_tree(self, lessons: &mut Vec<Lesson>) -> CourseFolder {
        let suite = self.path.join("tests").join("hook-suite.sh");
        let mut folder = CourseFolder {
            title: self.index.first().map_or(self.name, |index| index.front_matter.title.clone()),
            suite: suite.is_file().then_some(suite),
            path: self.path,
            ..CourseFolder::default()
        };
        let mut add = |lesson, pages: &mut Vec<usize>| {
            pages.push(lessons.len());
            lessons.push(lesson);
        };
        for index in self.index {
            add(index, &mut folder.lessons);
        }
        for entry in self.others {
            match entry {
                Entry::Page(_, lesson) => {
                    folder.lessons.push(lessons.len());
                    lessons.push(*lesson);
                }
                Entry::Folder(found) => folder.folders.push(found.into_tree(lessons)),
            }
        }
        folder
    }
}

fn read_folder(path: &Path, depth: usize, instead: Instead<'_>, errors: &mut Vec<LessonError>) -> Option<Found> {
    let mut names: Vec<(String, bool)> = Vec::new();
    match std::fs::read_dir(path) {
        Ok(entries) => {
            for entry in entries.flatten() {
                let Ok(kind) = entry.file_type() else { continue };
                // A name that is not UTF-8 is no page of a course that more than one person uses.
                let Ok(name) = entry.file_name().into_string() else { continue };
                if kind.is_dir() || kind.is_file() {
                    names.push((name, kind.is_dir()));
                }
            }
        }
        Err(error) => {
            errors.push(LessonError::unreadable(path, error));
            return None;
        }
    }
    names.sort();
    let name =
        path.canonicalize().ok().and_then(|full| full.file_name().map(|name| name.to_string_lossy().into_owned()));
    let mut found =
        Found { path: path.to_owned(), name: name.unwrap_or_default(), index: Vec::new(), others: Vec::new() };
    for (name, is_folder) in names {
        let full = path.join(&name);
        if is_folder {
            let left_out = name.starts_with(['.', '_']) || matches!(name.as_str(), "tests" | "node_modules");
            if !left_out && depth < DEEPEST {
                found.others.extend(read_folder(&full, depth + 1, instead, errors).map(Entry::Folder));
            }
            continue;
        }
        let is_index = INDEX.contains(&name.as_str());
        if !name.ends_with(".md")
            || (name.starts_with('_') && !is_index)
            || (name == "README.md" && !has_front_matter(&full))
        {
            continue;
        }
        let lesson = Lesson::read(&full).or_else(|error| {
            let lesson = instead(&error).ok_or(());
            errors.push(error);
            lesson
        });
        match lesson {
            Ok(lesson) if is_index => found.index.push(lesson),
            Ok(lesson) => found.others.push(Entry::Page(name, Box::new(lesson))),
            Err(()) => {}
        }
    }
    found.index.sort_by_key(|lesson| {
        let name = lesson.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        INDEX.iter().position(|index| *index == name)
    });
    found.others.sort_by(Entry::compare);
    (!found.index.is_empty() || !found.others.is_empty()).then_some(found)
}

/// Whether a file begins as a page does: a folder's `README.md` is a page only then.
fn has_front_matter(path: &Path) -> bool {
    use std::io::Read;
    let mut head = [0; 7];
    let Ok(read) = std::fs::File::open(path).and_then(|mut file| file.read(&mut head)) else { return false };
    let head = &head[..read];
    head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head).starts_with(b"---")
}
