//! What commands would do to a target, looked at instead of done.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// What was claimed since it was last taken. A target that has one is looked at only: commands that would change something
/// say here what should be there if that was done, and whether it is. Cheap to clone; all clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    claims: Arc<Mutex<Vec<Claim>>>,
    /// The command that claims: `kubectl set image`.
    command: String,
    /// How many claims this command has made.
    made: Arc<AtomicUsize>,
    /// What runs now, for those who start it.
    at: Arc<Mutex<[usize; 3]>>,
}

/// One thing that is or is not as a command would leave it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Claim {
    /// What ran when it was made: numbers of lesson, step and command, from 0.
    #[serde(skip)]
    pub at: [usize; 3],
    /// The command that makes it so: `kubectl set image`.
    pub command: String,
    /// What the claim is about.
    pub subject: Subject,
    /// What should be the case.
    #[serde(flatten)]
    pub state: Claimed,
    /// When what was found came to be, if it tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A thing in an account or a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Subject {
    /// `kubernetes`, `eks`, `iam`; `sandbox` for all of it.
    pub service: String,
    /// `deployments.apps`, `pod-identity-association`.
    pub kind: String,
    /// Its namespace; empty for what has none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Its name, or what singles it out.
    pub name: String,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { service, kind, namespace, name } = self;
        if service != "kubernetes" {
            write!(f, "{service} ")?;
        }
        write!(f, "{kind} {name}")?;
        if namespace.is_empty() { Ok(()) } else { write!(f, " in {namespace}") }
    }
}

/// What should be the case.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "should", rename_all = "kebab-case")]
pub enum Claimed {
    /// It is there, with these fields.
    BePresent {
        /// Whether it is there.
        found: bool,
        /// The fields, each with what was found.
        fields: Vec<Field>,
    },
    /// It is not there.
    BeAbsent {
        /// Whether it is there.
        found: bool,
    },
    /// Everything is as at a beginning: what was done before counts no more.
    BeginAnew,
    /// What was to be done leaves nothing that can be looked at, or cannot be told.
    NotTell {
        /// Why.
        why: String,
    },
}

/// A field of a thing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Field {
    /// Where it is: `spec.template.spec.containers[name=carts].image`.
    pub path: String,
    /// What it should be; `null` where it should not be.
    pub expected: Value,
    /// What it is; nothing where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Value>,
    /// Whether that is right.
    pub holds: bool,
}

impl Claim {
    /// Whether what should be the case is so; `None` where that cannot be told.
    pub fn holds(&self) -> Option<bool> {
        match &self.state {
            Claimed::BePresent { found, fields } => Some(*found && fields.iter().all(|field| field.holds)),
            Claimed::BeAbsent { found } => Some(!found),
            Claimed::BeginAnew | Claimed::NotTell { .. } => None,
        }
    }
}

impl Effects {
    /// The same for the claims of one command.
    pub fn of(&self, command: &str) -> Self {
        let (claims, at) = (Arc::clone(&self.claims), Arc::clone(&self.at));
        Self { claims, command: command.to_owned(), made: Arc::default(), at }
    }

    /// What runs from now on.
    pub fn now_runs(&self, at: [usize; 3]) {
        *self.at.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    /// Adds a claim.
    pub fn claim(&self, subject: Subject, state: Claimed, since: Option<Timestamp>) {
        self.made.fetch_add(1, Ordering::Relaxed);
        let at = *self.at.lock().unwrap_or_else(PoisonError::into_inner);
        self.lock().push(Claim { at, command: self.command.clone(), subject, state, since });
    }

    /// Whether this command has claimed anything.
    pub fn any(&self) -> bool {
        self.made.load(Ordering::Relaxed) > 0
    }

    /// Takes all claims since the last time.
    pub fn take(&self) -> Vec<Claim> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Claim>> {
        self.claims.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
