use crate::side_by_side::{compare, ours, theirs, words};
use needs::needs;
use proptest::prelude::*;

const TEXT: &str = "apple pie\nBanana split\ncherry tart\n\napple tart (fresh)\ngrape-fruit 12\nfoo.bar\nfoo bar\nfooxbar\n\
    a+b=c\na*b\n[x]\n{y}\n^caret\ncost $5\nback\\slash\ntabs\there\nÄpfel über\nfoo foo foo\nunder_score\nthe end";

const LINES: &[&str] = &[
    "grep apple",
    "grep -i banana",
    "grep -v apple",
    "grep -c apple",
    "grep -n apple",
    "grep -o foo",
    "grep -q apple",
    "grep -q nothing",
    "grep nothing",
    "grep -c nothing",
    "grep -vc apple",
    "grep -in BANANA",
    "grep -w foo",
    "grep -x 'foo bar'",
    "grep -F foo.bar",
    "grep foo.bar",
    "grep -E 'apple|tart'",
    "grep 'apple\\|tart'",
    "grep -e apple -e grape",
    "grep -A1 Banana",
    "grep -B1 cherry",
    "grep -C1 grape",
    "grep -1 grape",
    "grep -n -A 2 apple",
    "grep -n -C2 foo",
    "grep -m1 apple",
    "grep -m 2 foo",
    "grep -m1 -A2 apple",
    "grep -m 1 -c apple",
    "grep -h apple a.txt b.txt",
    "grep apple a.txt b.txt",
    "grep -H apple a.txt",
    "grep -l apple a.txt b.txt c.txt",
    "grep -L apple a.txt b.txt c.txt",
    "grep -c apple a.txt b.txt c.txt",
    "grep -n apple a.txt b.txt",
    "grep apple a.txt -",
    "grep -s apple missing",
    "grep apple missing",
    "grep apple missing a.txt",
    "grep -q apple missing a.txt",
    "grep -q apple a.txt missing",
    "grep -r apple dir",
    "grep -rn apple dir",
    "grep -rl apple dir",
    "grep -rh apple dir",
    "grep apple dir",
    "grep -r apple",
    "grep -E 'a+'",
    "grep 'a\\+b'",
    "grep 'a+b'",
    "grep -E 'a\\+b'",
    "grep 'a*b'",
    "grep 'a\\*b'",
    "grep '*b'",
    "grep '^foo'",
    "grep 'bar$'",
    "grep '^$'",
    "grep -v '^$'",
    "grep -c ''",
    "grep ''",
    "grep 'x^'",
    "grep '\\^caret'",
    "grep '$5'",
    "grep '\\$5'",
    "grep -E '\\$5'",
    "grep '[[:digit:]]'",
    "grep -o '[[:digit:]]\\+'",
    "grep -oE '[0-9]+'",
    "grep '[^a-z ]'",
    "grep '[]x]'",
    "grep '[^]x]'",
    "grep '[x-]'",
    "grep '[a\\]'",
    "grep '\\[x\\]'",
    "grep '{y}'",
    "grep -E '\\{y\\}'",
    "grep -E '{y}'",
    "grep 'o\\{2\\}'",
    "grep -E 'o{2}'",
    "grep -E 'o{2,3}b'",
    "grep 'o\\{2,\\}'",
    "grep 'fo\\{0,1\\}'",
    "grep -E '(foo|grape)[ -]'",
    "grep '\\(foo\\|grape\\)[ -]'",
    "grep -E '(foo ?)+'",
    "grep -oE '(foo ?)+'",
    "grep '\\<foo\\>'",
    "grep '\\bbar\\b'",
    "grep '\\Bbar'",
    "grep '\\w\\+_\\w\\+'",
    "grep -E '\\W'",
    "grep -E '\\s'",
    "grep '\\S\\S\\S\\S\\S\\S'",
    "grep -o '\\w*' a.txt",
    "grep -on foo",
    "grep -ob foo",
    "grep -b foo",
    "grep -c foo.bar",
    "grep -iF FOO.BAR",
    "grep -F -e foo -e apple",
    "grep -Fx 'foo bar'",
    "grep -Fw foo",
    "grep -ow foo",
    "grep -wv foo",
    "grep -xv 'foo bar'",
    "grep -f patterns.txt",
    "grep -F -f patterns.txt",
    "grep -f empty.txt",
    "grep -vf empty.txt",
    "grep -i äpfel",
    "grep -o '.pfel'",
    "grep --color=never apple",
    "grep --color=auto apple",
    "grep --color=always foo",
    "grep -n --color=always -A1 grape a.txt b.txt",
    "grep --max-count=1 apple",
    "grep --count apple",
    "grep --context=1 grape",
    "grep --after-context 1 grape",
    "grep --inv apple",
    "grep --regexp=apple",
    "grep apple -i -n",
    "grep -- -fruit",
    "grep -e -fruit",
    "grep -A x apple",
    "grep -m x apple",
    "grep '[a'",
    "grep '\\(a'",
    "grep -E '(a'",
    "grep -E 'a)'",
    "grep 'a\\)'",
    "grep -E '*a'",
    "grep -E '+a'",
    "grep 'a\\{1'",
    "grep -E 'a{1'",
    "grep -E 'a{,2}b'",
    "grep '[[:foo:]]'",
    "grep 'a\\{2,1\\}'",
    "grep '\\'",
    "grep -E 'a**'",
    "grep -E 'a|'",
    "grep -E '()'",
    "grep 'a^b'",
    "grep 'a$b'",
    "grep -E 'a^b'",
    "grep -E '^*a'",
    "grep '^*b'",
    "grep '\\(^foo\\)'",
    "grep 'foo\\(bar$\\)'",
    "grep '\\(*b\\)'",
    "grep -E 'fo+?x'",
    "egrep 'apple|tart'",
    "fgrep foo.bar",
    "grep -lv apple a.txt b.txt",
    "grep -lc apple a.txt",
    "grep -no apple a.txt b.txt",
    "grep -vn apple a.txt",
    "grep -ov foo",
    "grep -cv ''",
    "grep -A1 -B1 -n foo a.txt b.txt",
    "grep -oi 'A[a-z]*'",
    "grep -oE 'foo|foo bar'",
    "grep -w 'foo.*'",
    "grep -w ''",
    "grep -x ''",
    "grep -e",
    "grep",
    "grep -y APPLE",
    "grep -z",
    "grep -P 'foo\\d?'",
    "grep -oP '\\d+'",
    "grep $'apple\\nfoo'",
    "grep -F $'apple\\nfoo'",
    "grep -A1 -c foo",
    "grep -rc apple dir",
    "grep -c x c.txt",
    "grep -3 cherry",
    "grep -n2 cherry",
    "grep -vA1 foo",
];

#[needs("grep")]
#[test]
fn grep_does_as_grep() {
    let lines: Vec<&str> = LINES.iter().copied().filter(|line| *line != "grep -z").collect();
    let files = [
        ("a.txt", TEXT),
        ("b.txt", "apple\nno\nno\nno\napple"),
        ("c.txt", ""),
        ("patterns.txt", "apple\nfoo.bar\n"),
        ("empty.txt", ""),
        ("dir/one.txt", "an apple\n"),
        ("dir/sub/two.txt", "two apples\nthree\n"),
    ];
    compare(&lines, TEXT, &files, |ran| {
        // Old releases call the tools of other names by a note of their age.
        ran.stderr = ran.stderr.lines().filter(|line| !line.contains("obsolescent")).collect::<Vec<_>>().join("\n");
        // The order of folders' files is the file system's.
        if ran.stdout.contains("dir/") || ran.stdout.contains("sub/") {
            let mut lines: Vec<&str> = ran.stdout.lines().collect();
            lines.sort_unstable();
            ran.stdout = lines.join("\n");
        }
        // A file is named in the wording of `-f`'s error and of usage alike, but the hint differs by packager.
        if ran.status == 2 {
            ran.stderr = ran.stderr.lines().next().unwrap_or("").to_owned();
        }
    });
}

#[test]
fn what_needs_backtracking_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for (line, part) in
        [("grep '\\(a\\)\\1'", "back-reference"), ("grep -P 'a(?=b)'", "look-ahead"), ("grep -oP 'a\\Kb'", "\\K")]
    {
        let ran = ours(&words(line), b"ab\n", folder.path());
        assert_eq!((ran.status, ran.stdout.as_str()), (2, ""), "{line}");
        assert!(ran.stderr.contains(part), "{line}: {}", ran.stderr);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[needs("grep")]
    #[test]
    fn random_lines_are_selected_alike(
        text in proptest::collection::vec("[ab.*+ x-]{0,8}", 0..8),
        pattern in "[ab.x*+-]{1,4}",
        mode in prop::sample::select(vec!["-F", "-E", "-vF", "-vE", "-oF", "-oE", "-wF", "-xE", "-c", "-n"]),
    ) {
        let line: Vec<String> = ["grep", mode, "-e", &pattern].map(str::to_owned).to_vec();
        let input = text.join("\n");
        let folder = tempfile::tempdir().unwrap();
        let mut theirs = theirs(&line, input.as_bytes(), folder.path());
        let mut ours = ours(&line, input.as_bytes(), folder.path());
        ours.stderr.clear();
        theirs.stderr.clear();
        prop_assert_eq!(ours, theirs, "{:?} on {:?}", line, input);
    }
}
