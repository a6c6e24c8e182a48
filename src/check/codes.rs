//! The kinds of finding: a code for each, what it is, why it matters, an example, and what to do.

use super::model::Severity;

/// What `lectern check --explain` says of a code.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// Its name, as reports have it.
    pub id: &'static str,
    /// How much it matters unless the finding says otherwise.
    pub severity: Severity,
    /// What it is, in a sentence.
    pub what: &'static str,
    /// Why it matters.
    pub why: &'static str,
    /// A piece of a page that has it.
    pub example: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($code:ident, $id:literal, $severity:ident, $what:literal, $why:literal, $example:literal, $remedy:literal;)*) => {
        /// The kind of a finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code { $(#[doc = $what] $code,)* }

        /// All codes with their explanations, in the order of a page.
        pub const ALL: &[Explanation] = &[$(Explanation {
            code: Code::$code, id: $id, severity: Severity::$severity,
            what: $what, why: $why, example: $example, remedy: $remedy,
        },)*];
    };
}

codes! {
    UnusablePage, "unusable-page", Error,
    "A page without front matter or title, with front matter that is no YAML, that is not UTF-8, or that cannot be read.",
    "lectern cannot show or run it; in a folder it keeps the whole course from opening.",
    "# Pods\n\nSome text.\n",
    "Begin the page with `---`, `title: Pods`, `---`, each on a line of its own, and save it as UTF-8.";

    NoOrder, "no-order", Note,
    "A page without `weight` or `sidebar_position` beside pages that have one.",
    "Its place in the course is then first, by its file's name: seldom what its author wants.",
    "---\ntitle: Clean up\n---\n",
    "Give it a `sidebar_position`.";

    DuplicateOrder, "duplicate-order", Warning,
    "Two pages or folders beside each other with the same `weight` or `sidebar_position`.",
    "Their order then hangs on the names of their files, and changes when one is renamed; steps of the second may need the first.",
    "---\ntitle: Second\nsidebar_position: 10\n---\n",
    "Give each a number of its own.";

    UnclosedFence, "unclosed-fence", Error,
    "A fence that nothing closes.",
    "The rest of the page belongs to it, and its step is not executed.",
    "```bash\n$ kubectl get pods\n\nThe pods are running.\n",
    "Close it with as many backticks as it was opened with.";

    UnknownAnnotation, "unknown-annotation", Warning,
    "A word behind `bash` that means nothing to lectern.",
    "It has no effect. If it is a misspelt annotation, the step runs with the default in its place.",
    "```bash hooktimeout=430\n",
    "Spell it as it is known (`--fix` does so where there is no doubt), or take it away.";

    SpacedAnnotation, "spaced-annotation", Error,
    "Blanks around the `=` of an annotation.",
    "They make three words of it, none of which has the meaning that was wanted.",
    "```bash wait = 30\n",
    "Write it without blanks: `wait=30` (`--fix` does).";

    AnnotationValue, "annotation-value", Error,
    "An annotation with a value that it cannot have.",
    "What is wanted is not known, so the step is not executed.",
    "```bash timeout=2m\n",
    "Times are whole seconds, switches are `true` or `false`, hooks are names without a folder.";

    RepeatedAnnotation, "repeated-annotation", Warning,
    "An annotation that a fence has twice.",
    "The last one counts; whoever changes the first one changes nothing.",
    "```bash wait=10 wait=30\n",
    "Take one away.";

    IdleAnnotations, "idle-annotations", Warning,
    "Annotations on a fence that has no command.",
    "Nothing is executed, so hooks, waits and time limits do nothing.",
    "```bash hook=ready\nkubectl get pods\n```\n",
    "Begin its commands with `$ `, or write `raw=true` to execute all of it.";

    MissingHook, "missing-hook", Error,
    "A hook script that is not there.",
    "The step fails before its first command.",
    "```bash hook=redy\n",
    "Write `tests/hook-NAME.sh` in the page's folder, or correct the name.";

    HookSyntax, "hook-syntax", Error,
    "A hook script that is not bash.",
    "The step fails before its first command.",
    "before() {\n  echo ready\n",
    "Correct the script.";

    HookFunction, "hook-function", Error,
    "A hook script that calls the function named by its argument and does not define `before` or `after`.",
    "Hooks are called with `before` ahead of a step and with `after` behind it: one of the two calls fails.",
    "after() { kubectl get pods; }\n\"$@\"\n",
    "Define both; one that does nothing is `before() { :; }`.";

    TextAboveCommand, "text-above-command", Warning,
    "Text in a fence above its first `$ ` line.",
    "No command prints it, so it is compared with nothing; often it is a command whose prompt was forgotten.",
    "```bash\nkubectl get ns\n$ kubectl get pods\n```\n",
    "Begin the command with `$ `, or move the text out of the fence.";

    EmptyPrompt, "empty-prompt", Warning,
    "A `$ ` with no command behind it.",
    "Nothing is executed.",
    "```bash\n$ \n```\n",
    "Write the command, or take the line away.";

    ForgottenPrompt, "forgotten-prompt", Warning,
    "A line of expected output that is plainly a command.",
    "It is never executed, and since the output below it is not that of the command above, none of it is compared.",
    "```bash\n$ kubectl get ns\nkubectl get pods\n```\n",
    "Put `$ ` ahead of it.";

    UnendedHereDocument, "unended-here-document", Error,
    "A here-document whose closing word does not come.",
    "Everything to the end of the fence becomes part of the document, the expected output included.",
    "$ cat <<EOF\nhello\n EOF\n",
    "Write the word alone on its line, without blanks around it.";

    Directive, "directive", Error,
    "A comment `<!-- lectern: … -->` that stands above no `bash` fence, or that is not understood.",
    "What its author wanted left out of the comparison is compared, and `grade` refuses the page.",
    "<!-- lectern: ignore=/tags -->\n\nSome text.\n",
    "Put the comment right above its fence, with words `ignore=`, `volatile=` or `known=`.";

    CommandSyntax, "command-syntax", Error,
    "A command that bash cannot parse.",
    "The step fails when it comes to it.",
    "$ kubectl get pods | grep 'carts\n",
    "Close what was opened: quotes, brackets, `do` … `done`. A loop over several lines belongs into one command, or into a `raw` fence.";

    ShortTimeout, "short-timeout", Warning,
    "A command that may take longer than its step.",
    "The step's time limit ends it before its own does: what the command would have said of the delay is never seen, and a slow cluster fails the step.",
    "```bash\n$ kubectl wait --for=condition=Ready pod/x --timeout=300s\n```\n",
    "Give the step a `timeout` above the command's own (120 seconds unless said).";

    UnknownTool, "unknown-tool", Note,
    "A command, sub-command or option that no tool of lectern has.",
    "lectern starts no programs by itself, so the step fails.",
    "$ helm list\n",
    "Use what lectern has, or mark the step `test=false`.";

    MissingManifest, "missing-manifest", Error,
    "A file or folder of manifests that is not there.",
    "`kubectl apply -f` and `-k` fail on it; a manifest to show cannot be shown.",
    "$ kubectl apply -k ~/environment/eks-workshop/modules/no-such-folder\n",
    "Correct the path, or add the file.";

    NeverRunElsewhere, "never-run-elsewhere", Warning,
    "A command that the workshop's own runner never executes, or executes cut off.",
    "That runner stops reading a fence at its first blank line, and knows no here-document but `<<EOF`. lectern runs all of it, so what the workshop's tests passed may never have been tried.",
    "```bash\n$ kubectl get ns\n\n$ kubectl get pods\n```\n",
    "Take the blank line away, or give the command a fence of its own; write here-documents with `<<EOF`.";

    NotJson, "not-json", Warning,
    "Expected output that begins as JSON and is none.",
    "It can only be compared line by line, so a difference in order or indentation counts.",
    "$ aws eks list-clusters\n{\n  \"clusters\": [\"a\",]\n}\n",
    "Record the output again, or correct it.";

    NotYaml, "not-yaml", Warning,
    "Expected output of a command that prints YAML, and that is none.",
    "It can only be compared line by line.",
    "$ kubectl get pod x -o yaml\nmetadata:\n  name: x\n namespace: y\n",
    "Record the output again, or correct its indentation.";

    WideOutput, "wide-output", Note,
    "Lines of expected output over 80 columns.",
    "They are cut or wrapped in the usual terminal, and hard to compare by eye.",
    "$ kubectl get pods -o wide\n",
    "Ask for less, with `-o custom-columns` or `--query`; or leave it if the whole is the point.";

    Secret, "secret", Error,
    "What looks like a credential in expected output.",
    "A page is published, and kept in every copy of its history.",
    "$ aws configure get aws_access_key_id\nAKIA…\n",
    "Withdraw the credential, and write a made-up value (AWS's own examples end in EXAMPLE) in its place.";

    MixedAccount, "mixed-account", Warning,
    "Two AWS accounts in the expected outputs of one page.",
    "The outputs were recorded at different times; what belongs together no longer looks so, to the learner and to the comparison.",
    "arn:aws:iam::111122223333:role/a\narn:aws:iam::444455556666:role/b\n",
    "Use one account on a page, `123456789012` by custom.";

    MixedRegion, "mixed-region", Warning,
    "Two AWS regions in the expected outputs of one page.",
    "The outputs were recorded at different times; what belongs together no longer looks so, to the learner and to the comparison.",
    "ip-10-42-1-2.us-west-2.compute.internal\nip-10-42-1-3.eu-west-1.compute.internal\n",
    "Use one region on a page.";

    MixedCluster, "mixed-cluster", Warning,
    "Two cluster names in the expected outputs of one page.",
    "The outputs were recorded at different times; the learner has one cluster.",
    "\"clusterName\": \"eks-workshop\"\n\"clusterName\": \"test-2\"\n",
    "Use one cluster's name on a page.";

    BrokenLink, "broken-link", Warning,
    "A link to a page or file of this site that is not there.",
    "Who follows it finds nothing.",
    "[the next page](./no-such-page.md)\n",
    "Correct the path.";

    BrokenAnchor, "broken-anchor", Warning,
    "A link to a heading that its page does not have.",
    "Who follows it lands at the top of the page.",
    "[below](#no-such-heading)\n",
    "Correct the name, or give the heading that id: `## Title {#name}`.";

    BrokenImage, "broken-image", Warning,
    "A picture that is not there.",
    "The page shows an empty frame.",
    "![architecture](./no-such-picture.png)\n",
    "Add the picture, or correct the path.";
}

impl Code {
    fn explanation(self) -> &'static Explanation {
        // The table is made with the codes, in their order.
        &ALL[self as usize]
    }

    /// Its name, as reports have it.
    pub fn id(self) -> &'static str {
        self.explanation().id
    }

    /// How much it matters.
    pub fn severity(self) -> Severity {
        self.explanation().severity
    }

    /// Its place in [`ALL`].
    pub fn place(self) -> usize {
        self as usize
    }
}

/// The explanation of the code with that name.
pub fn find(id: &str) -> Option<&'static Explanation> {
    ALL.iter().find(|explanation| explanation.id == id)
}

impl Explanation {
    /// The whole explanation, for a person.
    pub fn text(&self) -> String {
        let example: String = self.example.lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "{} ({})\n\n{}\n\nWhy it matters: {}\n\nExample:\n\n{example}\nWhat to do: {}\n",
            self.id,
            self.severity.word(),
            self.what,
            self.why,
            self.remedy
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_every_code_at_its_place() {
        for (place, explanation) in ALL.iter().enumerate() {
            assert_eq!(explanation.code.place(), place);
            assert_eq!(find(explanation.id).map(|found| found.code), Some(explanation.code));
            assert!(explanation.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", explanation.id);
            for text in [explanation.what, explanation.why, explanation.example, explanation.remedy] {
                assert!(!text.trim().is_empty(), "{}", explanation.id);
            }
        }
        assert!(find("no-such-code").is_none());
    }
}
