//! `lectern config`: prints how the screen is configured.

use std::io::{self, Write};

use clap::Args;

use super::failure::BadUsage;
use crate::front::config;

/// Print the configuration as it is now, in the form of its file.
#[derive(Debug, Args)]
pub struct Config {}

/// Prints it; answers the exit status.
///
/// # Errors
/// When the file is wrong, or standard output cannot be written.
pub fn run(_: &Config) -> miette::Result<u8> {
    let text = load()?.written();
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(miette::miette!("standard output: {error}")),
        _ => Ok(0),
    }
}

/// The person's configuration.
///
/// # Errors
/// When the file is wrong: bad usage, with its place.
pub fn load() -> miette::Result<config::Config> {
    config::Config::load().map_err(|error| {
        let (message, help) = (error.to_string(), Some(error.help));
        BadUsage { message, help }.into()
    })
}
