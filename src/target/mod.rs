//! Where calls go, and as whom: the sandbox or a live account and cluster. Everything outside is resolved once, at the
//! start, from the person's own environment and files; never from a lesson's shell.

mod aws;
mod calls;
mod effects;
mod eks_token;
mod error;
mod https;
mod kube;
mod live;
mod login;
mod model;
mod programs;

pub use aws::{AwsClients, WireAnswer};
pub use calls::{CallRecord, Calls};
pub use effects::{Claim, Claimed, Effects, Field, Subject};
pub use eks_token::EksToken;
pub use error::TargetError;
pub use kube::{ApiPath, KubeClient, KubeOptions, KubeOverrides};
pub use model::{AwsOptions, Identity, Keys, Kind, Target};
pub use programs::{ProgramError, Programs};
