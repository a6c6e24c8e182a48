//! A session: a learner, or a grader, goes through a course. One engine for all fronts.
//!
//! `machine` is pure: events in, state and effects out. `driver` carries effects out and feeds events back. `state` is what
//! is kept on disk, with one writer. Fronts and reports see [`Event`]s and send [`Request`]s; they can do nothing else.

mod advice;
mod change;
mod completion;
mod directives;
mod driver;
mod home;
pub mod machine;
mod model;
mod plain;
mod saver;
mod setup;
mod state;

pub use advice::Advice;
pub use change::{Change, Line as ChangeLine};
pub use completion::is_unfinished;
pub use directives::{check_directives, open_course};
pub use driver::{Session, SessionError};
pub use model::{
    Cause, CommandReport, Completions, EditedCourse, Event, HookReport, LessonReport, Request, StepReport, StepState,
    Summary, TryReport, Verdict,
};
pub use plain::{Plain, first_line, plain};
pub use saver::Unsaved;
pub use setup::{How, Look, Prepared, Setup, lesson_files, scenario, start_of};
pub use state::{StateError, StateFolder, state_home};
