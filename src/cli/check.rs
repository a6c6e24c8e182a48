//! `lectern check`: what is wrong with pages. Executes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use miette::IntoDiagnostic;

use super::failure::BadUsage;
use crate::check::{self, Disk, Finding, Report, Severity, Surroundings, codes, fix, format};
use crate::files::{self, Access};
use crate::lesson::{Course, CourseConfig};
use crate::session::check_directives;
use crate::{shell, tools};

/// Says what is wrong with pages; nothing is executed.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Pages, or folders of pages.
    #[arg(value_name = "PATH", required_unless_present = "explain")]
    pub paths: Vec<PathBuf>,
    /// How to print the findings.
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// Mend what is mechanical: misspelt annotations, blanks around `=`.
    #[arg(long)]
    pub fix: bool,
    /// Fail on warnings too.
    #[arg(long, value_enum, value_name = "warnings")]
    pub deny: Option<Deny>,
    /// Show notes too, for a person: what lectern has no tool for, wide output.
    #[arg(long)]
    pub notes: bool,
    /// Explain a code and its remedy; `all` for the table of them.
    #[arg(long, value_name = "CODE", conflicts_with_all = ["paths", "fix"])]
    pub explain: Option<String>,
}

/// For whom the findings are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// For a person.
    #[default]
    Human,
    /// For a program: one JSON document.
    Json,
    /// For code hosts and editors: SARIF 2.1.0.
    Sarif,
    /// For GitHub Actions: annotations.
    Github,
}

/// What makes a check fail besides errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Deny {
    /// Warnings.
    Warnings,
}

/// Nothing found that counts.
const CLEAN: u8 = 0;
/// Errors, or warnings that were denied.
const FOUND: u8 = 1;

/// Prints the findings on standard output; answers the exit status: 0, 1 when there are errors (with `--deny warnings`, or warnings), 2
/// for a code that does not exist.
///
/// # Errors
/// When a path cannot be used at all, a mended page cannot be written, or standard output cannot.
pub fn run(args: &Check) -> miette::Result<u8> {
    if let Some(code) = &args.explain {
        return explain(code);
    }
    let mut report = look(args)?;
    if args.fix {
        let mended = mend(&report)?;
        if mended > 0 {
            eprintln!("mended {mended} finding{}", if mended == 1 { "" } else { "s" });
            report = look(args)?;
        }
    }
    let text = match args.format {
        Format::Human => format::human::write(&report, args.notes),
        Format::Json => format::json::write(&report),
        Format::Sarif => format::sarif::write(&report),
        Format::Github => format::github::write(&report),
    };
    print(&text)?;
    let worst = report.findings.iter().map(|finding| finding.severity).max();
    let fails_from = if args.deny == Some(Deny::Warnings) { Severity::Warning } else { Severity::Error };
    Ok(if worst >= Some(fails_from) { FOUND } else { CLEAN })
}

/// The names of the commands that lessons find: tools and builtins.
pub fn commands() -> BTreeSet<String> {
    tools::names().map(str::to_owned).chain(shell::command_names()).collect()
}

/// Checks everything that was named.
fn look(args: &Check) -> miette::Result<Report> {
    let commands = commands();
    let mut report = Report::default();
    for path in &args.paths {
        let (mut course, unusable) = Course::survey(path)?;
        check_directives(&mut course);
        let config = CourseConfig::of(path)?.unwrap_or_default();
        let disk = Disk::of(&course, &config);
        let found = check::course(
            &course,
            &unusable,
            &Surroundings { files: &disk, commands: &commands, lacks: tools::lacks, config },
        );
        // A page that is named twice is looked at twice and said once.
        let seen: BTreeSet<PathBuf> = report.sources.keys().cloned().collect();
        report.pages += found.pages - found.sources.keys().filter(|path| seen.contains(*path)).count();
        report.findings.extend(found.findings.into_iter().filter(|finding| !seen.contains(&finding.path)));
        report.sources.extend(found.sources);
    }
    Ok(report)
}

fn mend(report: &Report) -> miette::Result<usize> {
    let mut by_page: BTreeMap<&PathBuf, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings.iter().filter(|finding| !finding.fix.is_empty()) {
        by_page.entry(&finding.path).or_default().push(finding);
    }
    let mut count = 0;
    for (path, findings) in by_page {
        let Some(source) = report.sources.get(path) else { continue };
        let Some((text, mended)) = fix::mend(path, source, &findings) else { continue };
        files::write(path, Access::Shared, |out| out.write_all(text.as_bytes()))
            .map_err(|error| miette::miette!("{}: cannot be written: {error}", path.display()))?;
        count += mended;
    }
    Ok(count)
}

fn explain(code: &str) -> miette::Result<u8> {
    if code == "all" {
        let rows: String = codes::ALL
            .iter()
            .map(|code| format!("{:<22} {:<8} {}\n", code.id, code.severity.word(), code.what))
            .collect();
        print(&rows)?;
        return Ok(CLEAN);
    }
    let Some(explanation) = codes::find(code) else {
        let ids: Vec<&str> = codes::ALL.iter().map(|known| known.id).collect();
        let help = match similar::get_close_matches(code, &ids, 1, 0.6).first() {
            Some(close) => format!("did you mean `{close}`? `lectern check --explain all` lists all codes"),
            None => "`lectern check --explain all` lists all codes".to_owned(),
        };
        return Err(BadUsage { message: format!("there is no code `{code}`"), help: Some(help) }.into());
    };
    print(&explanation.text())?;
    Ok(CLEAN)
}

fn print(text: &str) -> miette::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.into_diagnostic(),
    }
}
