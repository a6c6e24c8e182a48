//! The command line: one file for each subcommand. Nothing else knows it.

mod bundled;
mod check;
mod compare;
mod config;
mod consent;
mod engine;
mod failure;
mod grade;
mod learn;
mod plan;
mod preview;
mod sandbox;
mod sh;
mod signals;
pub mod steps;
mod target;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::fault;
use crate::front::tui;
use crate::session::state_home;

/// Runs Markdown lessons in the terminal, step by step, in an embedded sandbox.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Lectern {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare an output with what a page expects
    Compare(compare::Compare),
    /// Go through a page or a course in the terminal
    Learn(learn::Learn),
    /// See a page or a course as learners will, while you write it
    Preview(preview::Preview),
    /// Run pages without a person and say what passed
    Grade(grade::Grade),
    /// Look whether the work of pages is there, without doing it again
    Verify(verify::Verify),
    /// Say what pages will call, and what rights that needs, without running anything
    Plan(plan::PlanArgs),
    /// Show the steps of pages as data, without running anything
    Steps(steps::Steps),
    /// Say what is wrong with pages, without running anything
    Check(check::Check),
    /// Run one command line in the lessons' shell
    Sh(sh::Sh),
    /// Print the configuration of the screen, in the form of its file
    Config(config::Config),
    /// Serve an account and a cluster on this machine, for the real aws and kubectl
    Sandbox(sandbox::Sandbox),
}

/// Runs the program with the process's arguments; answers its exit status.
pub fn main() -> ExitCode {
    signals::survive_file_limits();
    fault::install(state_home().join("faults"));
    let status = std::panic::catch_unwind(run).unwrap_or_else(|_| {
        // Its destructor gave the terminal back, unless the panic came while it was being taken.
        tui::give_back();
        failure::INTERNAL
    });
    // What nobody told: of this thread, or of one beside the screen.
    for fault in fault::take_all() {
        eprintln!("{fault}");
    }
    ExitCode::from(status)
}

fn run() -> u8 {
    let lectern = match Lectern::try_parse() {
        Ok(lectern) => lectern,
        Err(error) => {
            drop(error.print());
            return if error.use_stderr() { failure::USAGE } else { 0 };
        }
    };
    let result = match &lectern.command {
        Command::Compare(compare) => compare::run(compare),
        Command::Learn(learn) => learn::run(learn),
        Command::Preview(preview) => preview::run(preview),
        Command::Grade(grade) => grade::run(grade),
        Command::Verify(verify) => verify::run(verify),
        Command::Plan(plan) => plan::run(plan),
        Command::Steps(steps) => steps::run(steps),
        Command::Check(check) => check::run(check),
        Command::Sh(sh) => sh::run(sh),
        Command::Config(config) => config::run(config),
        Command::Sandbox(sandbox) => sandbox::run(sandbox),
    };
    result.unwrap_or_else(|report| failure::report(&report))
}
