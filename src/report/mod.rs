//! Reports: what came of a run, for people and for programs. They see lessons, events and nothing below.

mod grade;
mod human;

pub use grade::GradeReport;
pub use human::{human, step_line};
