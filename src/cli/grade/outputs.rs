//! Where the reports go: files that are known to be writable before anything runs, and standard output.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::Format;
use crate::cli::failure::BadUsage;
use crate::files::{Access, Output};
use crate::report::{GradeReport, html, human, junit, tap};

/// The files that reports are written to.
pub struct Outputs(Vec<(Format, PathBuf, Output)>);

impl Outputs {
    /// Opens them all, and changes none: what cannot be written is told before anything runs. `usual` is the format of those
    /// that name none.
    ///
    /// # Errors
    /// When one cannot be written, is named twice, or is one of the pages.
    pub fn open<'p>(
        named: &[(Option<Format>, PathBuf)],
        usual: Format,
        pages: impl Iterator<Item = &'p Path> + Clone,
    ) -> Result<Self, BadUsage> {
        let mut all: Vec<(Format, PathBuf, Output)> = Vec::new();
        for (format, path) in named {
            let wrong = |why: &str, help: String| BadUsage {
                message: format!("--output {}: {why}", path.display()),
                help: Some(help),
            };
            let output =
                Output::open(path, Access::Shared).map_err(|error| wrong(&error.to_string(), advice(path, &error)))?;
            if let Some((_, other, _)) = all.iter().find(|(_, _, other)| other.is_same(&output)) {
                let why = match other == path {
                    true => "two reports would be written to it".to_owned(),
                    false => format!("it is the same file as {}", other.display()),
                };
                return Err(wrong(&why, "give each report a file of its own".into()));
            }
            if pages.clone().any(|page| output.is_at(page)) {
                return Err(wrong("this is a page to be graded", "name another file for the report".into()));
            }
            all.push((format.unwrap_or(usual), path.clone(), output));
        }
        Ok(Self(all))
    }
}

fn advice(path: &Path, error: &io::Error) -> String {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match error.kind() {
        io::ErrorKind::NotFound => format!("make the folder {} first, or name another file", folder.display()),
        io::ErrorKind::IsADirectory => "it is a folder: name a file in it".into(),
        io::ErrorKind::InvalidInput => "write FORMAT=FILE, as in json=report.json".into(),
        _ => "name a file that you may write".into(),
    }
}

/// Writes the files, and prints the report in a format; returns whether all files were written. The report of a file that could
/// not be goes to standard output too.
///
/// # Errors
/// When standard output cannot be written.
pub fn print(format: Format, outputs: Outputs, report: &GradeReport) -> miette::Result<bool> {
    let mut printed = vec![format];
    let mut all_written = true;
    for (format, path, output) in outputs.0 {
        let written = text(format, report).and_then(|text| {
            output.write(|out| out.write_all(text.as_bytes())).map_err(|error| miette::miette!("{error}"))
        });
        if let Err(error) = written {
            all_written = false;
            let name = format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
            let path = path.display();
            eprintln!("lectern: {path}: {error}: the {name} report is on standard output instead");
            if !printed.contains(&format) {
                printed.push(format);
            }
        }
    }
    for format in printed {
        match io::stdout().lock().write_all(text(format, report)?.as_bytes()) {
            // Who reads no further wants no more, unless it is all that there is.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe && all_written => break,
            printed => printed.map_err(|error| miette::miette!("standard output: {error}"))?,
        }
    }
    Ok(all_written)
}

fn text(format: Format, report: &GradeReport) -> miette::Result<String> {
    let broken = |error: &dyn std::fmt::Display| miette::miette!("the report: {error}");
    match format {
        Format::Human => Ok(human(report)),
        Format::Json => serde_json::to_string_pretty(report).map(|text| text + "\n").map_err(|error| broken(&error)),
        Format::Junit => junit(report).map_err(|error| broken(&error)),
        Format::Html => Ok(html(report)),
        Format::Tap => Ok(tap(report)),
    }
}
