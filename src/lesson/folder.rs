//! Which files of a folder are pages, and in which order they come. The pages are read by several threads.

use std::cmp::Ordering;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::atomic::{self, AtomicUsize};

use super::course::{Instead, SHOWN_ONLY, is_shown_only};
use super::error::LessonError;
use super::model::{CourseFolder, Lesson};
use crate::files::Below;

/// Names of the page that speaks for its folder, the first that is there.
const INDEX: [&str; 3] = ["index.md", "index.en.md", "_index.md"];

/// Folders nest as deep as this; symbolic links are not followed, so only a strange tree goes deeper.
const DEEPEST: usize = 32;

/// How many pages are worth another thread.
const A_THREAD: usize = 8;

/// A folder that has a page in or below it.
pub(super) struct Found {
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
    /// The folder as part of a course; its pages go behind those that are in `lessons`.
    pub(super) fn into_tree(self, lessons: &mut Vec<Lesson>) -> CourseFolder {
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

/// Reads the pages in and below a folder, in order; `None` if there is none. Errors come in the order of the files' names.
pub(super) fn read_folder(path: &Path, instead: Instead<'_>, errors: &mut Vec<LessonError>) -> Option<Found> {
    let mut pages = Vec::new();
    // The folder's own name even if it was named `.`; those below it are named by their paths.
    let full = path.canonicalize().ok();
    let name = full.and_then(|full| full.file_name().map(|name| name.to_string_lossy().into_owned()));
    // Opened before it is listed: a page that is exchanged for a link after that is not followed out of the course.
    let own = match Below::open(path) {
        Ok(own) => own,
        Err(error) => {
            errors.push(LessonError::unreadable(path, error));
            return None;
        }
    };
    let listed = list(path, name.unwrap_or_default(), 0, is_shown_only(path), &mut pages);
    assemble(listed, &mut read_pages(&own, path, &pages).into_iter(), instead, errors)
}

/// A folder as the system has it.
struct Listed {
    path: PathBuf,
    name: String,
    /// By name; without those that are neither pages nor folders.
    entries: Vec<Name>,
    error: Option<LessonError>,
}

enum Name {
    Page(String),
    Folder(Listed),
}

/// A file to be read as a page.
struct PageFile {
    path: PathBuf,
    shown_only: bool,
}

fn list(path: &Path, name: String, depth: usize, shown_only: bool, pages: &mut Vec<PageFile>) -> Listed {
    let mut listed = Listed { path: path.to_owned(), name, entries: Vec::new(), error: None };
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
            listed.error = Some(LessonError::unreadable(path, error));
            return listed;
        }
    }
    names.sort();
    for (name, is_folder) in names {
        let full = path.join(&name);
        if is_folder {
            let left_out = name.starts_with(['.', '_']) || matches!(name.as_str(), "tests" | "node_modules");
            if !left_out && depth < DEEPEST {
                let shown_only = shown_only || full.join(SHOWN_ONLY).is_file();
                listed.entries.push(Name::Folder(list(&full, name, depth + 1, shown_only, pages)));
            }
            continue;
        }
        let is_page = name.ends_with(".md")
            && (!name.starts_with('_') || INDEX.contains(&name.as_str()))
            && (name != "README.md" || has_front_matter(&full));
        if is_page {
            pages.push(PageFile { path: full, shown_only });
            listed.entries.push(Name::Page(name));
        }
    }
    listed
}

/// Reads the pages, in their order.
fn read_pages(own: &Below, root: &Path, pages: &[PageFile]) -> Vec<Result<Lesson, LessonError>> {
    let read = |page: &PageFile| {
        let inside = page.path.strip_prefix(root).unwrap_or(&page.path);
        let bytes = super::page::read_below(own, inside, &page.path)?;
        Lesson::made_of(&page.path, &bytes, page.shown_only)
    };
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = processors.min(pages.len() / A_THREAD);
    if threads < 2 {
        return pages.iter().map(read).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, atomic::Ordering::Relaxed);
            let Some(page) = pages.get(at) else { return done };
            done.push((at, read(page)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        // A thread that the system does not give is one less; this one reads too.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| std::thread::Builder::new().name("pages".into()).spawn_scoped(scope, work).ok())
            .collect();
        let mut all = work();
        for other in others {
            match other.join() {
                Ok(done) => all.extend(done),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        all
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, page)| page).collect()
}

/// Puts the pages in their places; `read` has them in the order in which they were listed.
fn assemble(
    listed: Listed,
    read: &mut impl Iterator<Item = Result<Lesson, LessonError>>,
    instead: Instead<'_>,
    errors: &mut Vec<LessonError>,
) -> Option<Found> {
    errors.extend(listed.error);
    let mut found = Found { path: listed.path, name: listed.name, index: Vec::new(), others: Vec::new() };
    for entry in listed.entries {
        match entry {
            Name::Folder(folder) => {
                found.others.extend(assemble(folder, read, instead, errors).map(Entry::Folder));
            }
            Name::Page(name) => {
                let lesson = read.next()?.or_else(|error| {
                    let lesson = instead(&error).ok_or(());
                    errors.push(error);
                    lesson
                });
                match lesson {
                    Ok(lesson) if INDEX.contains(&name.as_str()) => found.index.push(lesson),
                    Ok(lesson) => found.others.push(Entry::Page(name, Box::new(lesson))),
                    Err(()) => {}
                }
            }
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
