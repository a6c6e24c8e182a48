//! Landlock: the kernel holds the shell's threads to their folders.
//!
//! A thread that restricts itself passes the restriction on to the threads that it starts, and no other. Redirects,
//! globs, `source` and `cd` use the file system directly; this is what bounds them. What Landlock does not cover: chmod,
//! stat and access, UDP, and sockets by path.

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};

use super::Confinement;
use crate::files::Below;

/// Restricts the calling thread, for ever: reading in `readable` and `writable`, writing in `writable`, `/dev/null` by name, no
/// execution, no TCP.
pub(super) fn restrict(writable: &[Below], readable: &[Below]) -> Confinement {
    match try_restrict(writable, readable) {
        Ok(RulesetStatus::NotEnforced) => Confinement::NoLandlock("this kernel does not offer Landlock".into()),
        Ok(_) => Confinement::Full,
        Err(error) => Confinement::NoLandlock(error.to_string()),
    }
}

fn try_restrict(writable: &[Below], readable: &[Below]) -> Result<RulesetStatus, RulesetError> {
    // The newest set of rights that the rules below were thought through for; older kernels enforce what they know.
    let abi = ABI::V6;
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let everything = AccessFs::from_all(abi);
    let write = everything & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(everything)?
        .handle_access(AccessNet::from_all(abi))?
        .scope(Scope::from_all(abi))?
        .create()?;
    for folder in readable {
        ruleset = ruleset.add_rule(PathBeneath::new(folder.dir(), read))?;
    }
    for folder in writable {
        ruleset = ruleset.add_rule(PathBeneath::new(folder.dir(), write))?;
    }
    if let Ok(fd) = PathFd::new("/dev/null") {
        ruleset =
            ruleset.add_rule(PathBeneath::new(fd, AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::Truncate))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}
