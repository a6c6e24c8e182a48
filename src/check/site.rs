//! Where a page's links and manifests lead.

use std::path::{Component, Path, PathBuf};

use super::files::{FileKind, Files};
use crate::lesson::CourseConfig;

/// The folders that a page's paths are relative to.
pub(super) struct Site<'a> {
    pub(super) files: &'a dyn Files,
    /// The page's folder.
    pub(super) folder: PathBuf,
    /// The nearest folder `website` above the page: the root of the pages' own addresses.
    pub(super) website: Option<PathBuf>,
    /// Where lessons see a folder, as `~/…`, and where it is.
    maps: Vec<(String, PathBuf)>,
}

impl<'a> Site<'a> {
    pub(super) fn of(page: &Path, files: &'a dyn Files, config: &CourseConfig) -> Self {
        let folder = page.parent().unwrap_or(Path::new("")).to_owned();
        let full = files.full(if folder.as_os_str().is_empty() { Path::new(".") } else { &folder });
        let websites = || full.ancestors().filter(|above| above.file_name().is_some_and(|name| name == "website"));
        let website = websites().next().map(Path::to_owned);
        let mut maps: Vec<(String, PathBuf)> =
            config.map.iter().map(|(at, folder)| (home(at.trim_end_matches('/')), folder.clone())).collect();
        if maps.is_empty() {
            // As a session maps it: the folder `manifests` beside the nearest `website` that has one.
            let manifests = websites()
                .filter_map(|website| Some(website.parent()?.join("manifests")))
                .find(|manifests| files.kind(manifests) == Some(FileKind::Folder));
            maps.extend(manifests.map(|manifests| ("~/environment/eks-workshop".to_owned(), manifests)));
        }
        Self { files, folder, website, maps }
    }

    /// Where a path of a lesson's shell is; `None` when it is in no mapped folder, so that nothing is known of it.
    pub(super) fn mapped(&self, path: &str) -> Option<PathBuf> {
        let path = home(path);
        self.maps.iter().find_map(|(at, folder)| {
            let rest = path.strip_prefix(at.as_str())?;
            let rest = if rest.is_empty() { rest } else { rest.strip_prefix('/')? };
            Some(plain(&folder.join(rest)))
        })
    }

    /// Where a path as `manifests/modules/…` of a `::yaml` or a `file` fence is.
    pub(super) fn manifest(&self, path: &str) -> Option<PathBuf> {
        let beside = self.website.as_ref()?.parent()?;
        let real = plain(&beside.join(path.trim_start_matches('/')));
        // A part of the site that is not here at all says nothing of what is in it.
        let first = beside.join(real.strip_prefix(beside).ok()?.components().next()?);
        (self.files.kind(&first) == Some(FileKind::Folder)).then_some(real)
    }
}

/// The ways of naming the home folder, as one.
fn home(path: &str) -> String {
    ["$HOME", "${HOME}"]
        .iter()
        .find_map(|name| path.strip_prefix(name).filter(|rest| rest.is_empty() || rest.starts_with('/')))
        .map_or_else(|| path.to_owned(), |rest| format!("~{rest}"))
}

/// The path without `.` and `..`.
pub(super) fn plain(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
