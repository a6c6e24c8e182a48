//! Reports: what came of a run, for people and for programs. They see lessons, events and nothing below.

mod grade;
mod html;
mod human;
mod junit;
mod tap;
mod verify;

pub use grade::GradeReport;
pub use html::html;
pub use human::{human, step_line};
pub use junit::junit;
pub use tap::tap;
pub use verify::{Check, Finding, Looked, VerifiedLesson, VerifiedStep, VerifyReport, VerifySummary, verify_human};
