//! The author's home folder: what the page shows as `/home/ec2-user/…` is `~/…` for the learner.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::phrase::Judge;

/// A home folder as Linux and macOS have them, where a word of a path begins.
static FOLDER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"(^|[\s"'`=:(\[,])(/(?:home|Users)/[A-Za-z_][A-Za-z0-9_.-]*|/root)(/|[\s"'`:)\],]|$)"#).ok()
});

/// The page's text with the author's home folder as `~`, where the output has `~` and not that folder.
pub(super) fn as_tilde<'t>(judge: &mut Judge<'_>, expected: Cow<'t, str>, actual: &str) -> Cow<'t, str> {
    let Some(folder) = FOLDER.as_ref().filter(|_| actual.contains('~') && expected.contains('/')) else {
        return expected;
    };
    let Some(found) = folder.captures(&expected).and_then(|found| found.get(2)).map(|found| found.as_str().to_owned())
    else {
        return expected;
    };
    if actual.contains(&found) || expected.contains("~/") {
        return expected;
    }
    judge.findings.accept(&found, "~", "the author's home folder");
    let replaced = folder.replace_all(&expected, |groups: &regex::Captures<'_>| {
        let folder = if groups[2] == found { "~" } else { &groups[2] };
        format!("{}{folder}{}", &groups[1], &groups[3])
    });
    Cow::Owned(replaced.into_owned())
}

#[cfg(test)]
mod tests {
    use crate::compare::{Bindings, Case, Comparison, Known, Outcome, compare};

    fn judge(expected: &str, actual: &str) -> Comparison {
        let case = Case { command: "x", expected, actual, exit_status: 0 };
        compare(&case, &Known::default(), &Bindings::default()).0
    }

    #[test]
    fn the_authors_home_is_the_learners_and_no_other_folder_is() {
        for (expected, actual, same) in [
            ("/home/ec2-user/environment/a.jpg", "~/environment/a.jpg", true),
            ("in /home/ec2-user/.kube/config", "in ~/.kube/config", true),
            ("/Users/me", "~", true),
            ("/root/a\n/root/b", "~/a\n~/b", true),
            ("/home/ec2-user/a", "~/b", false),
            ("/home/ec2-user/a\n/home/other/a", "~/a\n~/a", false),
            ("/home/ec2-user/a", "/home/ec2-user/a", true),
            ("/home/ec2-user/a", "/etc/a", false),
            ("/opt/home/x/a", "~/a", false),
        ] {
            let comparison = judge(expected, actual);
            assert_eq!(comparison.verdict == Outcome::Match, same, "{expected} {actual}: {comparison:?}");
        }
        assert_eq!(judge("/root/a", "~/a").accepted[0].reason, "the author's home folder");
    }
}
