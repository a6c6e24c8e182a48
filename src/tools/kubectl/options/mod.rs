//! Options: what a command takes, and how its words are read.

pub mod duration;
mod flags;
mod parse;

pub use flags::{DRY_RUN, FILES, Flag, GLOBAL, Kind, PERSONS, PRINT};
pub use parse::{Parsed, UsageError, command_word};
