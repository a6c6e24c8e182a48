//! The native kubectl against the sandbox's cluster, in its own words.

mod commands;
mod further;
mod harness;
mod outages;
mod planned;
