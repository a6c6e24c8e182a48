//! What the next word of a tool's command line could be: for completing one as it is typed.

use std::sync::Arc;

use super::{Invocation, aws, kubectl};
use crate::target::Target;

/// What could stand in a place of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Candidates {
    /// One of these. They need not begin as the word that was typed, but stand in its place.
    Words(Vec<String>),
    /// A file.
    Files,
}

/// What `word`, which stands behind the invocation's arguments, could be. It asks the cluster for names where names
/// belong; what does not answer has none.
pub async fn complete(call: Invocation, word: &str, target: Arc<Target>) -> Candidates {
    match call.name.as_str() {
        "kubectl" => Box::pin(kubectl::complete(call, word, target)).await,
        "aws" => aws::complete(&call.args, word, &target),
        _ => Candidates::Files,
    }
}
