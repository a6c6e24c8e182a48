//! The lesson's home folder as people see it: `~`, and not the folder where lectern keeps it.

use std::path::Path;

use crate::tools::StdStream;

/// The paths that mean the home folder, the longest first.
#[derive(Debug, Clone, Default)]
pub struct Home(Vec<String>);

impl Home {
    /// The folder by the path that it was made with, and by the one that all links lead to.
    pub fn of(folder: &Path) -> Self {
        let canonical = folder.canonicalize().ok();
        let mut paths: Vec<String> = [Some(folder), canonical.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|path| path.to_str())
            .map(str::to_owned)
            .collect();
        // A home of `/` would be found in every path.
        paths.retain(|path| path.len() > 1);
        paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
        paths.dedup();
        Self(paths)
    }

    /// A whole text as it is shown.
    pub fn shown(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let kept = self.pass(text, &mut out, true);
        debug_assert!(kept.is_empty());
        out
    }

    /// Writes what is shown of a text. Unless it is the last of its stream, its end is given back where it may be the beginning of a path.
    fn pass<'t>(&self, text: &'t str, out: &mut String, last: bool) -> &'t str {
        let mut at = 0;
        while let Some(slash) = text[at..].find('/').map(|slash| at + slash) {
            out.push_str(&text[at..slash]);
            let rest = &text[slash..];
            if !last && self.0.iter().any(|path| path.starts_with(rest)) {
                return rest;
            }
            // A longer name is another folder; what only begins with this one's shows no path either.
            let goes_on = |c: char| c.is_alphanumeric();
            let found = self
                .0
                .iter()
                .find(|path| rest.strip_prefix(path.as_str()).is_some_and(|after| !after.starts_with(goes_on)));
            match found {
                Some(path) => {
                    out.push('~');
                    at = slash + path.len();
                }
                None => {
                    out.push('/');
                    at = slash + 1;
                }
            }
        }
        out.push_str(&text[at..]);
        ""
    }
}

/// Shows output as it comes, piece by piece: a path may be torn between two.
#[derive(Debug)]
pub struct Shown {
    home: Home,
    stdout: String,
    stderr: String,
}

impl Shown {
    /// Nothing was shown yet.
    pub fn new(home: Home) -> Self {
        Self { home, stdout: String::new(), stderr: String::new() }
    }

    /// What is shown of the next piece.
    pub fn next(&mut self, stream: StdStream, piece: &str) -> String {
        let kept = match stream {
            StdStream::Stdout => &mut self.stdout,
            StdStream::Stderr => &mut self.stderr,
        };
        kept.push_str(piece);
        let mut out = String::with_capacity(kept.len());
        *kept = self.home.pass(kept, &mut out, false).to_owned();
        out
    }

    /// What is left to be shown when nothing comes any more.
    pub fn rest(self) -> impl Iterator<Item = (StdStream, String)> {
        let Self { home, stdout, stderr } = self;
        let both = [(StdStream::Stdout, stdout), (StdStream::Stderr, stderr)];
        both.into_iter().filter(|(_, kept)| !kept.is_empty()).map(move |(stream, kept)| (stream, home.shown(&kept)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "cat: /state/x/work/a: no\n/state/x/work\n/state/x/worker /state/x /state/x/work.d \"/state/x/work\" /";
    const SHOWN: &str = "cat: ~/a: no\n~\n/state/x/worker /state/x ~.d \"~\" /";

    #[test]
    fn the_home_folder_is_shown_as_a_tilde_and_nothing_else_is() {
        assert_eq!(Home::of(Path::new("/state/x/work")).shown(TEXT), SHOWN);
        assert_eq!(Home::of(Path::new("/")).shown(TEXT), TEXT);
    }

    #[test]
    fn a_path_may_be_torn_anywhere() {
        let home = Home::of(Path::new("/state/x/work"));
        for cut in (0..=TEXT.len()).filter(|cut| TEXT.is_char_boundary(*cut)) {
            let mut shown = Shown::new(home.clone());
            let mut out = shown.next(StdStream::Stdout, &TEXT[..cut]);
            assert_eq!(shown.next(StdStream::Stderr, "/state"), "");
            out += &shown.next(StdStream::Stdout, &TEXT[cut..]);
            let rest: Vec<(StdStream, String)> = shown.rest().collect();
            assert_eq!(rest.last().map(|(_, text)| text.as_str()), Some("/state"));
            out.extend(rest.into_iter().filter(|(stream, _)| *stream == StdStream::Stdout).map(|(_, text)| text));
            assert_eq!(out, SHOWN, "cut at {cut}");
        }
    }
}
