//! Why a page or a course cannot be used at all.

use std::path::{Path, PathBuf};

/// A page, a course or its `lectern.toml` cannot be used. What is wrong with a page that still can is a
/// [`super::Diagnostic`].
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum LessonError {
    /// The file or folder cannot be opened or read.
    #[error("{}: cannot be read: {source}", path.display())]
    #[diagnostic(code(lesson::unreadable), help("check that the path is right and that you may read it"))]
    Unreadable {
        /// What was to be read.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Neither a file nor a folder, so for example a pipe or a device.
    #[error("{}: is neither a page nor a folder", path.display())]
    #[diagnostic(code(lesson::not_a_page), help("name a Markdown file, or a folder of them"))]
    NotAPage {
        /// What was named.
        path: PathBuf,
    },
    /// A folder without a page in it.
    #[error("{}: no lesson in this folder", path.display())]
    #[diagnostic(
        code(lesson::no_pages),
        help("a lesson is a file whose name ends in .md, with a title in its front matter")
    )]
    NoPages {
        /// The folder.
        path: PathBuf,
    },
    /// The page is larger than any lesson; it was not read.
    #[error("{}:1:1: the page has {size} bytes, more than the {limit} that a page may have", path.display())]
    #[diagnostic(code(lesson::too_large), help("split the page, or check that this file is a lesson"))]
    TooLarge {
        /// The page.
        path: PathBuf,
        /// Its size in bytes, as far as it is known.
        size: u64,
        /// How many bytes a page may have.
        limit: u64,
    },
    /// Something on the page makes it useless.
    #[error("{}:{line}:{column}: {message}", path.display())]
    #[diagnostic(code(lesson::bad_page), help("{help}"))]
    Page {
        /// The page, or `lectern.toml`.
        path: PathBuf,
        /// Line of the place, from 1.
        line: usize,
        /// Column of the place, from 1, in characters.
        column: usize,
        /// What is wrong there.
        message: String,
        /// What to do about it.
        help: String,
    },
    /// More than one page of a course has errors.
    #[error("{} pages of the course cannot be used", errors.len())]
    #[diagnostic(code(lesson::bad_course), help("each of them is listed with its own advice"))]
    Several {
        /// One error a page, in course order of the files.
        #[related]
        errors: Vec<LessonError>,
    },
}

impl LessonError {
    /// A [`LessonError::Page`] at a line and column, both from 1.
    pub(crate) fn at(
        path: &Path,
        line: usize,
        column: usize,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Self {
        Self::Page { path: path.to_owned(), line, column, message: message.into(), help: help.into() }
    }

    /// A [`LessonError::Unreadable`].
    pub(crate) fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::Unreadable { path: path.to_owned(), source }
    }
}
