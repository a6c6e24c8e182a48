//! Session time: what every wait, time limit, delay and age in a session is measured by.
//!
//! In a sandbox the clock may be told to go N times faster. It does so only while nothing is at work: as long as the
//! session's runtime has a task to run, or anybody holds a [`Busy`], session time runs at real speed. A slow machine
//! therefore cannot cause a time limit, and a busy loop still meets one. While the clock goes fast it never passes the
//! next timer: that timer fires first, and what it wakes is at work again.

mod runtime;
mod state;
#[cfg(test)]
mod tests;

pub use runtime::session_runtime;
pub use state::{Busy, Clock, Elapsed, IdleCheck, Sleep};
