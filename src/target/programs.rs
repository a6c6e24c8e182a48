//! Programs that the person allowed by name, and what they are given to reach the target.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::live::is_kept_from_lessons;
use super::model::Place;
use super::{Target, TargetError};
use crate::sandbox::serve::Serving;

/// Where the sandbox answers while a program is allowed: any free port that only this machine reaches.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What a program gets of the process's environment in a sandbox: where programs are, how a terminal speaks, the time zone.
const PLAIN: &[&str] = &["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TERM", "TMPDIR", "TZ", "USER"];

/// What a program takes of the served sandbox; the rest it has from the lesson's shell.
const SERVED: &[&str] = &["KUBECONFIG", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Variables that make a program load or contact what the lesson chooses.
const LEADING: &[&str] = &["DYLD_", "GIT_", "HELM_", "NODE_", "PERL5", "PYTHON", "RUBY", "SSL_CERT_", "CURL_"];

/// Why a program cannot be allowed.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is not a name, as it would be written in a lesson.
    #[error("`{0}` is not the name of a program: a name has no slash and is not empty")]
    NotAName(String),
    /// There is none.
    #[error("there is no program `{0}` in PATH")]
    NotFound(String),
}

/// The programs that the person allowed, and where they are. By default there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Finds programs in the PATH of this process, once: what a lesson does to its own PATH changes nothing.
    ///
    /// # Errors
    /// When one is not a name, or is not there.
    pub fn find(names: &[String]) -> Result<Self, ProgramError> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
        let mut found = BTreeMap::new();
        for name in names {
            if name.is_empty() || name.contains('/') || name.starts_with('-') {
                return Err(ProgramError::NotAName(name.clone()));
            }
            let mut places = folders.iter().map(|folder| folder.join(name));
            let program = places.find(|path| is_program(path)).ok_or_else(|| ProgramError::NotFound(name.clone()))?;
            found.insert(name.clone(), program);
        }
        Ok(Self(found))
    }

    /// Where the program of that name is, if it is allowed.
    pub fn path(&self, name: &str) -> Option<&Path> {
        self.0.get(name).map(PathBuf::as_path)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

impl Target {
    /// The same target for a session in which these programs are allowed.
    #[must_use]
    pub fn allowing(mut self, programs: Programs) -> Self {
        self.programs = programs;
        self
    }

    /// The programs that are allowed.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The whole environment of a program. `exported` is what the lesson's shell exports, of which nothing is taken that
    /// would make a program load or contact what the lesson chooses; `home` is the lesson's.
    ///
    /// The sandbox is served on a loopback port from the first program on, as long as the target is there.
    ///
    /// # Errors
    /// When the sandbox cannot be served.
    pub async fn program_environment(
        &self,
        exported: &BTreeMap<String, String>,
        home: &Path,
    ) -> Result<BTreeMap<String, String>, TargetError> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        let mut own: BTreeMap<String, String> = std::env::vars_os().filter_map(text).collect();
        let lesson = exported.iter().filter(|(name, _)| may_be_told(name));
        let lesson = lesson.map(|(name, value)| (name.clone(), value.clone()));
        match &self.place {
            Place::Live(_) => {
                own.extend(lesson);
                Ok(own)
            }
            Place::Sandbox(sandbox) => {
                let serve = async || Serving::start(sandbox, &self.clock, LOOPBACK, None).await;
                let serving = self.served.get_or_try_init(serve).await?;
                own.retain(|name, _| PLAIN.contains(&name.as_str()));
                own.extend(lesson);
                own.insert("HOME".into(), home.display().to_string());
                let served = serving.environment().iter().filter(|(name, _)| SERVED.contains(&name.as_str()));
                own.extend(served.map(|(name, value)| (name.clone(), value.clone())));
                Ok(own)
            }
        }
    }
}

fn may_be_told(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let leads = LEADING.iter().any(|start| upper.starts_with(start));
    let account = matches!(upper.as_str(), "AWS_PROFILE" | "AWS_CONFIG_FILE" | "AWS_SHARED_CREDENTIALS_FILE");
    !leads && !account && !is_kept_from_lessons(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_by_name() {
        let found = Programs::find(&["sh".to_owned()]).unwrap();
        assert!(found.path("sh").is_some_and(Path::is_absolute));
        assert_eq!(found.path("env"), None);
        assert_eq!(found.names().collect::<Vec<_>>(), ["sh"]);
        for name in ["", "/bin/sh", "../sh", "-c"] {
            assert!(matches!(Programs::find(&[name.to_owned()]), Err(ProgramError::NotAName(_))), "{name}");
        }
        assert!(matches!(Programs::find(&["no-such-program".to_owned()]), Err(ProgramError::NotFound(_))));
    }

    #[test]
    fn a_lesson_leads_no_program_elsewhere() {
        for name in [
            "LD_PRELOAD",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "HOME",
            "KUBECONFIG",
            "AWS_ENDPOINT_URL_EKS",
            "AWS_PROFILE",
            "AWS_CONFIG_FILE",
            "AWS_ACCESS_KEY_ID",
            "https_proxy",
            "BASH_ENV",
            "PYTHONPATH",
            "HELM_PLUGINS",
        ] {
            assert!(!may_be_told(name), "{name}");
        }
        for name in ["AWS_REGION", "EKS_CLUSTER_NAME", "LBC_CHART_VERSION", "LANG"] {
            assert!(may_be_told(name), "{name}");
        }
    }
}
