//! The options that say where calls go and how time passes: the same in every subcommand.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure::BadUsage;
use crate::shell;
use crate::target::{Kind, Programs};

/// Where calls go, and how time passes.
#[derive(Debug, Clone, Args)]
pub struct TargetOptions {
    /// Where calls go
    #[arg(long, value_enum, default_value = "sandbox")]
    pub target: TargetName,
    /// What the sandbox starts with: a bundled scenario's name, or a folder (with a slash in its path)
    #[arg(long, value_name = "NAME|DIR")]
    pub scenario: Option<String>,
    /// Show the lesson a folder, read-only, at a path below its home
    #[arg(long = "map", value_name = "LESSON_PATH=DIR", value_parser = map)]
    pub maps: Vec<(String, PathBuf)>,
    /// In the sandbox, let time go N times faster while everything only waits
    #[arg(long, value_name = "N", default_value = "1", value_parser = speed)]
    pub speed: f64,
    /// Leave out the waits behind steps
    #[arg(long)]
    pub no_wait: bool,
    /// Say yes to changes in a live account
    #[arg(long)]
    pub yes: bool,
    /// Programs of this machine that lessons may start, by name; none without it
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub allow: Vec<String>,
}

impl TargetOptions {
    /// The programs that are allowed.
    ///
    /// # Errors
    /// When one is not there, or is part of the shell itself.
    pub fn programs(&self) -> Result<Programs, BadUsage> {
        let own: Vec<String> = shell::command_names().collect();
        if let Some(name) = self.allow.iter().find(|name| own.contains(name)) {
            let message = format!("--allow {name}: `{name}` is part of the lessons' shell");
            return Err(BadUsage { message, help: Some("it is there without --allow".into()) });
        }
        Programs::find(&self.allow).map_err(|error| BadUsage {
            message: format!("--allow: {error}"),
            help: Some("write names of programs in PATH, as in --allow helm,curl".into()),
        })
    }
}

/// Sandbox or live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TargetName {
    /// The embedded one
    Sandbox,
    /// Your own account and cluster
    Live,
}

impl From<TargetName> for Kind {
    fn from(name: TargetName) -> Self {
        match name {
            TargetName::Sandbox => Kind::Sandbox,
            TargetName::Live => Kind::Live,
        }
    }
}

/// Reads a folder that a lesson sees.
///
/// # Errors
/// When it is no folder, or the path is not below the lesson's home.
pub fn map(text: &str) -> Result<(String, PathBuf), BadUsage> {
    let wrong = |message: String| BadUsage { message, help: None };
    let (at, folder) = text
        .split_once('=')
        .ok_or_else(|| wrong("write LESSON_PATH=DIR, as in ~/environment/eks-workshop=./manifests".into()))?;
    let inside = at.trim_start_matches("~/");
    if inside.is_empty() || inside.starts_with('/') || inside.split('/').any(|part| part == "..") {
        return Err(wrong(format!("`{at}` is not a path below the lesson's home")));
    }
    let folder = PathBuf::from(folder);
    if !folder.is_dir() {
        return Err(wrong(format!("`{}` is not a folder", folder.display())));
    }
    Ok((inside.to_owned(), folder))
}

/// Reads a speed.
///
/// # Errors
/// When it is no number, or below 1.
pub fn speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if speed.is_finite() && speed >= 1.0 => Ok(speed),
        _ => Err("a speed is a number, 1 or more".into()),
    }
}
