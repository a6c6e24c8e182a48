//! Pages with one slip each: the finding and its place; and what looks like a slip and is none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::*;

/// Files that exist in a test only.
#[derive(Default)]
struct Imagined(BTreeMap<PathBuf, String>);

impl Imagined {
    fn of(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), (*text).to_owned())).collect())
    }
}

impl Files for Imagined {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        if self.0.contains_key(path) {
            return Some(FileKind::File);
        }
        self.0.keys().any(|file| file.starts_with(path)).then_some(FileKind::Folder)
    }

    fn full(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    fn text(&self, path: &Path) -> Option<String> {
        self.0.get(path).cloned()
    }
}

const PAGE: &str = "/site/website/docs/pods/page.md";

fn files() -> Imagined {
    Imagined::of(&[
        (PAGE, ""),
        ("/site/website/docs/pods/other.md", "---\ntitle: Other\n---\n## Clean up\n## Own {#named}\n"),
        ("/site/website/docs/pods/picture.png", ""),
        ("/site/website/docs/jobs/index.md", "---\ntitle: Jobs\n---\n"),
        ("/site/website/static/img/logo.png", ""),
        ("/site/manifests/modules/pods/pod.yaml", ""),
        ("/site/manifests/modules/pods/kustomization.yaml", ""),
        ("/site/manifests/modules/bare/pod.yaml", ""),
        ("/site/website/docs/pods/tests/hook-good.sh", "before() { :; }\nafter() { :; }\n\"$@\"\n"),
        ("/site/website/docs/pods/tests/hook-half.sh", "before() { :; }\n\"$@\"\n"),
        ("/site/website/docs/pods/tests/hook-open.sh", "before() {\n"),
        ("/site/website/docs/pods/tests/hook-other.sh", "case $1 in before) ;; after) ;; esac\n"),
    ])
}

/// A kubectl that has everything but one word.
fn lacks(name: &str, words: &[String]) -> Option<String> {
    (name == "kubectl" && words.iter().any(|word| word == "debug")).then(|| "kubectl debug".to_owned())
}

fn check_page(body: &str) -> Vec<Finding> {
    let text = format!("---\ntitle: x\n---\n{body}");
    let lesson = Lesson::parse(Path::new(PAGE), text.as_bytes()).unwrap();
    let commands: BTreeSet<String> =
        ["kubectl", "aws", "jq", "cat", "echo", "grep", "sleep", "timeout", "envsubst", "yq"].map(str::to_owned).into();
    let files = files();
    let mut findings =
        page(&lesson, &Surroundings { files: &files, commands: &commands, lacks, config: CourseConfig::default() });
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

/// `code line:column-endColumn`, the front matter's three lines left out.
fn said(body: &str) -> Vec<String> {
    let findings = check_page(body);
    let place = |f: &Finding| format!("{} {}:{}-{}", f.code.id(), f.span.line - 3, f.span.column, f.end.column);
    findings.iter().map(place).collect()
}

fn step(command_and_output: &str) -> String {
    format!("```bash\n{command_and_output}\n```\n")
}

#[test]
fn annotations_and_fences() {
    for (body, expected) in [
        ("```bash hooktimeout=430\n$ echo\n```\n", vec!["unknown-annotation 1:9-24"]),
        ("```bash wait = 30 timeout=5\n$ echo\n```\n", vec!["spaced-annotation 1:9-18"]),
        ("```bash wait= 30\n$ echo\n```\n", vec!["spaced-annotation 1:9-17"]),
        ("```bash wait =30\n$ echo\n```\n", vec!["spaced-annotation 1:9-17"]),
        ("```bash timeout=2m\n$ echo\n```\n", vec!["annotation-value 1:9-19"]),
        ("```bash wait=1 wait=2\n$ echo\n```\n", vec!["repeated-annotation 1:16-22"]),
        ("```bash wait=1\necho\n```\n", vec!["idle-annotations 1:1-15"]),
        ("```bash\n$ echo\n", vec!["unclosed-fence 1:1-8"]),
        ("```bash\nabove\n$ echo\n```\n", vec!["text-above-command 2:1-6"]),
        ("```bash\n$ \n```\n", vec!["empty-prompt 2:1-3"]),
        ("```bash\n$ kubectl get ns\nkubectl get pods -n x\n```\n", vec!["forgotten-prompt 3:1-22"]),
        ("```bash timeout=5 wait=30 test=true\n$ echo\n```\n", vec![]),
    ] {
        assert_eq!(said(body), expected, "{body}");
    }
}

#[test]
fn hooks() {
    assert!(said("```bash hook=good\n$ echo\n```\n").is_empty());
    assert!(said("```bash hook=other\n$ echo\n```\n").is_empty(), "it tells its calls apart by itself");
    assert_eq!(said("```bash hook=half\n$ echo\n```\n"), ["hook-function 1:9-18"]);
    assert!(check_page("```bash hook=half\n$ echo\n```\n")[0].message.contains("does not define `after`"));
    assert_eq!(said("```bash hook=open\n$ echo\n```\n"), ["hook-syntax 1:9-18"]);
    assert!(said("```bash hook=half test=false\n$ echo\n```\n").is_empty(), "it is never called");
}

#[test]
fn commands_that_do_not_parse() {
    assert_eq!(said(&step("$ echo | | jq")), ["command-syntax 2:10-11"]);
    assert_eq!(said(&step("$ for x in 1 2; do")), ["command-syntax 2:18-19"]);
    assert!(said(&step("$ for x in 1 2; do echo $x; done")).is_empty());
    assert!(said("```bash raw=true\nfor x in 1 2\ndo\n  echo $x\ndone\n```\n").is_empty());
    assert_eq!(said("```bash raw=true\necho\n  echo ) x\n```\n"), ["command-syntax 3:8-9"]);
}

#[test]
fn commands_without_a_tool() {
    assert_eq!(said(&step("$ kubectl get ns | helm x\n$ helm y")), ["unknown-tool 2:20-24"]);
    assert!(check_page(&step("$ helm x\n$ helm y"))[0].message.contains("2 times"));
    assert!(said(&step("$ f() { echo; }; f\n$ $X a\n$ X=1")).is_empty());
    assert_eq!(said(&step("$ kubectl debug x")), ["unknown-tool 2:3-10"]);
    assert_eq!(said(&step("$ timeout 5 helm x")), ["unknown-tool 2:13-17"]);
}

#[test]
fn manifests() {
    let at = "~/environment/eks-workshop/modules";
    for command in [
        format!("kubectl apply -f {at}/pods/pod.yaml"),
        format!("kubectl apply -k {at}/pods"),
        format!("kubectl apply -f {at}/pods"),
        format!("kubectl kustomize {at}/pods | envsubst | kubectl apply -f-"),
        "kubectl apply -f https://a.b/c.yaml".to_owned(),
        "kubectl apply -f $FILE".to_owned(),
        "kubectl apply -f ./made-before.yaml".to_owned(),
        "kubectl logs -f x".to_owned(),
        format!("kubectl exec x -- cat {at}/none"),
    ] {
        assert!(
            said(&step(&format!("$ {command}"))).is_empty(),
            "{command}: {:?}",
            said(&step(&format!("$ {command}")))
        );
    }
    for command in [
        format!("kubectl apply -f {at}/pods/none.yaml"),
        format!("kubectl apply --filename={at}/none"),
        "kubectl apply -k \"$HOME/environment/eks-workshop/modules/none\"".to_owned(),
        format!("kubectl apply -k {at}/bare"),
        format!("kubectl apply -k {at}/pods/pod.yaml"),
        format!("kubectl kustomize {at}/none"),
        format!("cat {at}/none.yaml | kubectl apply -f -"),
    ] {
        let said = said(&step(&format!("$ {command}")));
        assert!(said.len() == 1 && said[0].starts_with("missing-manifest"), "{command}: {said:?}");
    }
    assert!(said("::yaml{file=\"manifests/modules/pods/pod.yaml\"}\n").is_empty());
    assert_eq!(said("::yaml{file=\"manifests/modules/none.yaml\"}\n"), ["missing-manifest 1:1-43"]);
    assert!(said("::yaml{file=\"cluster/none.yaml\"}\n").is_empty(), "nothing is known of a folder that is not here");
    assert_eq!(said("```kustomization\nmodules/none.yaml\nDeployment/x\n```\n"), Vec::<String>::new());
    assert_eq!(said("```file\nmanifests/modules/none.yaml\n```\n"), ["missing-manifest 2:1-28"]);
}

#[test]
fn times() {
    assert_eq!(said(&step("$ kubectl wait --for=x --timeout=180s pod/x")), ["short-timeout 2:24-38"]);
    assert_eq!(said(&step("$ kubectl rollout status deploy/x --timeout 3m")), ["short-timeout 2:45-47"]);
    assert_eq!(said(&step("$ sleep 200")), ["short-timeout 2:9-12"]);
    assert!(said(&step("$ kubectl wait --for=x --timeout=120s pod/x\n$ sleep 60")).is_empty());
    assert!(said("```bash timeout=200\n$ kubectl wait --timeout=180s pod/x\n```\n").is_empty());
}

#[test]
fn json_and_yaml() {
    for output in ["{\n  \"a\": 1\n}", "[]", "{\n  ...\n}", "{\"a\": 1}\n{\"a\": 2}", "not json at all", "{a} b"] {
        assert!(said(&step(&format!("$ jq -n x\n{output}"))).is_empty() || output == "{a} b", "{output}");
    }
    assert!(said(&step("$ kubectl logs x\n{\"a\": 1}\nmore")).is_empty());
    assert_eq!(said(&step("$ aws x y\n{\n  \"a\": [1,]\n}")), ["not-json 4:11-12"]);
    assert_eq!(said(&step("$ aws x y\n{\n  \"a\": 1")).len(), 1);
    assert!(said(&step("$ kubectl get x -o yaml\na: 1\nb:\n  c: 2")).is_empty());
    assert_eq!(said(&step("$ kubectl get x -o yaml\na:\n  b: 1\n c: 2")), ["not-yaml 5:1-6"]);
    assert!(said(&step("$ kubectl get x -o yaml\na: 1\n...\n c: 2")).is_empty());
}

#[test]
fn outputs_of_one_world() {
    let role = |account: &str| format!("arn:aws:iam::{account}:role/x");
    let page = step(&format!("$ echo\n{}\n{}", role("111122223333"), role("111122223333")));
    assert!(said(&page).is_empty());
    let page = step(&format!("$ echo\n{}", role("111122223333"))) + &step(&format!("$ echo\n{}", role("444455556666")));
    assert_eq!(said(&page), ["mixed-account 7:14-26"]);
    let page = step("$ echo\nip-10-0-0-1.us-east-2.compute.internal\nip-10-0-0-2.us-west-2.compute.internal");
    assert_eq!(said(&page), ["mixed-region 4:13-22"]);
    let page = step("$ echo\n\"clusterName\": \"a\",\n\"clusterName\": \"b\",");
    assert_eq!(said(&page), ["mixed-cluster 4:17-18"]);
    assert!(said("arn:aws:iam::111122223333:role/x, arn:aws:iam::444455556666:role/x\n").is_empty(), "prose compares");
}

#[test]
fn secrets() {
    // Made here so that no scanner takes this file for a leak.
    let key = format!("AKIA{}", "Q3EGW7YBHZ2KLMN4");
    assert_eq!(said(&step(&format!("$ echo\nkey {key} end"))), ["secret 3:5-25"]);
    let secret = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzzzzzKEYQ";
    assert_eq!(said(&step(&format!("$ echo\n\"SecretAccessKey\": \"{secret}\""))).len(), 1);
    assert!(said(&step("$ echo\nAKIAIOSFODNN7EXAMPLE")).is_empty());
    let report = Report { findings: check_page(&step(&format!("$ echo\n{key}"))), ..Report::default() };
    assert!(!format::human::write(&report, true).contains(&key), "a credential is not printed once more");
}

#[test]
fn links() {
    for url in [
        "https://a.b",
        "./other.md",
        "other",
        "./other.md#clean-up",
        "./other.md#named",
        "#here-it-is",
        "../jobs/index.md",
        "../jobs",
        "/docs/jobs",
        "/docs/pods/other",
        "mailto:a@b",
    ] {
        assert!(
            said(&format!("## Here it is\n\n[x]({url})\n")).is_empty(),
            "{url}: {:?}",
            said(&format!("[x]({url})\n"))
        );
    }
    assert_eq!(said("a [x](./none.md)\n"), ["broken-link 1:3-17"]);
    assert_eq!(said("[x](/docs/pods/none)\n"), ["broken-link 1:1-21"]);
    assert_eq!(said("[x](#none)\n"), ["broken-anchor 1:1-11"]);
    assert_eq!(said("[x](./other.md#none)\n"), ["broken-anchor 1:1-21"]);
    assert_eq!(check_page("[x](/docs/elsewhere/none)\n")[0].severity, Severity::Note);
    assert!(said("![x](./picture.png)\n\n![x](/img/logo.png)\n").is_empty());
    assert_eq!(said("![x](./none.png)\n"), ["broken-image 1:1-17"]);
    assert_eq!(said("![x](/img/none.png)\n"), ["broken-image 1:1-20"]);
    assert!(said("`[x](./none.md)`\n\n```md\n[x](./none.md)\n```\n").is_empty());
}

#[test]
fn wide_outputs() {
    let wide = "x".repeat(81);
    assert_eq!(said(&step(&format!("$ echo\nshort\n{wide}"))), ["wide-output 4:1-82"]);
    assert!(said(&step(&format!("$ echo\n{}", "x".repeat(80)))).is_empty());
    assert!(said(&step(&format!("$ echo {wide}"))).is_empty(), "commands may be long");
}

#[test]
fn what_the_other_runner_leaves_out() {
    assert_eq!(said(&step("$ echo a\n\n$ echo b")), ["never-run-elsewhere 4:1-9"]);
    assert!(said(&step("$ echo a\n\nb")).is_empty(), "only output is behind the blank line");
    assert_eq!(said(&step("$ cat <<EOF\na\n\nb\nEOF")), ["never-run-elsewhere 2:1-12"]);
    assert_eq!(said(&step("$ cat <<'EOF'\na\nEOF")), ["never-run-elsewhere 2:1-14"]);
    assert!(said(&step("$ cat <<EOF\na\nEOF")).is_empty());
    assert!(said("```bash test=false\n$ echo a\n\n$ echo b\n```\n").is_empty());
    assert!(said("```bash raw=true\necho a\n\necho b\n```\n").is_empty());
}

#[test]
fn mending() {
    let mended = |body: &str| {
        let text = format!("---\ntitle: x\n---\n{body}");
        let findings = check_page(body);
        let findings: Vec<&Finding> = findings.iter().collect();
        fix::mend(Path::new(PAGE), &text, &findings)
            .map(|(text, count)| (text.strip_prefix("---\ntitle: x\n---\n").unwrap_or_default().to_owned(), count))
    };
    for (body, expected) in [
        ("```bash hooktimeout=430 hook=good\n$ a\n```\n", Some("```bash hookTimeout=430 hook=good\n$ a\n```\n")),
        ("```bash wait = 30\n$ a\n```\n", Some("```bash wait=30\n$ a\n```\n")),
        ("```bash hook_timeout=4 wait =3\n$ a\n```\n", Some("```bash hookTimeout=4 wait=3\n$ a\n```\n")),
        ("```bash timeot=30\n$ a\n```\n", Some("```bash timeout=30\n$ a\n```\n")),
        // What is meant is in doubt.
        ("```bash title=x\n$ a\n```\n", None),
        ("```bash hooktimeout=long\n$ a\n```\n", None),
        ("```bash hooktimeout=4 hookTimeout=5\n$ a\n```\n", None),
        ("```bash timeout=2m\n$ a\n```\n", None),
    ] {
        assert_eq!(mended(body).map(|(text, _)| text), expected.map(str::to_owned), "{body}");
    }
    assert_eq!(mended("```bash hook_timeout=4 wait =3\n$ a\n```\n").map(|(_, count)| count), Some(2));
}
