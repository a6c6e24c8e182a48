//! Lessons: a Markdown page becomes prose and steps, a folder of pages a course. Pure but for reading the files.
//!
//! What a page means is described in the project's documentation of the lesson format; this room knows nothing of shells,
//! clusters or terminals.

mod annotations;
pub mod blocks;
mod commands;
mod config;
mod course;
mod directives;
mod error;
mod folder;
mod forgotten;
mod front_matter;
pub mod markdown;
mod model;
mod page;
mod source;
#[cfg(test)]
mod tests;

pub use config::{CourseConfig, is_folder};
pub use course::Instead;
pub use error::LessonError;
pub use model::{
    Annotations, Command, Course, CourseFolder, Diagnostic, Directive, Expected, FrontMatter, Lesson, Severity, Slip,
    Span, Step, StepId,
};
pub use page::PAGE_LIMIT;
pub use source::LineIndex;
