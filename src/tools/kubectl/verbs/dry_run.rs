//! `--dry-run`, and the line that tells what a command did to an object.

use serde_json::Value;

use crate::tools::kubectl::error::Failure;
use crate::tools::kubectl::print::object::ObjectPrinter;
use crate::tools::kubectl::resources::Object;
use crate::tools::kubectl::session::Session;

/// How much of a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryRun {
    /// All of it.
    No,
    /// Nothing is sent.
    Client,
    /// The server goes through it and keeps nothing.
    Server,
}

impl DryRun {
    /// What `--dry-run` says.
    ///
    /// # Errors
    /// When it says anything else than kubectl knows.
    pub async fn of(session: &Session) -> Result<Self, Failure> {
        match session.options.text("dry-run") {
            "" | "none" | "false" => Ok(Self::No),
            "client" => Ok(Self::Client),
            "server" => Ok(Self::Server),
            "unchanged" | "true" => {
                session
                    .log_warning("helpers.go:703", "--dry-run is deprecated and can be replaced with --dry-run=client.")
                    .await?;
                Ok(Self::Client)
            }
            other => Err(Failure::message(format!(
                "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
            ))),
        }
    }

    /// The query parameter for the server.
    pub fn query(self) -> &'static str {
        if self == Self::Server { "All" } else { "" }
    }

    /// What stands behind the line of what was done.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::No => "",
            Self::Client => " (dry run)",
            Self::Server => " (server dry run)",
        }
    }
}

/// Prints an object, or the line of what was done to it: `deployment.apps/web scaled`.
///
/// # Errors
/// When a template does not fit, or nobody reads the output any more.
pub async fn tell(
    session: &Session,
    printer: &mut Option<ObjectPrinter>,
    object: &Object,
    value: &Value,
    done: &str,
    dry: DryRun,
) -> Result<(), Failure> {
    let text = match printer {
        Some(printer) if !printer.is_name() => printer.print(value)?,
        Some(_) => format!("{}\n", object.title()).into(),
        None => format!("{} {done}{}\n", object.title(), dry.suffix()).into(),
    };
    session.print(text).await
}

/// The failure of a command that names no resource.
pub fn no_resource(session: &Session) -> Option<Failure> {
    (session.options.args.is_empty() && !session.has_files()).then(|| {
        Failure::message(
            "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'",
        )
    })
}
