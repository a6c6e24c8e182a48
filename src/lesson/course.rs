//! A page, or a folder of pages, as a course.

use std::path::Path;

use super::config::CourseConfig;
use super::error::LessonError;
use super::folder::{Found, read_folder};
use super::model::{Course, CourseFolder, Lesson};

/// A file of this name keeps the pages in and below its folder from being executed.
pub(super) const SHOWN_ONLY: &str = ".notest";

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
            let course = match (read_folder(path, instead, &mut errors), errors.is_empty()) {
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
        let found = read_folder(path, &|_| None, &mut errors);
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
