//! `lectern plan`: what pages will call, from their commands alone.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::failure;
use super::target;
use crate::lesson::CourseConfig;
use crate::plan::{Plan, human, policy, roles};
use crate::session::{lesson_files, open_course};
use crate::tools::yaml::{Dialect, to_yaml};

/// Say what pages will call, and what rights that needs, without running anything.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// A page, or a folder of pages
    #[arg(value_name = "PAGE|FOLDER")]
    path: PathBuf,
    /// What is printed
    #[arg(long, value_enum, default_value = "human")]
    format: Format,
    /// Show the lesson a folder, read-only, at a path below its home
    #[arg(long = "map", value_name = "LESSON_PATH=DIR", value_parser = target::map)]
    maps: Vec<(String, PathBuf)>,
}

/// A form of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Human,
    /// For programs: every call of every step
    Json,
    /// The least IAM policy that the pages need, as a policy document
    Iam,
    /// The least RBAC roles that the pages need, as manifests
    Rbac,
}

/// Prints the plan; answers the exit status.
///
/// # Errors
/// When a page or folder cannot be used, or standard output cannot be written.
pub fn run(args: &PlanArgs) -> miette::Result<u8> {
    let course = open_course(&args.path)?;
    let config = CourseConfig::of(&args.path)?.unwrap_or_default();
    let home = tempfile::tempdir().map_err(|error| miette::miette!("a folder: {error}"))?;
    let files = lesson_files(&args.path, &args.maps, &config, home.path()).map_err(failure::session)?;
    let plan = Plan::of(&course, &files);
    let json = |value: &serde_json::Value| format!("{value:#}\n");
    let text = match args.format {
        Format::Human => human(&plan),
        Format::Json => json(&serde_json::to_value(&plan).map_err(|error| miette::miette!("the plan: {error}"))?),
        Format::Iam => json(&policy(&plan)),
        Format::Rbac => {
            let roles: Vec<String> = roles(&plan).iter().map(|role| to_yaml(role, Dialect::Kubectl)).collect();
            roles.join("---\n")
        }
    };
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(miette::miette!("standard output: {error}")),
        _ => Ok(0),
    }
}
