//! What goes wrong on the way, in AWS CLI v2's words and with its exit statuses
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-usage-returncodes.html>).

use super::super::Status;

/// The line under every usage error.
pub(super) const USAGE: &str = "usage: aws [options] <command> <subcommand> [<subcommand> ...] [parameters]
To see help text, you can run:

  aws help
  aws <command> help
  aws <command> <subcommand> help
";

/// A command that ends without its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub status: Status,
    /// What goes to standard error, to the last newline.
    pub text: String,
}

impl Failure {
    /// The command line cannot be understood.
    pub fn usage(message: impl AsRef<str>) -> Self {
        Self { status: 252, text: format!("\n{USAGE}\naws: error: {}\n\n", message.as_ref()) }
    }

    /// A service that the AWS CLI has and lectern has not.
    pub fn elsewhere(service: &str) -> Self {
        Self::parameter(format!(
            "lectern has no {service} natively: its aws makes the calls of eks, iam and sts. With --allow aws lectern \
             lets the AWS CLI of this machine run instead."
        ))
    }

    /// Options that the operation does not have.
    pub fn unknown_options(options: &[String]) -> Self {
        Self { status: 252, text: format!("\n{USAGE}\nUnknown options: {}\n\n", options.join(", ")) }
    }

    /// A value that cannot be right, seen before any call.
    pub fn parameter(message: impl AsRef<str>) -> Self {
        Self::plain(252, message)
    }

    /// A value that does not parse.
    pub fn parsing(option: &str, message: impl AsRef<str>) -> Self {
        Self::parameter(format!("Error parsing parameter '--{option}': {}", message.as_ref()))
    }

    /// The environment or the configuration is not usable.
    pub fn configuration(message: impl AsRef<str>) -> Self {
        Self::plain(253, message)
    }

    /// The service refused.
    pub fn service(message: impl AsRef<str>) -> Self {
        Self::plain(254, message)
    }

    /// Anything else.
    pub fn general(message: impl AsRef<str>) -> Self {
        Self::plain(255, message)
    }

    fn plain(status: Status, message: impl AsRef<str>) -> Self {
        Self { status, text: format!("\n{}\n", message.as_ref()) }
    }
}
