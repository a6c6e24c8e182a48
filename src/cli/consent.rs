//! The question before a lesson changes something in a live account.

use std::io::{self, BufRead, IsTerminal, Write};

use super::failure::NoTarget;
use crate::session::Prepared;
use crate::target::Identity;

/// What a step is told whose call is stopped.
pub const UNASKED: &str = "nobody has said yes to changes in this account and cluster; say it with --yes";

/// Names account and cluster and waits for a yes. Without a terminal and without `--yes` nothing may be changed.
///
/// # Errors
/// When the person says no, or the terminal does not answer.
pub fn ask(prepared: &mut Prepared, yes: bool) -> miette::Result<()> {
    let Some(identity) = prepared.live() else { return Ok(()) };
    if yes {
        return Ok(());
    }
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        prepared.forbid_changes(UNASKED);
        return Ok(());
    }
    let broken = |error: io::Error| miette::miette!("the terminal: {error}");
    let mut screen = io::stderr().lock();
    write!(screen, "{}", question(identity)).and_then(|()| screen.flush()).map_err(broken)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(broken)?;
    match answer.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(NoTarget {
            message: "nothing was run: a live target needs a yes".into(),
            help: Some("leave out `--target live` to use the sandbox".into()),
        }
        .into()),
    }
}

fn question(identity: &Identity) -> String {
    let known = |value: &Option<String>| value.as_deref().unwrap_or("unknown").to_owned();
    format!(
        "The lesson's steps run live, and what they change stays changed:\n  account   {}\n  as        {}\n  region    {}\n  cluster   {}\nGo on? [y/N] ",
        known(&identity.account),
        known(&identity.principal),
        known(&identity.region),
        known(&identity.cluster)
    )
}
